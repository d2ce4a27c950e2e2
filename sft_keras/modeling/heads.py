"""From token vectors to class scores: masked pooling, dropout, one dense layer in 32-bit."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import ops

Pooling = Literal["cls", "mean", "last", "max", "mean_max"]


def pooled_width(mode: Pooling, width: int) -> int:
    """How many numbers stand for a text whose tokens have `width` each."""
    return 2 * width if mode == "mean_max" else width


@keras.saving.register_keras_serializable(package="sft_keras")
class MaskedPooling(keras.layers.Layer):
    """One vector a text from its token vectors, padding left out.

    Args:
        mode: `cls` (first token), `mean` and `max` (over the real tokens), `last` (last real token), or `mean_max`
            (both side by side: Howard and Ruder's concat pooling of 2018 without the last state).

    Call arguments:
        sequence: Token vectors, shape [batch, length, width].
        padding_mask: 1 at real tokens, 0 at padding, shape [batch, length].

    Returns:
        Shape [batch, width]; twice the width for `mean_max`.
    """

    def __init__(self, mode: Pooling = "mean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mode = mode
        # Padding is told by the call argument; the vector that comes out has no positions left to mask.
        self.supports_masking = True

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        del args, kwargs

    def call(self, sequence: Any, padding_mask: Any) -> Any:
        if self.mode == "cls":
            return sequence[:, 0, :]
        mask = ops.expand_dims(ops.cast(padding_mask, sequence.dtype), axis=-1)
        if self.mode == "mean":
            return _mean(sequence, mask)
        if self.mode == "max":
            return _max(sequence, mask)
        if self.mode == "mean_max":
            return ops.concatenate([_mean(sequence, mask), _max(sequence, mask)], axis=-1)
        lengths = ops.sum(ops.cast(padding_mask, "int32"), axis=1)
        position = ops.maximum(lengths - 1, 0)
        return ops.squeeze(ops.take_along_axis(sequence, position[:, None, None], axis=1), axis=1)

    def compute_output_shape(self, sequence_shape: Any, padding_mask_shape: Any = None) -> tuple[Any, ...]:
        del padding_mask_shape
        return (sequence_shape[0], pooled_width(self.mode, sequence_shape[-1]))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}


def _mean(sequence: Any, mask: Any) -> Any:
    # The count is kept from zero so that a row of padding gives zeros, not NaN.
    return ops.sum(sequence * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)


def _max(sequence: Any, mask: Any) -> Any:
    lowest = ops.cast(-6e4, sequence.dtype)  # fits into 16-bit numbers too
    return ops.max(ops.where(mask > 0, sequence, lowest), axis=1)


def classification_head(
    sequence: Any, padding_mask: Any, *, pooling: Pooling, dropout: float, num_classes: int, seed: int
) -> tuple[Any, Any]:
    """Pools, drops out and scores.

    Args:
        sequence: Token vectors, shape [batch, length, width].
        padding_mask: int32, shape [batch, length].
        pooling: See `MaskedPooling`.
        dropout: Share of the pooled vector's units dropped while training.
        num_classes: Number of labels.
        seed: Fixes the first weights and the dropout.

    Returns:
        `(logits, features)`: float32 logits of shape [batch, classes] (16-bit logits lose the loss's precision), and
        the pooled vectors of shape [batch, `pooled_width`] that supervised terms see.
    """
    features = MaskedPooling(pooling, name="pooling")(sequence, padding_mask)
    dropped = keras.layers.Dropout(dropout, seed=seed, name="head_dropout")(features)
    initializer = keras.initializers.TruncatedNormal(stddev=0.02, seed=seed)
    dense = keras.layers.Dense(num_classes, kernel_initializer=initializer, dtype="float32", name="logits")
    return dense(dropped), features
