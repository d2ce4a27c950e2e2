"""Quicker layers give what Keras's own give: the same shares, and dropout of the same rate, mean and independence."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sft_keras.training.quick_layers import AddedMaskSoftmax, ShortDropout, quick_layers

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
        with quick_layers(model):
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
    with quick_layers(model):
        assert type(layer) is keras.layers.Dropout


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_mask_that_is_added_gives_the_same_shares(dtype: str) -> None:
    rng = np.random.default_rng(0)
    scores = keras.ops.cast(rng.normal(0, 8, (5, 3, 7, 7)), dtype)
    mask = rng.random((5, 1, 7, 7)) < 0.6
    mask[..., 0] = True  # something is left to look at
    for given in (mask, mask.astype("int32"), None):
        ours, keras_own = (
            kind(axis=-1, dtype=dtype)(scores, mask=given) for kind in (AddedMaskSoftmax, keras.layers.Softmax)
        )
        assert keras.backend.standardize_dtype(ours.dtype) == dtype
        np.testing.assert_array_equal(*(np.array(keras.ops.cast(x, "float32")) for x in (ours, keras_own)))


def test_gradients_of_masked_scores_are_those_of_keras() -> None:
    import tensorflow as tf

    rng = np.random.default_rng(1)
    scores, wanted = tf.Variable(rng.normal(0, 3, (2, 2, 4, 4)), dtype="float32"), rng.random((2, 2, 4, 4))
    mask = np.array([[[[True, True, False, False]]], [[[True, True, True, True]]]])
    found = []
    for kind in (AddedMaskSoftmax, keras.layers.Softmax):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(kind(axis=-1)(scores, mask=mask) * wanted)
        found.append(np.array(tape.gradient(loss, scores)))
    np.testing.assert_allclose(*found, atol=1e-7)
    assert not found[0][0, :, :, 2:].any()


def test_attention_takes_the_quick_way_within_and_keras_own_after() -> None:
    attention = keras.layers.MultiHeadAttention(2, 4, dropout=0.1)
    given = keras.Input((None, 8))
    model = keras.Model(given, attention(given, given))
    model.compile()
    with quick_layers(model):
        assert type(attention._softmax) is AddedMaskSoftmax
        assert type(attention._dropout_layer) is ShortDropout
    assert type(attention._softmax) is keras.layers.Softmax
    other = keras.layers.Softmax(axis=(1, 2))
    model = keras.Sequential([keras.Input((4, 4)), other])
    model.compile()
    with quick_layers(model):
        assert type(other) is keras.layers.Softmax
