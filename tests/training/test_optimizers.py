"""Learning-rate schedules against plain arithmetic, and what weight decay spares."""

from __future__ import annotations

import math
from pathlib import Path

import keras
import numpy as np
import pytest

from sft_keras.config import OptimizerConfig
from sft_keras.training.optimizers import LayerwiseRates, WarmupSchedule, build_optimizer, layer_shares


@pytest.mark.parametrize("decay", ["linear", "cosine", "constant"])
def test_the_schedule_rises_then_falls(decay: str) -> None:
    schedule = WarmupSchedule(0.1, total_steps=100, warmup_steps=10, decay=decay)
    rates = [float(schedule(step)) for step in range(101)]
    assert rates[:10] == pytest.approx([0.1 * (step + 1) / 10 for step in range(10)])
    assert max(rates) == pytest.approx(0.1)
    for step in range(10, 101):
        done = (step - 10) / 90
        left = {"linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2, "constant": 1.0}[decay]
        assert rates[step] == pytest.approx(0.1 * left, abs=1e-7)


def test_no_warm_up_starts_at_the_peak() -> None:
    assert float(WarmupSchedule(0.1, 10, 0, "linear")(0)) == pytest.approx(0.1)


def test_the_schedule_survives_its_configuration() -> None:
    schedule = WarmupSchedule(0.1, 10, 2, "cosine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert [float(again(s)) for s in range(10)] == [float(schedule(s)) for s in range(10)]


def test_weight_decay_spares_biases_and_layer_norms() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.LayerNormalization()])
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape, "float32"))
    config = OptimizerConfig(weight_decay=0.5, learning_rate=0.1, warmup_ratio=0, schedule="constant")
    optimizer = build_optimizer(config, default_rate=1.0, total_steps=10)
    optimizer.build(model.trainable_variables)
    optimizer.apply([np.zeros(v.shape, "float32") for v in model.trainable_variables])
    for variable in model.trainable_variables:
        expected = 1 - 0.5 * 0.1 if variable.path.endswith("kernel") else 1.0
        np.testing.assert_allclose(np.array(variable), expected, rtol=1e-6, err_msg=variable.path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adamw", keras.optimizers.AdamW), ("adam", keras.optimizers.Adam), ("sgd", keras.optimizers.SGD)],
)
def test_each_name_gives_its_optimizer_with_the_default_rate_and_clipping(name: str, kind: type) -> None:
    config = OptimizerConfig.model_validate({"name": name, "warmup_ratio": 0, "clip_norm": 0.7})
    optimizer = build_optimizer(config, default_rate=0.25, total_steps=10)
    assert isinstance(optimizer, kind)
    assert float(optimizer.learning_rate) == pytest.approx(0.25)
    assert optimizer.global_clipnorm == 0.7


def _after(optimizer: keras.optimizers.Optimizer, gradients: list[list[np.ndarray]]) -> list[np.ndarray]:
    """What becomes of three kernels and a bias of ones."""
    names = ("kernel", "kernel", "bias", "kernel")
    variables = [keras.Variable(np.ones(3, "float32"), name=name) for name in names]
    if isinstance(optimizer, LayerwiseRates):
        order = [id(variable) for variable in variables]
        type(optimizer).share_of = staticmethod(lambda variable: SHARES[order.index(id(variable))])
    optimizer.build(variables)
    for each in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in each], variables)
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


SHARES = (0.25, 0.5, 0.5, 1.0)


def _gradients(updates: int, parts: int = 1) -> list[list[np.ndarray]]:
    draw = np.random.default_rng(0)
    return [[draw.normal(size=3).astype("float32") for _ in SHARES] for _ in range(updates * parts)]


def _optimizer(name: str, layerwise: bool = False, parts: int = 1) -> keras.optimizers.Optimizer:
    values = {"name": name, "learning_rate": 0.1, "warmup_ratio": 0.5, "weight_decay": 0.3, "clip_norm": 0.5}
    return build_optimizer(
        OptimizerConfig.model_validate(values),
        default_rate=1.0,
        total_steps=4,
        accumulation_steps=parts,
        share_of=(lambda _: 1.0) if layerwise else None,
    )


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_layer_decay_scales_the_update_and_its_weight_decay(name: str) -> None:
    """One update from the same place: each variable moves by its share, whatever the optimizer does to gradients."""
    gradients = _gradients(1)
    plain, layered = _after(_optimizer(name), gradients), _after(_optimizer(name, layerwise=True), gradients)
    for share, one, other in zip(SHARES, plain, layered, strict=True):
        np.testing.assert_allclose(other - 1, share * (one - 1), rtol=1e-3, atol=1e-7)


def test_layer_decay_keeps_to_its_share_over_many_updates() -> None:
    """Against an optimizer for each variable, as parameter groups have it; unclipped, since clipping sees all."""
    gradients = _gradients(4)
    config = {"name": "adamw", "warmup_ratio": 0.5, "weight_decay": 0.3, "clip_norm": None}
    layered = build_optimizer(
        OptimizerConfig.model_validate({**config, "learning_rate": 0.1}),
        default_rate=1.0,
        total_steps=4,
        share_of=lambda _: 1.0,
    )
    found = _after(layered, gradients)
    for index, share in enumerate(SHARES):
        alone = OptimizerConfig.model_validate({**config, "learning_rate": 0.1 * share})
        expected = _after(build_optimizer(alone, default_rate=1.0, total_steps=4), gradients)[index]
        np.testing.assert_allclose(found[index], expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("layerwise", [False, True])
def test_the_mean_of_parts_makes_the_update_and_moves_the_schedule(name: str, layerwise: bool) -> None:
    parts = _gradients(4, parts=3)
    means = [[np.mean(group, axis=0) for group in zip(*parts[i : i + 3], strict=True)] for i in range(0, 12, 3)]
    expected = _after(_optimizer(name, layerwise), means)
    found = _after(_optimizer(name, layerwise, parts=3), parts)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=2e-4)


@pytest.mark.parametrize("backbone", ["lstm", "bert"])
def test_layer_shares_fall_from_the_head_to_the_embeddings(backbone: str, tiny_bert: Path) -> None:
    from tests.modeling.test_fine_tune_model import build

    model, _, encoder = build(str(tiny_bert) if backbone == "bert" else "lstm")
    share_of = layer_shares(encoder, 0.5)
    depth = len(encoder.blocks)
    found = {v.path: share_of(v) for v in model.trainable_variables}
    for path, share in found.items():
        if "embedding" in path:
            assert share == 0.5 ** (depth + 1), path
        elif path.startswith("logits/"):
            assert share == 1, path
        else:
            layer = int(path.split("transformer_layer_")[1][0]) if backbone == "bert" else 0
            assert share == 0.5 ** (depth - layer), path
    assert len(set(found.values())) == depth + 2
