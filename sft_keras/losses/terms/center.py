"""Center loss: each row is drawn to the running center of its class (`center`)."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from sft_keras.config import TermConfig
from sft_keras.losses.base import TERMS, LossTerm, Tensor


@TERMS.register("center")
class Center(LossTerm):
    """½‖x - c_y‖² / dim (Wen et al. 2016, "A Discriminative Feature Learning Approach", eq. 2).

    The paper's value is divided by the width of the features: it grows with the width, and so would the λ
    that suits it. The centers start at zero and, after the loss of a training batch, move as in the paper
    (eq. 4 and algorithm 1): c_j ← c_j - α Σ_{y_i=j}(c_j - x_i) / (1 + n_j), with α the center rate and n_j
    the rows of class j in the batch. No gradient flows into them. Under `tf.distribute` each replica moves
    them by its own rows and the mean of the results is kept.
    """

    name = "center"

    def __init__(self, config: TermConfig, num_classes: int, feature_dim: int, class_counts: np.ndarray) -> None:
        super().__init__(config, num_classes, feature_dim, class_counts)
        self.centers = keras.Variable(
            np.zeros((num_classes, feature_dim), "float32"),
            trainable=False,
            dtype="float32",
            autocast=False,
            aggregation="mean",
            name="class_centers",
        )
        self.variables = [self.centers]

    def __call__(
        self,
        labels: Tensor,
        features: Tensor,
        logits: Tensor,  # noqa: ARG002
        sample_weight: Tensor,
        training: bool,
    ) -> Tensor:
        """The value of each row, float32 [batch]; see `LossTerm`."""
        centers = ops.stop_gradient(ops.convert_to_tensor(self.centers))
        offset = ops.convert_to_tensor(features) - ops.take(centers, labels, axis=0)
        counts_here = sample_weight > 0
        values = ops.where(counts_here, 0.5 * ops.mean(ops.square(offset), axis=-1), 0.0)
        if training:
            member = ops.one_hot(labels, self.num_classes, dtype="float32") * ops.cast(counts_here, "float32")[:, None]
            # Σ_{y_i=j}(x_i - c_j); a product of matrices, because a scatter-add is not deterministic on a GPU.
            pull = ops.matmul(ops.transpose(member), ops.stop_gradient(offset))
            self.centers.assign(centers + self.config.center_rate * pull / (1.0 + ops.sum(member, axis=0)[:, None]))
        return values
