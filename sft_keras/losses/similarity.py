"""Directions of features and pairs of rows, in forms whose value and gradient stay finite."""

from __future__ import annotations

from keras import ops

from sft_keras.losses.base import Tensor

# Stands for -∞ in a softmax: exp(MASKED) is 0, and unlike -∞ it gives 0 instead of NaN when multiplied by 0.
MASKED = -1e9

# A vector whose largest entry is below this has no direction; dividing by its norm would blow up the gradient.
_NO_DIRECTION = 1e-6


def unit_rows(vectors: Tensor) -> Tensor:
    """Each row divided by its Euclidean norm; a row of zeros stays zero and passes no gradient.

    Args:
        vectors: float32 [rows, dim].

    Returns:
        float32 [rows, dim].
    """
    # The direction does not depend on the scale, so the largest entry is divided out first (as a constant):
    # the squares of neither large nor small entries leave the range of float32.
    largest = ops.stop_gradient(ops.max(ops.abs(vectors), axis=-1, keepdims=True))
    has_direction = largest > _NO_DIRECTION
    scaled = vectors / ops.where(has_direction, largest, 1.0)
    squared_norm = ops.sum(ops.square(scaled), axis=-1, keepdims=True)
    # Both branches of a `where` are differentiated: the unused one must be finite too.
    unit = scaled * ops.rsqrt(ops.where(has_direction, squared_norm, 1.0))
    return ops.where(has_direction, unit, 0.0)


def other_rows(sample_weight: Tensor) -> Tensor:
    """Which rows j may be compared with row i: every other row that counts.

    Args:
        sample_weight: float32 [batch].

    Returns:
        bool [batch, batch], False on the diagonal and in the columns of rows of weight 0.
    """
    index = ops.arange(ops.shape(sample_weight)[0])
    return ops.logical_and(index[:, None] != index[None, :], (sample_weight > 0)[None, :])
