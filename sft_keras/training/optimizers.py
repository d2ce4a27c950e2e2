"""Optimizers and learning-rate schedules from the configuration."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from sft_keras.config import OptimizerConfig
from sft_keras.modeling.backbones.base import Encoder

if TYPE_CHECKING:
    from sft_keras.training.used_rows import UsedRows

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
        accumulation_steps: Calls of the optimizer a step: Keras hands a schedule the count of calls.
    """

    def __init__(
        self, peak: float, total_steps: int, warmup_steps: int, decay: str, accumulation_steps: int = 1
    ) -> None:
        super().__init__()
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.decay = decay
        self.accumulation_steps = accumulation_steps

    def __call__(self, step: Any) -> Any:
        """The learning rate of a call of the optimizer, counted from 0."""
        step = ops.cast(ops.floor_divide(step, self.accumulation_steps), "float32")
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
            "accumulation_steps": self.accumulation_steps,
        }


class LayerwiseRates:
    """Gives each variable a share of the learning rate: mixed into an optimizer, before it.

    The update is scaled, not the gradient, to whose scale Adam is blind. The decoupled weight decay of AdamW is
    scaled alike, as it is where each layer is a parameter group of PyTorch's AdamW (BEiT, ELECTRA): it is a share
    of the learning rate there too.
    """

    share_of: Callable[[Any], float]

    def _by_share(self, variables: Sequence[Any]) -> Iterator[tuple[float, list[int]]]:
        shares = [self.share_of(variable) for variable in variables]
        for share in sorted(set(shares)):
            yield share, [index for index, each in enumerate(shares) if each == share]

    # Both methods are Keras's own hooks between `apply` and the backends; an override of `update_step` would be
    # left out by the torch backend, which moves all variables at once.
    def _backend_update_step(
        self, grads: Sequence[Any], trainable_variables: Sequence[Any], learning_rate: Any
    ) -> None:
        for share, places in self._by_share(trainable_variables):
            super()._backend_update_step(  # type: ignore[misc]
                [grads[i] for i in places], [trainable_variables[i] for i in places], learning_rate * share
            )

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        whole = self.weight_decay
        if whole is None:
            return
        try:
            for share, places in self._by_share(variables):
                self.weight_decay = whole * share
                super()._apply_weight_decay([variables[i] for i in places])  # type: ignore[misc]
        finally:
            self.weight_decay = whole

    weight_decay: float | None


class LossScaling(keras.optimizers.LossScaleOptimizer):
    """Scales the loss for float16; a part of a batch whose gradient overflows counts as zero.

    Keras leaves such a part out of the count of parts, after which updates would straddle batches.
    """

    def _stateful_handle_non_finite_grads(self) -> None:
        super()._stateful_handle_non_finite_grads()
        inner = self.inner_optimizer
        if inner.gradient_accumulation_steps:
            inner.apply([ops.zeros(v.shape, dtype=v.dtype) for v in self._trainable_variables])

    def _stateless_handle_non_finite_grads(self, optimizer_variables: Any, trainable_variables: Any) -> Any:
        moved, state = super()._stateless_handle_non_finite_grads(optimizer_variables, trainable_variables)
        inner = self.inner_optimizer
        if inner.gradient_accumulation_steps:
            zeros = [ops.zeros(v.shape, dtype=v.dtype) for v in self._trainable_variables]
            own = len(self._variables)
            moved, after = inner.stateless_apply(state[own:], zeros, moved)
            state = [*state[:own], *after]
        return moved, state


def build_optimizer(
    config: OptimizerConfig,
    *,
    default_rate: float,
    total_steps: int,
    accumulation_steps: int = 1,
    share_of: Callable[[Any], float] | None = None,
    used: UsedRows | None = None,
) -> keras.optimizers.Optimizer:
    """The configured optimizer with its schedule and clipping.

    Args:
        config: The `optimizer` section.
        default_rate: The backbone family's learning rate, where the section names none.
        total_steps: Updates of the whole training.
        accumulation_steps: Parts whose mean gradient makes an update; it is clipped as a whole.
        share_of: A variable's share of the learning rate; one rate for all if None.
        used: The token embedding and what of it the training texts ask for, where the optimizer can make use of it.
    """
    schedule = WarmupSchedule(
        config.learning_rate or default_rate,
        total_steps,
        round(config.warmup_ratio * total_steps),
        config.schedule,
        accumulation_steps,
    )
    options: dict[str, Any] = {"global_clipnorm": config.clip_norm} if config.clip_norm else {}
    if accumulation_steps > 1:
        options["gradient_accumulation_steps"] = accumulation_steps
    if config.name == "sgd":
        options["momentum"] = config.momentum
    if config.name == "adamw":
        options["weight_decay"] = config.weight_decay
    kind = _kinds()[config.name]
    if share_of is not None:
        kind = type(f"Layerwise{kind.__name__}", (LayerwiseRates, kind), {"share_of": staticmethod(share_of)})
    optimizer = kind(schedule, **options)
    if config.name == "adamw":
        optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    if hasattr(optimizer, "used"):
        optimizer.used = used
    return optimizer


def settle(optimizer: keras.optimizers.Optimizer) -> None:
    """Does to the weights what an optimizer has put off until somebody looks at them."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if hasattr(inner, "settle"):
        inner.settle()


def _kinds() -> dict[str, type[keras.optimizers.Optimizer]]:
    """The optimizers by their names in the configuration: the quickest of the same formula that works here."""
    kinds = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        from sft_keras.training.tensorflow_optimizers import DirectSGD, OnePassAdamW, OnePassPlainAdam

        if tf.distribute.has_strategy():  # one pass has no way to move the copies of a weight together
            return kinds
        kinds |= {"adam": OnePassPlainAdam, "adamw": OnePassAdamW, "sgd": DirectSGD}
    return kinds


def layer_shares(encoder: Encoder, decay: float) -> Callable[[Any], float]:
    """The share of the learning rate of each variable: 1 for the head, `decay` for the layer below it, and so on.

    A backbone of n layers has decay^n at its lowest and decay^(n + 1) at its embeddings (Bao et al. 2022, BEiT;
    Clark et al. 2020, ELECTRA). What belongs to neither, like a last layer norm, has the full rate.
    """
    levels = [encoder.embeddings, *([block] for block in encoder.blocks)]
    shares = {
        id(variable): decay ** (len(levels) - level)
        for level, layers in enumerate(levels)
        for layer in layers
        for variable in layer.variables
    }
    return lambda variable: shares.get(id(variable), 1.0)
