"""The whole objective: its parts add up, weights go where they belong, and λ = 0 is no term at all."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from sft_keras.config import ObjectiveConfig, TermConfig
from sft_keras.errors import ConfigError
from sft_keras.losses.base import batch_mean
from sft_keras.losses.objective import Objective
from tests.losses import reference
from tests.losses.conftest import BATCHES, CLASSES, DIM, Batch, make_batch

COUNTS = np.array([50, 20, 5, 2])
LABELS = ("a", "b", "c", "d")
ALL_TERMS = tuple(TermConfig(name=name, weight=0.3) for name in ("supcon", "prototype", "center", "class_balanced"))


def build(steps_per_epoch: int = 10, **settings: Any) -> Objective:
    return Objective(
        ObjectiveConfig(**settings),
        num_classes=CLASSES,
        feature_dim=DIM,
        class_counts=COUNTS,
        label_names=LABELS,
        steps_per_epoch=steps_per_epoch,
    )


def test_parts_add_up_to_the_loss(batch: Batch) -> None:
    objective = build(terms=ALL_TERMS, class_weights="balanced", label_smoothing=0.1)
    loss, parts = objective(batch.labels, batch.logits, batch.features, batch.weights, training=True)
    assert tuple(parts) == objective.part_names
    assert objective.part_names[:3] == ("task_loss", "sup_loss", "supcon_loss")
    means = {name: float(np.asarray(values).mean()) for name, values in parts.items()}
    assert float(loss) == pytest.approx(means["task_loss"] + means["sup_loss"], rel=1e-5, abs=1e-7)
    terms = sum(0.3 * means[f"{term.name}_loss"] for term in ALL_TERMS)
    assert means["sup_loss"] == pytest.approx(terms, rel=1e-5, abs=1e-7)


def test_without_terms_there_is_only_the_task_loss(batch: Batch) -> None:
    objective = build()
    loss, parts = objective(batch.labels, batch.logits, batch.features, batch.weights, training=True)
    assert objective.part_names == tuple(parts) == ("task_loss",)
    expected = batch.weights * reference.focal(batch.labels, batch.logits, 0, 0)
    np.testing.assert_allclose(parts["task_loss"], expected, rtol=1e-5, atol=1e-6)
    assert float(loss) == pytest.approx(expected.sum() / len(batch.labels), rel=1e-5, abs=1e-7)


def test_class_weights_apply_to_the_task_loss_only(batch: Batch) -> None:
    plain, weighted = build(terms=ALL_TERMS), build(terms=ALL_TERMS, class_weights={"b": 3.0, "c": 0.5})
    inputs = (batch.labels, batch.logits, batch.features, batch.weights)
    before, after = plain(*inputs, training=True).parts, weighted(*inputs, training=True).parts
    factors = np.array([1, 3, 0.5, 1])[batch.labels]
    np.testing.assert_allclose(after["task_loss"], factors * np.asarray(before["task_loss"]), rtol=1e-6)
    for name in plain.part_names[1:]:
        np.testing.assert_array_equal(after[name], before[name])


def test_row_weights_scale_the_task_loss_and_the_terms() -> None:
    labels, features, logits, _ = BATCHES["mixed"]
    weights = np.array([0.5, 2, 1, 3, 0.25, 1, 4, 1], "float32")
    plain = build(terms=ALL_TERMS)(labels, logits, features, training=False).parts
    weighted = build(terms=ALL_TERMS)(labels, logits, features, weights, training=False).parts
    for name in plain:
        np.testing.assert_allclose(weighted[name], weights * np.asarray(plain[name]), rtol=1e-5, atol=1e-7)


def test_labels_and_weights_may_come_as_columns_and_floats() -> None:
    labels, features, logits, weights = BATCHES["fractional weights"]
    flat = build(terms=ALL_TERMS)(labels, logits, features, weights, training=False)
    column = build(terms=ALL_TERMS)(
        labels[:, None].astype("float32"), logits, features, weights[:, None], training=False
    )
    assert float(flat.loss) == float(column.loss)


def test_batch_mean_divides_by_all_rows() -> None:
    values, weights = np.array([1.0, 2.0, 6.0], "float32"), np.array([1.0, 0.0, 0.5], "float32")
    mean = batch_mean(values, weights)
    assert keras.backend.standardize_dtype(mean.dtype) == "float32"
    assert float(mean) == pytest.approx(4 / 3)
    assert float(batch_mean(values)) == pytest.approx(3)


@pytest.mark.parametrize(("step", "share"), [(0, 0.0), (5, 0.25), (10, 0.5), (20, 1.0), (1000, 1.0), (None, 1.0)])
@pytest.mark.parametrize("training", [True, False])
def test_ramp(step: int | None, share: float, training: bool) -> None:
    labels, features, logits, _ = BATCHES["mixed"]
    objective = build(terms=(TermConfig(name="supcon", weight=0.8, ramp_epochs=2),), steps_per_epoch=10)
    iterations = None if step is None else keras.Variable(step, dtype="int32", trainable=False)
    parts = objective(labels, logits, features, iterations=iterations, training=training).parts
    assert np.asarray(parts["supcon_loss"]).min() > 0
    np.testing.assert_allclose(parts["sup_loss"], 0.8 * share * np.asarray(parts["supcon_loss"]), rtol=1e-6)


def test_without_a_ramp_the_weight_is_constant() -> None:
    labels, features, logits, _ = BATCHES["mixed"]
    objective = build(terms=(TermConfig(name="supcon", weight=0.8),))
    parts = objective(labels, logits, features, iterations=0, training=True).parts
    np.testing.assert_allclose(parts["sup_loss"], 0.8 * parts["supcon_loss"], rtol=1e-6)


def test_an_unknown_label_of_a_class_weight_is_refused() -> None:
    with pytest.raises(ConfigError, match="which is no label"):
        build(class_weights={"e": 2.0})


class TinyModel(keras.Model):
    """The smallest model that trains with an objective, features and all."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.objective = objective
        self.objective_variables = objective.variables
        self.body = keras.layers.Dense(DIM, activation="tanh")
        self.head = keras.layers.Dense(CLASSES)
        self.steps = keras.Variable(0, dtype="int32", trainable=False)

    def call(self, inputs: Any) -> Any:
        features = self.body(inputs)
        return {"logits": self.head(features), "features": features}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):  # type: ignore[no-untyped-def]  # noqa: ARG002
        steps = keras.ops.convert_to_tensor(self.steps)
        if training:
            self.steps.assign_add(1)
        return self.objective(
            y, y_pred["logits"], y_pred["features"], sample_weight, iterations=steps, training=training
        ).loss


