"""Adam in one pass, and only over used rows of the embedding, is the Adam of Keras over everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sft_keras.config import OptimizerConfig, RunConfig
from sft_keras.data.examples import Examples
from sft_keras.training import build, used_rows
from sft_keras.training.optimizers import LayerwiseRates, build_optimizer, settle
from sft_keras.training.progress import Silent
from sft_keras.training.quick_layers import ShortDropout
from sft_keras.training.strategies import train
from sft_keras.training.tensorflow_optimizers import OnePassAdam
from sft_keras.training.used_rows import UsedRows
from tests.conftest import TINY, merged, sentences

pytestmark = pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="the optimizer of TensorFlow")

VOCABULARY, WIDTH, STEPS = 40, 6, 30
# In some texts, at different steps; all the other tokens are in none.
TEXTS = [[[3, 5, 3], [9, 5, 3]], [[9, 9, 9], [3, 11, 9]], [[20, 3, 3], [5, 3, 21]]]
USED = np.array([0, 3, 5, 9, 11, 20, 21], np.int32)


class Small(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = keras.layers.Embedding(
            VOCABULARY, WIDTH, embeddings_initializer=keras.initializers.RandomNormal(seed=1)
        )
        self.norm = keras.layers.LayerNormalization()
        self.dense = keras.layers.Dense(2, kernel_initializer=keras.initializers.GlorotUniform(seed=2))

    def call(self, ids: Any) -> Any:
        return self.dense(self.norm(keras.ops.mean(self.embedding(ids), axis=1)))


def trained(
    optimizer_of: Any, *, only_used: bool, steps: int = STEPS, graph: bool = False, dense: bool = False
) -> tuple[Small, Any]:
    model = Small()
    model(np.zeros((1, 3), "int32"))
    optimizer = optimizer_of(UsedRows(model.embedding.embeddings, USED) if only_used else None)
    optimizer.build(model.trainable_variables)

    def step(ids: Any, labels: Any) -> None:
        with tf.GradientTape() as tape:
            loss = keras.losses.sparse_categorical_crossentropy(labels, model(ids), from_logits=True)
        variables = [v.value for v in model.trainable_variables]
        grads = tape.gradient(loss, variables)
        if dense:
            # Keras squares the pieces of a sparse gradient one by one where a token stands in a batch more than once,
            # and so gets another second moment than for the same gradient in dense form.
            grads = [tf.convert_to_tensor(g) for g in grads]
        optimizer.apply(grads, model.trainable_variables)

    run = tf.function(step) if graph else step
    for each in range(steps):
        run(tf.constant(TEXTS[each % 7 % 3], tf.int32), tf.constant([each % 2, 1]))
    return model, optimizer


def plain(name: str, parts: int = 1) -> keras.optimizers.Optimizer:
    """Keras's own, as the settings below say it."""
    ours = quick(name, parts)(None)
    options: dict[str, Any] = {"global_clipnorm": ours.global_clipnorm}
    if parts > 1:
        options["gradient_accumulation_steps"] = parts
    if name == "adamw":
        made = keras.optimizers.AdamW(ours._learning_rate, weight_decay=0.3, **options)
        made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return made
    if name == "sgd":
        return keras.optimizers.SGD(ours._learning_rate, momentum=0.9, **options)
    return keras.optimizers.Adam(ours._learning_rate, **options)


def quick(name: str, parts: int = 1, share_of: Any = None) -> Any:
    config = OptimizerConfig.model_validate(
        {"name": name, "learning_rate": 0.05, "warmup_ratio": 0.2, "weight_decay": 0.3, "clip_norm": 0.5}
    )
    return lambda used: build_optimizer(
        config, default_rate=1.0, total_steps=STEPS // parts, accumulation_steps=parts, share_of=share_of, used=used
    )


def assert_same(one: Small, other: Small) -> None:
    for left, right in zip(one.trainable_variables, other.trainable_variables, strict=True):
        np.testing.assert_allclose(np.array(left), np.array(right), rtol=2e-5, atol=3e-5, err_msg=left.path)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize(
    ("name", "only_used"), [("adam", False), ("adam", True), ("adamw", False), ("adamw", True), ("sgd", False)]
)
def test_all_weights_are_those_of_keras(name: str, parts: int, only_used: bool) -> None:
    expected, _ = trained(lambda _: plain(name, parts), only_used=False, dense=True)
    found, optimizer = trained(quick(name, parts), only_used=only_used, graph=True)
    settle(optimizer)
    assert_same(found, expected)


