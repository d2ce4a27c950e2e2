"""What every registered term must keep, whoever wrote it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from sft_keras.config import ObjectiveConfig, TermConfig
from sft_keras.losses.base import TERMS, LossTerm
from sft_keras.losses.objective import Objective
from sft_keras.registry import plugin_names
from tests.losses.conftest import BATCHES, CLASSES, DIM, Batch
from tests.losses.gradients import value_and_gradients

COUNTS = np.array([50, 20, 5, 2])
every_term = pytest.mark.parametrize("name", TERMS.names())
tensorflow_only = pytest.mark.skipif(
    keras.config.backend() != "tensorflow",
    reason="tf.function and tf.distribute; on JAX the tests of the model compile every step",
)


def build(name: str) -> LossTerm:
    return TERMS.get(name)(TermConfig(name=name), CLASSES, DIM, COUNTS)


def objective(name: str) -> Objective:
    return Objective(
        ObjectiveConfig(terms=(TermConfig(name=name, weight=0.5),)),
        num_classes=CLASSES,
        feature_dim=DIM,
        class_counts=COUNTS,
        label_names=["a", "b", "c", "d"],
        steps_per_epoch=10,
    )


def is_float32(tensor: Any) -> bool:
    return bool(keras.backend.standardize_dtype(tensor.dtype) == "float32")


def test_there_are_terms() -> None:
    assert set(TERMS.names()) >= {"center", "class_balanced", "prototype", "supcon"}


@every_term
def test_is_registered_under_its_file_name(name: str) -> None:
    term = TERMS.get(name)
    assert issubclass(term, LossTerm)
    assert term.name == name
    assert term.__module__ == f"sft_keras.losses.terms.{name}"
    assert name in plugin_names("sft_keras.losses.terms")


@every_term
def test_gives_one_float32_a_row(name: str, batch: Batch) -> None:
    values = build(name)(*batch, training=True)
    assert values.shape == (len(batch.labels),)
    assert is_float32(values)
    assert np.isfinite(values).all()
    assert np.asarray(values).min() >= -1e-6


@every_term
def test_follows_the_order_of_the_rows(name: str, batch: Batch) -> None:
    order = np.random.default_rng(0).permutation(len(batch.labels))
    straight = build(name)(*batch, training=True)
    shuffled = build(name)(*(part[order] for part in batch), training=True)
    np.testing.assert_allclose(shuffled, np.asarray(straight)[order], rtol=1e-5, atol=1e-6)


@every_term
def test_a_row_of_weight_zero_is_as_good_as_dropped(name: str) -> None:
    rows = BATCHES["zero weights"]
    kept = rows.weights > 0
    whole, less = build(name), build(name)
    for term in (whole, less):
        for variable in term.variables:
            variable.assign(np.linspace(-1, 1, CLASSES * DIM).reshape(CLASSES, DIM))
    values = np.asarray(whole(*rows, training=True))
    dropped = less(*(part[kept] for part in rows), training=True)
    np.testing.assert_array_equal(values[~kept], 0)
    np.testing.assert_allclose(values[kept], dropped, rtol=1e-5, atol=1e-6)
    for mine, other in zip(whole.variables, less.variables, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-7)


@every_term
def test_a_row_of_weight_zero_gets_no_gradient(name: str) -> None:
    labels, features, logits, weights = BATCHES["zero weights"]
    term = build(name)
    _, gradients = value_and_gradients(lambda *points: term(labels, *points, weights, training=True), features, logits)
    for gradient in gradients:
        np.testing.assert_array_equal(gradient[weights == 0], 0)
    assert max(float(np.abs(gradient).max()) for gradient in gradients) > 1e-3


@every_term
def test_owns_only_untrained_variables_and_leaves_them_alone_outside_training(name: str) -> None:
    term = build(name)
    assert not any(variable.trainable for variable in term.variables)
    before = [np.array(variable) for variable in term.variables]
    term(*BATCHES["mixed"], training=False)
    for variable, old in zip(term.variables, before, strict=True):
        np.testing.assert_array_equal(variable, old)


@every_term
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(name: str, dtype: str) -> None:
    labels, features, logits, weights = BATCHES["mixed"]
    half = [keras.ops.cast(300 * features, dtype), keras.ops.cast(300 * logits, dtype)]
    full = [keras.ops.cast(part, "float32") for part in half]
    result = objective(name)(labels, half[1], half[0], weights, training=True)
    again = objective(name)(labels, full[1], full[0], weights, training=True)
    assert is_float32(result.loss)
    for part in result.parts:
        assert is_float32(result.parts[part])
        assert result.parts[part].shape == (len(labels),)
        assert np.isfinite(result.parts[part]).all()
        np.testing.assert_array_equal(result.parts[part], again.parts[part])


@every_term
@tensorflow_only
def test_compiles_with_xla_and_gives_the_same(name: str) -> None:
    import tensorflow as tf

    eager, compiled = objective(name), objective(name)
    signature = [
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None, CLASSES]),
        tf.TensorSpec([None, DIM]),
        tf.TensorSpec([None]),
    ]

    @tf.function(jit_compile=True, input_signature=signature)
    def step(labels: tf.Tensor, logits: tf.Tensor, features: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            tape.watch([logits, features])
            loss = compiled(labels, logits, features, weights, training=True).loss
        return loss, *tape.gradient(loss, [logits, features], unconnected_gradients="zero")

    for which in ("mixed", "zero weights", "one row"):
        labels, features, logits, weights = BATCHES[which]
        inputs = [tf.constant(logits), tf.constant(features)]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = eager(labels, *inputs, weights, training=True).loss
        expected = [loss, *tape.gradient(loss, inputs, unconnected_gradients="zero")]
        for mine, other in zip(step(labels, *inputs, weights), expected, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    for mine, other in zip(compiled.variables, eager.variables, strict=True):
        np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=1e-5, atol=1e-6)


@every_term
@tensorflow_only
def test_a_batch_without_rows_is_zero(name: str) -> None:
    """Under tf.distribute the last batch of an epoch can leave a replica without a row."""
    import tensorflow as tf

    whole = objective(name)

    @tf.function(input_signature=[tf.TensorSpec([None, DIM])])
    def step(features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        labels = tf.zeros([tf.shape(features)[0]], "int32")
        with tf.GradientTape() as tape:
            tape.watch(features)
            loss = whole(labels, features[:, :CLASSES], features, training=True).loss
        return loss, tape.gradient(loss, features)

    loss, gradient = step(tf.zeros([0, DIM]))
    assert float(loss) == 0
    assert gradient.shape == (0, DIM)
    for variable in whole.variables:
        assert np.isfinite(variable.numpy()).all()
