"""Runs of an owner whose mistakes have costs: their rows, with scores for the test part and perhaps for validation."""

from __future__ import annotations

import numpy as np

from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.reports import VALIDATION_PREDICTIONS, save_predictions
from sft_keras.services import Space
from tests.services.made_runs import NAMES, examples, made_run

ROWS = 90
TRUTH = [i % 3 for i in range(ROWS)]
LABELS = [NAMES[i] for i in TRUTH]
TEXTS = [f"text {i}" for i in range(ROWS)]
MATRIX = [[0, 1, 4], [2, 0, 1], [5, 1, 0]]


def made(space: Space, scores: np.ndarray, validation: np.ndarray | None = None, names=NAMES, labels=LABELS) -> str:
    run = made_run(space, TEXTS, labels, scores, names=names)
    if validation is not None:
        folder = RunDirectory(space.place("runs", run))
        examples(TEXTS, labels).to_parquet(folder.data / "validation.parquet")
        save_predictions(folder, names, validation, VALIDATION_PREDICTIONS)
    return run
