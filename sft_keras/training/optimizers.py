"""Optimizers and learning-rate schedules from the configuration."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from sft_keras.config import OptimizerConfig

# Biases and layer norms are not decayed, as in BERT's own training (Devlin et al. 2019, appendix A.2).
NOT_DECAYED = ("bias", "gamma", "beta")


@keras.saving.register_keras_serializable(package="sft_keras")
class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to a peak, then linear, cosine or no decay to zero at the last step.

    Args:
        peak: The highest learning rate.
        total_steps: Steps of the whole training.
        warmup_steps: Steps from near zero up to the peak.
        decay: `linear`, `cosine` or `constant`.
    """

    def __init__(self, peak: float, total_steps: int, warmup_steps: int, decay: str) -> None:
        super().__init__()
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.decay = decay

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step, counted from 0."""
        step = ops.cast(step, "float32")
        # The first step already moves: step 0 of a warm-up of n has 1/n of the peak.
        rising = (step + 1.0) / max(self.warmup_steps, 1)
        left = max(self.total_steps - self.warmup_steps, 1)
        done = ops.clip((step - self.warmup_steps) / left, 0.0, 1.0)
        if self.decay == "linear":
            falling = 1.0 - done
        elif self.decay == "cosine":
            falling = 0.5 * (1.0 + ops.cos(math.pi * done))
        else:
            falling = ops.ones_like(done)
        return self.peak * ops.where(step < self.warmup_steps, rising, falling)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "decay": self.decay,
        }


def build_optimizer(config: OptimizerConfig, *, default_rate: float, total_steps: int) -> keras.optimizers.Optimizer:
    """The configured optimizer with its schedule and clipping.

    Args:
        config: The `optimizer` section.
        default_rate: The backbone family's learning rate, where the section names none.
        total_steps: Steps of the whole training.
    """
    schedule = WarmupSchedule(
        config.learning_rate or default_rate,
        total_steps,
        round(config.warmup_ratio * total_steps),
        config.schedule,
    )
    clip = {"global_clipnorm": config.clip_norm} if config.clip_norm else {}
    if config.name == "sgd":
        return keras.optimizers.SGD(schedule, momentum=config.momentum, **clip)
    if config.name == "adam":
        return keras.optimizers.Adam(schedule, **clip)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay, **clip)
    optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return optimizer
