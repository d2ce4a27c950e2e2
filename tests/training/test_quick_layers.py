"""Quicker layers give what Keras's own give: the same shares, and dropout of the same rate, mean and independence."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.training.progress import Silent
from sft_keras.training.quick_layers import AddedMaskSoftmax, ShortDropout, SparingAttention, quick_layers
from sft_keras.training.strategies import train
from tests.conftest import TINY, merged, sentences

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


def gradients(attention: keras.layers.MultiHeadAttention, given: Any, **further: Any) -> list[np.ndarray]:
    """What an attention gives in training, and its gradients, with the same draws of dropout at each call."""
    import tensorflow as tf

    attention._dropout_layer.seed_generator.state.assign([7, 0])
    with tf.GradientTape() as tape:
        tape.watch(given)
        found = attention(given, given, training=True, **further)
        loss = tf.reduce_sum(tf.cast(found, "float32") ** 3)
    # A bias of all keys changes no share: its gradient is zero but for rounding.
    weights = [weight for weight in attention.weights[:6] if not weight.path.endswith("key/bias")]
    return [np.array(keras.ops.cast(x, "float32")) for x in (found, *tape.gradient(loss, [given, *weights]))]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 4e-2)])
@pytest.mark.parametrize("masked", [False, True])
def test_gradients_through_dropout_and_softmax_at_once_are_those_of_one_by_one(
    dtype: str, tolerance: float, masked: bool
) -> None:
    import tensorflow as tf

    keras.utils.set_random_seed(2)
    given = tf.cast(tf.constant(np.random.default_rng(2).normal(0, 1, (3, 9, 8))), dtype)
    further = {"attention_mask": np.arange(9)[None, None, :] < np.array([4, 9, 7])[:, None, None]} if masked else {}
    attention = keras.layers.MultiHeadAttention(2, 4, dropout=0.3, dtype=dtype)
    attention(given, given)
    attention._dropout_layer.__class__, attention._softmax.__class__ = ShortDropout, AddedMaskSoftmax
    one_by_one = gradients(attention, given, **further)
    attention.__class__ = SparingAttention
    for ours, theirs in zip(gradients(attention, given, **further), one_by_one, strict=True):
        assert np.linalg.norm(ours - theirs) <= tolerance * np.linalg.norm(theirs) + 1e-5


def test_attention_that_is_asked_for_its_scores_gives_them() -> None:
    attention = keras.layers.MultiHeadAttention(2, 4, dropout=0.3)
    given = keras.ops.ones((1, 3, 8))
    attention(given, given)
    attention.__class__ = SparingAttention
    assert attention(given, given, return_attention_scores=True, training=True)[1].shape == (1, 2, 3, 3)
    np.testing.assert_array_equal(np.array(attention(given, given)), np.array(attention(given, given)))


def test_attention_takes_the_quick_way_within_and_keras_own_after() -> None:
    attention = keras.layers.MultiHeadAttention(2, 4, dropout=0.1)
    given = keras.Input((None, 8))
    model = keras.Model(given, attention(given, given))
    model.compile()
    with quick_layers(model):
        assert type(attention._softmax) is AddedMaskSoftmax
        assert type(attention._dropout_layer) is ShortDropout
        assert type(attention) is SparingAttention
    assert type(attention._softmax) is keras.layers.Softmax
    assert type(attention) is keras.layers.MultiHeadAttention
    other = keras.layers.Softmax(axis=(1, 2))
    model = keras.Sequential([keras.Input((4, 4)), other])
    model.compile()
    with quick_layers(model):
        assert type(other) is keras.layers.Softmax


def graphs() -> int:
    """How many graphs of functions are alive."""
    gc.collect()
    return sum(type(each).__name__ == "FuncGraph" for each in gc.get_objects())


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"training": {"accumulation_steps": 2}},
        {"model": {"lora_rank": 2}},
        {"model": {"trainable": "top:1"}},
        {"model": {"trainable": "head"}},
        {"objective": {"terms": [{"name": "center", "weight": 0.1}]}},
        {"optimizer": {"name": "sgd"}},
        {"model": {"backbone": "lstm"}},
    ],
    ids=str,
)
def test_what_a_training_traced_does_not_outlive_it(settings: Any, tiny_bert: Path, tmp_path: Path) -> None:
    config = RunConfig.parse(merged(TINY, {"model": {"backbone": str(tiny_bert)}}, settings))
    texts, labels = map(list, zip(*sentences(60, 0), strict=True))
    rows = Examples(texts, labels, None, np.arange(1, 61), "made")
    before = graphs()
    train(config, rows, rows, checkpoints=tmp_path, sink=Silent())
    assert graphs() == before
