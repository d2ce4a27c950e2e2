"""What a supervised loss term is, where the terms are registered, and how rows become one number."""

from __future__ import annotations

import abc
from typing import Any, Literal, TypeAlias

import keras
import numpy as np

from sft_keras.config import TermConfig
from sft_keras.registry import Registry

# Keras has no type for "a tensor of whichever backend"; shapes and dtypes stand in the docstrings.
Tensor: TypeAlias = Any


class LossTerm(abc.ABC):
    """A supervised term: one value for each row of the batch, before λ and before the row weights.

    A term that keeps state creates its `keras.Variable`s in `__init__` (`trainable=False`,
    `aggregation="mean"`) and lists them in `variables`, so that the model can track, save and replicate them.

    Args:
        config: The term's settings.
        num_classes: Number of classes.
        feature_dim: Width of the pooled features.
        class_counts: Rows of each class in the training part, int [num_classes].

    Attributes:
        name: The term's name, that of its file.
        shapes: What its gradient reaches; a term on `features` changes nothing where the backbone is frozen.
    """

    name: str
    shapes: Literal["features", "logits"] = "features"

    def __init__(self, config: TermConfig, num_classes: int, feature_dim: int, class_counts: np.ndarray) -> None:
        self.config = config
        self.num_classes = num_classes
        self.feature_dim = feature_dim
        self.class_counts = np.asarray(class_counts)
        self.variables: list[keras.Variable] = []

    @abc.abstractmethod
    def __call__(
        self, labels: Tensor, features: Tensor, logits: Tensor, sample_weight: Tensor, training: bool
    ) -> Tensor:
        """The value of each row.

        Args:
            labels: Class ids, int32 [batch].
            features: Pooled features that go into the head, float32 [batch, feature_dim].
            logits: Scores of the classes, float32 [batch, num_classes].
            sample_weight: Weights of the rows, float32 [batch]. A row of weight 0 counts nowhere: it is no
                anchor, no positive, no negative and no member of a class. Any weight above 0 makes a full
                member; the weight itself is applied by `Objective`.
            training: Whether state may change.

        Returns:
            float32 [batch].
        """


TERMS: Registry[type[LossTerm]] = Registry("supervised loss term", "sft_keras.losses.terms")


class _RowMean(keras.losses.Loss):
    """Passes the values of the rows through, so that Keras reduces them."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:  # noqa: ARG002
        return y_pred


_ROW_MEAN = _RowMean(reduction="sum_over_batch_size", dtype="float32", name="row_mean")


def batch_mean(values: Tensor, weights: Tensor | None = None) -> Tensor:
    """Σ w·v divided by the number of rows: the only place where rows become a scalar.

    The reduction is that of `keras.losses.Loss`, because under `tf.distribute` it also divides by the number
    of replicas; a plain `ops.mean` would double the gradient on two.

    Args:
        values: Value of each row, [batch].
        weights: Weight of each row, [batch]; 1 if None. A row of weight 0 still counts in the divisor.

    Returns:
        float32 scalar.
    """
    return _ROW_MEAN(values, values, sample_weight=weights)
