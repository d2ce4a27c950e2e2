"""Tiny trainings without a run folder, for the tests of training."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.preprocessing.batches import pad_batch
from sft_keras.training.progress import Silent
from sft_keras.training.strategies import train
from sft_keras.training.trainer import Trained
from tests.conftest import TINY, merged, sentences


def examples(rows: int, seed: int = 0, weights: np.ndarray | None = None) -> Examples:
    """Sentences of two labels, as training reads them."""
    pairs = sentences(rows, seed)
    return Examples([t for t, _ in pairs], [label for _, label in pairs], weights, np.arange(1, rows + 1), "made")


TRAINING, VALIDATION = examples(90), examples(40, seed=1)


class Recorder:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def event(self, kind: str, **values: Any) -> None:
        self.events.append((kind, values))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [values for name, values in self.events if name == kind]


def run(folder: Path, settings: dict[str, Any] | None = None, training: Examples = TRAINING, **options: Any) -> Trained:
    """Trains a tiny LSTM, or what the settings say, with its checkpoints in a folder."""
    config = RunConfig.parse(merged(TINY, {"model": {"backbone": "lstm"}}, settings or {}))
    return train(config, training, VALIDATION, checkpoints=folder, sink=options.pop("sink", Silent()), **options)


def logits(trained: Trained) -> np.ndarray:
    """What it answers for the validation texts, [rows, classes]."""
    ids = trained.tokenizer.encode(VALIDATION.texts, 16)
    batch = pad_batch(ids, trained.tokenizer.pad_id)
    model = trained.model.inference_model()
    return np.asarray(model.predict_on_batch({name: batch[name] for name in model.input}))


def stop_after(steps: int) -> Callable[[], bool]:
    """Asks for a stop after so many steps."""
    counter = itertools.count(1)
    return lambda: next(counter) >= steps


def hard_settings(backbone: str) -> dict[str, Any]:
    """Everything that has state: dropout, a ramp of λ, class centers, several epochs."""
    return {
        "model": {"backbone": backbone},
        "training": {"epochs": 3, "patience": None},
        "objective": {
            "terms": [{"name": "supcon", "weight": 0.2, "ramp_epochs": 2}, {"name": "center", "weight": 0.1}]
        },
    }
