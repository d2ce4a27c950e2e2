"""Learning-rate schedules against plain arithmetic, and what weight decay spares."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from sft_keras.config import OptimizerConfig
from sft_keras.training.optimizers import WarmupSchedule, build_optimizer


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
    assert type(optimizer) is kind
    assert float(optimizer.learning_rate) == pytest.approx(0.25)
    assert optimizer.global_clipnorm == 0.7