def test_shares_of_the_rate_hold_for_used_rows_and_for_what_is_owed_to_the_others() -> None:
    def share_of(variable: Any) -> float:
        return 0.5 if variable.path.endswith("embeddings") else 1.0

    expected, optimizer = trained(quick("adamw", share_of=share_of), only_used=False)
    assert isinstance(optimizer, LayerwiseRates)
    found, optimizer = trained(quick("adamw", share_of=share_of), only_used=True)
    settle(optimizer)
    assert_same(found, expected)


def test_rows_of_no_text_wait_for_their_decay_and_get_it_once() -> None:
    model, optimizer = trained(quick("adamw"), only_used=True)
    start = Small()
    start(np.zeros((1, 3), "int32"))
    unused = np.setdiff1d(np.arange(VOCABULARY), USED)
    before, now = (np.array(each.embedding.embeddings)[unused] for each in (start, model))
    np.testing.assert_array_equal(before, now)
    settle(optimizer)
    settled = np.array(model.embedding.embeddings)
    assert (np.abs(settled[unused]) < np.abs(before)).all()
    settle(optimizer)
    np.testing.assert_array_equal(settled, np.array(model.embedding.embeddings))


def test_moments_are_kept_for_used_rows_only_and_what_is_owed_is_among_the_state() -> None:
    _, optimizer = trained(quick("adamw"), only_used=True, steps=1)
    shapes = [tuple(v.shape) for v in optimizer.variables]
    assert shapes.count((len(USED), WIDTH)) == 2
    assert (VOCABULARY, WIDTH) not in shapes
    assert [v.name for v in optimizer.variables].count("owed_decay") == 1


def test_a_gradient_that_is_no_number_makes_the_weights_none_as_in_keras() -> None:
    for make in (quick("adamw"), lambda _: plain("adamw")):
        model = Small()
        model(np.zeros((1, 3), "int32"))
        optimizer = make(None)
        optimizer.build(model.trainable_variables)
        optimizer.apply(
            [np.full(v.shape, np.nan, "float32") for v in model.trainable_variables], model.trainable_variables
        )
        assert all(np.isnan(np.array(v)).all() for v in model.trainable_variables)


def test_a_frozen_embedding_is_left_alone() -> None:
    model = Small()
    model(np.zeros((1, 3), "int32"))
    used = UsedRows(model.embedding.embeddings, USED)
    model.embedding.trainable = False
    optimizer = quick("adamw")(used)
    optimizer.build(model.trainable_variables)
    optimizer.apply([np.ones(v.shape, "float32") for v in model.trainable_variables], model.trainable_variables)
    settle(optimizer)
    start = Small()
    start(np.zeros((1, 3), "int32"))
    np.testing.assert_array_equal(np.array(model.embedding.embeddings), np.array(start.embedding.embeddings))


def test_two_replicas_get_the_optimizer_of_keras() -> None:
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        assert not isinstance(quick("adamw")(None), OnePassAdam)
    assert isinstance(quick("adamw")(None), OnePassAdam)


def test_a_training_takes_the_quick_paths_and_ends_as_without_them(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = sentences(60)
    rows = Examples([text for text, _ in pairs], [label for _, label in pairs], None, np.arange(1, 61), "made")
    short, drawn = ShortDropout.call, []

    def call(layer: Any, inputs: Any, training: bool = False) -> Any:
        drawn.append(training)
        return short(layer, inputs, training=training)

    monkeypatch.setattr(ShortDropout, "call", call)
    monkeypatch.setattr(used_rows, "LARGEST_SHARE", 1.0)  # their few words are nearly all in these texts
    config = RunConfig.parse(merged(TINY, {"model": {"backbone": str(tiny_bert)}, "training": {"epochs": 2}}))

    def trained(folder: str) -> Any:
        return train(config, rows, rows, checkpoints=tmp_path / folder, sink=Silent())

    quick_one = trained("quick")
    optimizer = quick_one.model.optimizer
    assert isinstance(optimizer, OnePassAdam)
    assert optimizer.used is not None
    assert len(optimizer.used.rows) < optimizer.used.variable.shape[0]
    assert any(drawn)
    assert not any(isinstance(layer, ShortDropout) for layer in quick_one.model._flatten_layers())
    monkeypatch.setattr(build, "used_rows", lambda *_: None)
    plain_one = trained("plain")
    assert plain_one.model.optimizer.used is None
    for left, right in zip(quick_one.model.trainable_variables, plain_one.model.trainable_variables, strict=True):
        np.testing.assert_allclose(np.array(left), np.array(right), rtol=1e-4, atol=1e-5, err_msg=left.path)
