"""Supervised contrastive loss: rows of one class attract, all others repel (`supcon`)."""

from __future__ import annotations

from keras import ops

from sft_keras.losses.base import TERMS, LossTerm, Tensor
from sft_keras.losses.similarity import MASKED, other_rows, unit_rows


@TERMS.register("supcon")
class SupervisedContrastive(LossTerm):
    """L_out of Khosla et al. 2020, "Supervised Contrastive Learning", eq. 2; for fine-tuning Gunel et al. 2021.

    For an anchor i with positives P(i), z the features divided by their norm and τ the temperature:
    -1/|P(i)| Σ_{p∈P(i)} log( exp(z_i·z_p/τ) / Σ_{a≠i} exp(z_i·z_a/τ) ).

    An anchor without a positive in its batch contributes 0 and still counts in the batch size, so a batch
    with few pairs gives a small term instead of a few rows with a large weight.
    """

    name = "supcon"

    def __call__(
        self,
        labels: Tensor,
        features: Tensor,
        logits: Tensor,  # noqa: ARG002
        sample_weight: Tensor,
        training: bool,  # noqa: ARG002
    ) -> Tensor:
        """The value of each row, float32 [batch]; see `LossTerm`."""
        unit = unit_rows(features)
        similarity = ops.matmul(unit, ops.transpose(unit)) / self.config.temperature
        others = other_rows(sample_weight)
        log_total = ops.logsumexp(ops.where(others, similarity, MASKED), axis=-1)
        positive = ops.cast(ops.logical_and(others, labels[:, None] == labels[None, :]), "float32")
        count = ops.sum(positive, axis=-1)
        mean_positive = ops.sum(positive * similarity, axis=-1) / ops.maximum(count, 1.0)
        is_anchor = ops.logical_and(count > 0, sample_weight > 0)
        return ops.where(is_anchor, log_total - mean_positive, 0.0)
