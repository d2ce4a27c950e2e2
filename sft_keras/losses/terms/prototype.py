"""Prototype loss: each row is classified by its cosine to the class means of the batch (`prototype`)."""

from __future__ import annotations

from keras import ops

from sft_keras.losses.base import TERMS, LossTerm, Tensor
from sft_keras.losses.similarity import MASKED, other_rows, unit_rows


@TERMS.register("prototype")
class Prototype(LossTerm):
    """-log( exp(cos(x, m_y)/τ) / Σ_k exp(cos(x, m_k)/τ) ), after Snell et al. 2017, "Prototypical Networks", eq. 2.

    The paper's distance is replaced by the cosine over a temperature τ, and its separate support set by the
    batch. m_k is the mean of the features of class k, each divided by its norm first so that no long vector
    owns the mean. Only classes with a row in the batch compete.

    Leave-one-out: a row is no part of the mean of its own class, or it would be near to it by being in it. A
    row that is the only one of its class therefore has nothing to be drawn to; it contributes 0 (as in
    `supcon`, and counted in the batch size), while its class still competes in the terms of the other rows.
    """

    name = "prototype"

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
        counts_here = sample_weight > 0
        one_hot = ops.one_hot(labels, self.num_classes, dtype="float32")
        member = one_hot * ops.cast(counts_here, "float32")[:, None]
        # A sum and its mean have one direction, so nothing is divided by the number of members.
        to_class = ops.matmul(unit, ops.transpose(unit_rows(ops.matmul(ops.transpose(member), unit))))

        mate = ops.logical_and(other_rows(sample_weight), labels[:, None] == labels[None, :])
        mate = ops.cast(mate, "float32")
        # Summed from the mates: subtracting the row from the sum of its class would cancel digits.
        to_own = ops.sum(unit * unit_rows(ops.matmul(mate, unit)), axis=-1)

        scores = ops.where(one_hot > 0, to_own[:, None], to_class) / self.config.temperature
        competes = ops.logical_or(ops.sum(member, axis=0)[None, :] > 0, one_hot > 0)
        values = ops.logsumexp(ops.where(competes, scores, MASKED), axis=-1) - to_own / self.config.temperature
        return ops.where(ops.logical_and(counts_here, ops.sum(mate, axis=-1) > 0), values, 0.0)
