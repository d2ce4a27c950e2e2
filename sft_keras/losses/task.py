"""The task loss of a classifier: cross-entropy or focal loss for each row, with label smoothing."""

from __future__ import annotations

import math

from keras import ops

from sft_keras.config import ObjectiveConfig
from sft_keras.losses.base import Tensor
from sft_keras.losses.similarity import MASKED


def cross_entropy(labels: Tensor, logits: Tensor, smoothing: float = 0.0) -> Tensor:
    """-Σ_k q_k log p_k with q = (1 - ε)·onehot(label) + ε/C and p = softmax(logits).

    Args:
        labels: Class ids, int32 [batch].
        logits: float32 [batch, classes].
        smoothing: ε in [0, 1) (Szegedy et al. 2016, section 7).

    Returns:
        float32 [batch].
    """
    return _expected(-ops.log_softmax(logits, axis=-1), labels, smoothing)


def focal(labels: Tensor, logits: Tensor, gamma: float, smoothing: float = 0.0) -> Tensor:
    """-Σ_k q_k (1 - p_k)^γ log p_k (Lin et al. 2017, eq. 4, over several classes).

    Without smoothing this is -(1 - p_t)^γ log p_t. With it every class has a factor of its own, as in
    `keras.losses.CategoricalFocalCrossentropy`; γ = 0 gives `cross_entropy` either way.

    Args:
        labels: Class ids, int32 [batch].
        logits: float32 [batch, classes].
        gamma: γ, from 0 up.
        smoothing: ε in [0, 1) of the targets q, as in `cross_entropy`.

    Returns:
        float32 [batch].
    """
    log_p = ops.log_softmax(logits, axis=-1)
    return _expected(-ops.exp(gamma * _log_rest(log_p)) * log_p, labels, smoothing)


class TaskLoss:
    """The task loss that the configuration asks for.

    Args:
        config: `task_loss`, `label_smoothing` and `focal_gamma` are read.
    """

    def __init__(self, config: ObjectiveConfig) -> None:
        self.config = config

    def __call__(self, labels: Tensor, logits: Tensor) -> Tensor:
        """The loss of each row.

        Args:
            labels: Class ids, int32 [batch].
            logits: float32 [batch, classes].

        Returns:
            float32 [batch].
        """
        if self.config.task_loss == "focal":
            return focal(labels, logits, self.config.focal_gamma, self.config.label_smoothing)
        return cross_entropy(labels, logits, self.config.label_smoothing)


def _expected(losses: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Σ_k q_k·losses_k with the smoothed target q; [batch, classes] becomes [batch]."""
    own = ops.squeeze(ops.take_along_axis(losses, labels[:, None], axis=-1), axis=-1)
    if smoothing == 0:
        return own
    return (1.0 - smoothing) * own + smoothing * ops.mean(losses, axis=-1)


def _log_rest(log_p: Tensor) -> Tensor:
    """log(1 - p_k) from log p, without cancellation and with a finite gradient where p_k rounds to 1.

    At most one class has p > 1/2. Its 1 - p is the sum of the other classes; for these log1p is exact.
    """
    likely = log_p > math.log(0.5)
    rest = ops.logsumexp(ops.where(likely, MASKED, log_p), axis=-1, keepdims=True)
    return ops.where(likely, rest, ops.log1p(-ops.exp(ops.where(likely, MASKED, log_p))))
