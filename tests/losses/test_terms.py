"""Each supervised term against its formula, value and gradient, and where numbers get extreme."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras import ops

from sft_keras.config import TermConfig
from sft_keras.losses.base import TERMS, LossTerm
from tests.losses import reference
from tests.losses.conftest import BATCHES, CLASSES, DIM, Batch, make_batch
from tests.losses.gradients import value_and_gradients

COUNTS = np.array([50, 20, 5, 2])
TEMPERATURE = 0.3
START = np.random.default_rng(9).normal(size=(CLASSES, DIM)).astype("float32")


def build(name: str) -> LossTerm:
    term = TERMS.get(name)(TermConfig(name=name, temperature=TEMPERATURE, center_rate=0.4), CLASSES, DIM, COUNTS)
    for variable in term.variables:
        variable.assign(START)
    return term


def expected(
    name: str, labels: np.ndarray, features: np.ndarray, logits: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    if name == "center":
        return reference.center(labels, features, weights, START)
    if name == "class_balanced":
        return reference.class_balanced(labels, logits, weights, COUNTS)
    return getattr(reference, name)(labels, features, weights, TEMPERATURE)


NAMES = ("center", "class_balanced", "prototype", "supcon")


@pytest.mark.parametrize("name", NAMES)
def test_value(name: str, batch: Batch) -> None:
    values = build(name)(*batch, training=True)
    np.testing.assert_allclose(values, expected(name, *batch), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("which", ["mixed", "one class has one member", "zero weights"])
def test_gradient(name: str, which: str) -> None:
    labels, features, logits, weights = BATCHES[which]
    mix = np.random.default_rng(3).normal(size=len(labels))
    on_logits = name == "class_balanced"
    point = logits if on_logits else features

    def scalar(at: np.ndarray) -> float:
        values = expected(name, labels, *((features, at) if on_logits else (at, logits)), weights)
        return float(mix @ values)

    term = build(name)

    def mixed(at: Any) -> Any:
        inputs = (features, at) if on_logits else (at, logits)
        return ops.convert_to_tensor(mix, "float32") * term(labels, *inputs, weights, training=True)

    _, (gradient,) = value_and_gradients(mixed, point)
    numeric = reference.numeric_gradient(scalar, point)
    assert np.abs(numeric).max() > 1e-3
    np.testing.assert_allclose(gradient, numeric, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-8, 1e4, 1e18])
def test_features_of_any_size_give_finite_gradients(name: str, scale: float) -> None:
    labels, features, logits, weights = BATCHES["mixed"]
    mixed = features.copy()
    mixed[::2] *= scale
    for rows in (mixed, features * scale):
        term = build(name)
        values, (gradient,) = value_and_gradients(
            lambda at, term=term: term(labels, at, logits, weights, training=True), rows
        )
        assert np.isfinite(values).all()
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", ["supcon", "prototype"])
@pytest.mark.parametrize("which", ["every class has one member", "one class", "one row", "all weights zero"])
def test_nothing_to_contrast_gives_no_gradient_or_a_finite_one(name: str, which: str) -> None:
    labels, features, logits, weights = BATCHES[which]
    term = build(name)
    values, (gradient,) = value_and_gradients(lambda at: term(labels, at, logits, weights, training=True), features)
    assert np.isfinite(gradient).all()
    if (name, which) != ("supcon", "one class"):
        np.testing.assert_allclose(values, 0, atol=1e-6)
        np.testing.assert_allclose(gradient, 0, atol=1e-6)


def test_tight_clusters_at_a_low_temperature_do_not_overflow() -> None:
    labels = np.array([0, 0, 1, 1], "int32")
    features = np.array([[1, 0], [1, 0], [-1, 0], [-1, 0]], "float32")
    config = {"temperature": 0.01}
    for name in ("supcon", "prototype"):
        term = TERMS.get(name)(TermConfig(name=name, **config), 2, 2, np.array([2, 2]))
        good = term(labels, features, np.zeros((4, 2), "float32"), np.ones(4, "float32"), training=True)
        bad = term(labels[[0, 2, 1, 3]], features, np.zeros((4, 2), "float32"), np.ones(4, "float32"), training=True)
        np.testing.assert_allclose(good, 0, atol=1e-3)
        assert np.isfinite(bad).all()
        assert np.asarray(bad).min() > 50


def test_prototype_cannot_be_solved_by_the_row_itself() -> None:
    """Two classes of the same two rows: with the row in its own mean both classes would be as near, and cost log 2."""
    labels = np.array([0, 0, 1, 1], "int32")
    features = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], "float32")
    term = TERMS.get("prototype")(TermConfig(name="prototype", temperature=0.1), 2, 2, np.array([2, 2]))
    values = term(labels, features, np.zeros((4, 2), "float32"), np.ones(4, "float32"), training=True)
    np.testing.assert_allclose(values, np.log1p(np.exp(np.sqrt(0.5) / 0.1)), rtol=1e-5)


def test_centers_move_as_in_the_paper_and_only_in_training(batch: Batch) -> None:
    term = build("center")
    term(*batch, training=False)
    np.testing.assert_array_equal(np.asarray(term.variables[0]), START)
    term(*batch, training=True)
    moved = reference.moved_centers(batch.labels, batch.features, batch.weights, START, 0.4)
    np.testing.assert_allclose(np.asarray(term.variables[0]), moved, rtol=1e-5, atol=1e-6)


def test_centers_follow_their_class() -> None:
    term = build("center")
    rows = make_batch([0, 0, 0, 1])
    first = float(np.asarray(term(*rows, training=True)).mean())
    for _ in range(60):
        last = float(np.asarray(term(*rows, training=True)).mean())
    assert last < 0.6 * first
    np.testing.assert_allclose(np.asarray(term.variables[0])[0], rows.features[:3].mean(axis=0), atol=1e-4)
    np.testing.assert_array_equal(np.asarray(term.variables[0])[2:], START[2:])
