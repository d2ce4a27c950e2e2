"""Predictions to measure, made from a seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

Predictions = Callable[[int, int], tuple[np.ndarray, np.ndarray]]


@pytest.fixture
def predictions() -> Predictions:
    """A function of (rows, classes) that gives labels and probabilities that are mostly right, with ties."""

    def make(rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng(rows * 1000 + classes)
        labels = np.concatenate([np.arange(classes), generator.integers(0, classes, rows)])[:rows]
        logits = generator.normal(size=(rows, classes)).round(1)
        logits[np.arange(rows), labels] += 1.5
        probabilities = np.exp(logits)
        return labels, probabilities / probabilities.sum(axis=1, keepdims=True)

    return make