def trained(jit_compile: bool = False, **settings: Any) -> TinyModel:
    keras.utils.set_random_seed(0)
    rows = make_batch([0, 1, 2, 3, 0, 1, 2, 0, 0, 1, 3, 0], seed=8)
    model = TinyModel(build(steps_per_epoch=3, **settings))
    model.compile(optimizer=keras.optimizers.Adam(0.01), jit_compile=jit_compile)
    model.fit(rows.features, rows.labels, batch_size=4, epochs=2, shuffle=False, verbose=0)
    return model


def weights_of(model: TinyModel) -> list[np.ndarray]:
    return [np.asarray(variable) for variable in model.trainable_variables]


def test_a_term_of_weight_zero_changes_no_bit_of_the_trained_model() -> None:
    plain = weights_of(trained())
    off = tuple(TermConfig(name=term.name, weight=0) for term in ALL_TERMS)
    assert build(terms=off).terms == ()
    for mine, other in zip(weights_of(trained(terms=off)), plain, strict=True):
        np.testing.assert_array_equal(mine, other)
    differs = [not np.array_equal(a, b) for a, b in zip(weights_of(trained(terms=ALL_TERMS)), plain, strict=True)]
    assert any(differs)


def test_ramp_and_centers_move_within_fit_compiled_or_not() -> None:
    terms = tuple(TermConfig(name=term.name, weight=0.3, ramp_epochs=1) for term in ALL_TERMS)
    graph, xla = trained(terms=terms), trained(terms=terms, jit_compile=True)
    for mine, other in zip(weights_of(xla), weights_of(graph), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-4)
    constant = weights_of(trained(terms=ALL_TERMS))
    assert any(not np.allclose(a, b, atol=1e-4) for a, b in zip(weights_of(graph), constant, strict=True))
    (centers,) = graph.objective.variables
    assert any(variable is centers for variable in graph.non_trainable_variables)
    assert np.abs(np.asarray(centers)).min(axis=1).max() > 0
    np.testing.assert_allclose(np.asarray(xla.objective.variables[0]), np.asarray(centers), atol=1e-4)
