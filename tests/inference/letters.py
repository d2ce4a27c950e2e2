"""Training rows, and a stand-in for a model, for the tests of the examples most like a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.data.examples import Examples
from sft_keras.inference.training_features import TrainingFeatures

WIDTH = 6


class Letters:
    """Stands for a `FeaturePredictor`: a vector of a text follows from its characters."""

    width = WIDTH

    def __init__(self) -> None:
        self.asked: list[str] = []

    def outputs(self, texts: list[str]) -> np.ndarray:
        self.asked += texts
        found = np.zeros((len(texts), WIDTH), dtype=np.float32)
        for row, text in enumerate(texts):
            for place, character in enumerate(text):
                found[row, (ord(character) * 31 + place) % WIDTH] += 1 + ord(character) % 7
        return found


def rows_of(folder: Path, rows: list[tuple[str, str]]) -> Path:
    """The training rows of a run."""
    file = folder / "data" / "train.parquet"
    file.parent.mkdir(exist_ok=True)
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    Examples(texts, labels, None, np.arange(len(rows)) + 1).to_parquet(file)
    return file


def features(file: Path, predictor: Any = None, **options: Any) -> TrainingFeatures:
    return TrainingFeatures(predictor or Letters(), file, **{"model": "m", "seed": 3, **options})


def ready(file: Path, predictor: Any = None, **options: Any) -> TrainingFeatures:
    made = features(file, predictor, **options)
    made.prepare()
    return made
