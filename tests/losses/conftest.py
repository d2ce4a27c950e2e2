"""Batches that every formula is tried on, and the backend, set before Keras is first imported."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from typing import NamedTuple

import numpy as np
import pytest

CLASSES, DIM = 4, 6


class Batch(NamedTuple):
    """Rows as the terms get them."""

    labels: np.ndarray
    features: np.ndarray
    logits: np.ndarray
    weights: np.ndarray


def make_batch(labels: list[int], weights: list[float] | None = None, seed: int = 0) -> Batch:
    """Normal features and logits for these labels."""
    random = np.random.default_rng(seed)
    rows = len(labels)
    return Batch(
        np.array(labels, "int32"),
        random.normal(size=(rows, DIM)).astype("float32"),
        (3 * random.normal(size=(rows, CLASSES))).astype("float32"),
        np.array(weights if weights is not None else [1.0] * rows, "float32"),
    )


BATCHES = {
    "mixed": make_batch([0, 1, 0, 2, 1, 0, 2, 1]),
    "one class has one member": make_batch([0, 0, 1, 3, 1, 0], seed=1),
    "every class has one member": make_batch([0, 1, 2, 3], seed=2),
    "one class": make_batch([2, 2, 2, 2, 2], seed=3),
    "one row": make_batch([1], seed=4),
    "zero weights": make_batch([0, 1, 0, 2, 1, 0, 2, 3], [1, 0, 1, 1, 1, 0, 0, 1], seed=5),
    "fractional weights": make_batch([0, 1, 0, 1, 2, 2], [0.5, 2, 1, 0, 0.25, 3], seed=6),
    "all weights zero": make_batch([0, 1, 0], [0, 0, 0], seed=7),
}


@pytest.fixture(params=BATCHES.values(), ids=BATCHES.keys())
def batch(request: pytest.FixtureRequest) -> Batch:
    """Each of the batches in turn."""
    return request.param
