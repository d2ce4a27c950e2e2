"""Cross-entropy and focal loss against their formulas and against Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sft_keras.config import ObjectiveConfig
from sft_keras.losses.task import TaskLoss, cross_entropy, focal
from tests.losses import reference
from tests.losses.conftest import BATCHES, CLASSES, Batch
from tests.losses.gradients import value_and_gradients

SETTINGS = [(0.0, 0.0), (0.0, 0.1), (0.5, 0.0), (2.0, 0.0), (2.0, 0.2), (10.0, 0.1)]


@pytest.mark.parametrize(("gamma", "smoothing"), SETTINGS)
def test_value(gamma: float, smoothing: float, batch: Batch) -> None:
    expected = reference.focal(batch.labels, batch.logits, gamma, smoothing)
    config = ObjectiveConfig(task_loss="focal", focal_gamma=gamma, label_smoothing=smoothing)
    values = TaskLoss(config)(batch.labels, batch.logits)
    assert values.shape == batch.labels.shape
    np.testing.assert_allclose(values, expected, rtol=2e-5, atol=1e-6)
    if gamma == 0:
        plain = TaskLoss(ObjectiveConfig(label_smoothing=smoothing, focal_gamma=5))(batch.labels, batch.logits)
        np.testing.assert_allclose(plain, expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(("gamma", "smoothing"), SETTINGS)
def test_gradient(gamma: float, smoothing: float) -> None:
    labels, _, logits, _ = BATCHES["mixed"]
    _, (gradient,) = value_and_gradients(lambda at: focal(labels, at, gamma, smoothing), logits)
    numeric = reference.numeric_gradient(lambda at: reference.focal(labels, at, gamma, smoothing).sum(), logits)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-3, atol=1e-4)


def test_agrees_with_keras() -> None:
    labels, _, logits, _ = BATCHES["mixed"]
    one_hot = np.eye(CLASSES, dtype="float32")[labels]
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1, reduction=None)
    np.testing.assert_allclose(cross_entropy(labels, logits, 0.1), theirs(one_hot, logits), rtol=1e-5)
    theirs = keras.losses.CategoricalFocalCrossentropy(
        alpha=1.0, gamma=2.0, from_logits=True, label_smoothing=0.1, reduction=None
    )
    # Keras clips probabilities at 1e-7.
    np.testing.assert_allclose(focal(labels, logits, 2.0, 0.1), theirs(one_hot, logits), rtol=1e-4)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 10.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_extreme_logits_stay_finite(gamma: float, smoothing: float) -> None:
    logits = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4], [0, 0, 0], [1e4, 1e4, 1e4], [88, 0, 0]], "float32")
    labels = np.repeat(np.arange(3, dtype="int32"), len(logits))
    values, (gradient,) = value_and_gradients(lambda at: focal(labels, at, gamma, smoothing), np.tile(logits, (3, 1)))
    assert np.isfinite(values).all()
    assert np.isfinite(gradient).all()
    wrong = focal(np.array([1], "int32"), logits[:1], gamma, 0.0)
    np.testing.assert_allclose(wrong, [2e4], rtol=1e-6)


def test_a_single_class_costs_nothing() -> None:
    labels, logits = np.zeros(3, "int32"), np.array([[1.0], [0.0], [-5.0]], "float32")
    for gamma in (0.0, 2.0):
        np.testing.assert_array_equal(focal(labels, logits, gamma), np.zeros(3))
