"""Dropout from fewer random bits is dropout: its share, its mean, its independence, its repeatability."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sft_keras.training.short_dropout import ShortDropout, short_dropout

pytestmark = pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="the dropout of TensorFlow")

ONES = np.ones((300, 7, 101), "float32")  # an odd number of numbers
KINDS = (keras.layers.Dropout, ShortDropout)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.93])
def test_the_share_that_is_dropped_and_the_mean_are_those_of_keras(rate: float) -> None:
    for kind in KINDS:
        found = np.array(kind(rate, seed=1)(ONES, training=True))
        spread = np.sqrt(rate * (1 - rate) / found.size)
        assert np.mean(found == 0) == pytest.approx(rate, abs=5 * spread)
        kept = np.unique(found[found > 0])
        assert kept == pytest.approx([1 / (1 - rate)], rel=2e-5 / (1 - rate))
        assert found.mean() == pytest.approx(1, abs=5 * spread / (1 - rate))


def test_neighbours_rows_and_calls_do_not_know_of_each_other() -> None:
    layer = ShortDropout(0.5, seed=1)
    first, second = (np.array(layer(ONES, training=True)) > 0 for _ in range(2))
    flat = first.reshape(-1)
    for one, other in ((flat[1:], flat[:-1]), (flat[2:], flat[:-2]), (first[1:], first[:-1]), (first, second)):
        assert np.mean(one == other) == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(one.size))


def test_the_same_seed_drops_the_same() -> None:
    first, second, other = (np.array(ShortDropout(0.5, seed=seed)(ONES, training=True)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_the_gradient_flows_where_nothing_was_dropped() -> None:
    import tensorflow as tf

    inputs = tf.Variable(ONES)
    with tf.GradientTape() as tape:
        outputs = ShortDropout(0.25, seed=3)(inputs, training=True)
    np.testing.assert_array_equal(np.array(tape.gradient(outputs, inputs)), np.array(outputs))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_dropped_but_in_training_or_at_a_rate_of_zero(kind: type) -> None:
    np.testing.assert_array_equal(np.array(kind(0.5)(ONES)), ONES)
    np.testing.assert_array_equal(np.array(kind(0.0)(ONES, training=True)), ONES)


def test_half_precision_stays_half_precision() -> None:
    found = ShortDropout(0.5, seed=1, dtype="bfloat16")(ONES, training=True)
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"


def test_layers_are_keras_own_again_also_after_an_error_and_one_of_a_shared_shape_always_is() -> None:
    inside = keras.layers.Dropout(0.1)
    shared = keras.layers.Dropout(0.1, noise_shape=(None, 1))
    model = keras.Sequential([keras.Input((4,)), inside, shared, keras.layers.Dense(2)])
    model.compile()

    def inspect() -> None:
        with short_dropout(model):
            assert type(inside) is ShortDropout
            assert type(shared) is keras.layers.Dropout
            raise KeyError

    with pytest.raises(KeyError):
        inspect()
    assert type(inside) is keras.layers.Dropout


def test_with_xla_it_is_keras_own() -> None:
    layer = keras.layers.Dropout(0.1)
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile(jit_compile=True)
    with short_dropout(model):
        assert type(layer) is keras.layers.Dropout
