"""Cross-entropy weighted by the inverse frequency of the class (`class_balanced`)."""

from __future__ import annotations

import numpy as np
from keras import ops

from sft_keras.config import TermConfig
from sft_keras.losses.base import TERMS, LossTerm, Tensor
from sft_keras.losses.class_weights import class_weights
from sft_keras.losses.task import cross_entropy


@TERMS.register("class_balanced")
class ClassBalanced(LossTerm):
    """n / (C·n_y) · (-log p_y), the rule "balanced" of `sft_keras.losses.class_weights`, without smoothing.

    The frequencies are those of the training part, not of the batch: a rare class keeps its weight in a batch
    that happens to hold many of it.
    """

    name = "class_balanced"
    shapes = "logits"

    def __init__(self, config: TermConfig, num_classes: int, feature_dim: int, class_counts: np.ndarray) -> None:
        super().__init__(config, num_classes, feature_dim, class_counts)
        self.class_weights = class_weights("balanced", self.class_counts, ())

    def __call__(
        self,
        labels: Tensor,
        features: Tensor,  # noqa: ARG002
        logits: Tensor,
        sample_weight: Tensor,
        training: bool,  # noqa: ARG002
    ) -> Tensor:
        """The value of each row, float32 [batch]; see `LossTerm`."""
        weights = ops.take(ops.convert_to_tensor(self.class_weights), labels, axis=0)
        return ops.where(sample_weight > 0, weights * cross_entropy(labels, logits), 0.0)
