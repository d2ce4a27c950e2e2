"""The temperature: the planted one is found, no answer changes, and nothing is scaled without reason."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from sft_keras.evaluation.calibration import fit_temperature, without_temperature


def drawn(rows: int, factor: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are right about their probabilities, made too sure by a factor, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, 4)) * 2
    labels = np.array([rng.choice(4, p=row) for row in softmax(logits, axis=1)])
    return logits * factor, labels


@pytest.mark.parametrize("factor", [0.3, 1.0, 2.5, 8.0])
def test_a_planted_temperature_is_found(factor):
    logits, labels = drawn(4000, factor)
    assert fit_temperature(logits, labels) == pytest.approx(factor, rel=0.1)


def test_it_has_the_least_log_loss_of_all():
    logits, labels = drawn(300, 3.0, seed=2)
    found = fit_temperature(logits, labels)
    grid = np.geomspace(0.05, 20, 400)
    losses = [log_loss(labels, softmax(logits / t, axis=1), labels=range(4)) for t in grid]
    assert log_loss(labels, softmax(logits / found, axis=1), labels=range(4)) <= min(losses) + 1e-6


def test_rows_that_tell_nothing_leave_it_at_one():
    logits, labels = drawn(19, 3.0)
    assert fit_temperature(logits, labels) == 1.0
    logits, _ = drawn(50, 3.0)
    assert fit_temperature(logits, np.zeros(50, dtype=int)) == 1.0
    assert fit_temperature(np.full((50, 2), np.nan), np.arange(50) % 2) == 1.0


def test_a_part_without_mistakes_makes_no_model_surer():
    labels = np.arange(100) % 3
    logits = np.eye(3)[labels] * 5
    assert fit_temperature(logits, labels) == 1.0
    assert fit_temperature(np.where(labels[:, None] == 0, logits[::-1] * 0 + [1, 0, 0], logits), labels) == 1.0


def test_probabilities_before_are_found_again():
    logits, _ = drawn(200, 5.0)
    before, after = softmax(logits, axis=1), softmax(logits / 1.7, axis=1)
    np.testing.assert_allclose(without_temperature(after, 1.7), before, atol=1e-9)
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()
