"""Token ids to hashed n-gram ids: what a bag of words knows of order, for models that learn from few texts."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

# A prime, so that ids spread over any number of buckets; times the factor it stays below 2**31.
_PRIME = 499_979
_FACTOR = 4099


@keras.saving.register_keras_serializable(package="sft_keras")
class HashedNgrams(keras.layers.Layer):
    """The bucket of the n-gram that begins at each token (the hashing trick, Weinberger et al. 2009).

    The arithmetic never leaves 32-bit integers, hence it is the same on every backend. Beyond the last token stands
    id 0, as in padding: the n-grams at the end of a text do not depend on how far its batch is padded.

    Args:
        size: Tokens in an n-gram.
        buckets: Number of buckets, from 2 to 499,980; the first one is that of padding.

    Call arguments:
        token_ids: int32, shape [batch, length]; 0 is padding.

    Returns:
        int32, shape [batch, length]: 0 at padding, else from 1 to `buckets - 1`.
    """

    def __init__(self, size: int, buckets: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 2 <= buckets <= _PRIME + 1:
            raise ValueError(f"`buckets` must be from 2 to {_PRIME + 1}. Received: buckets={buckets}")
        self.size = size
        self.buckets = buckets

    def call(self, token_ids: Any) -> Any:
        length = ops.shape(token_ids)[1]
        following = ops.pad(token_ids, [[0, 0], [0, self.size - 1]])
        result = ops.mod(token_ids, _PRIME)
        for offset in range(1, self.size):
            # Twice: the factor alone is smaller than a vocabulary, and pairs of neighbouring ids would meet.
            for _ in range(2):
                result = ops.mod(result * _FACTOR, _PRIME)
            result = ops.mod(result + following[:, offset : offset + length], _PRIME)
        return ops.where(token_ids > 0, 1 + ops.mod(result, self.buckets - 1), 0)

    def compute_output_spec(self, token_ids: Any) -> keras.KerasTensor:
        return keras.KerasTensor(token_ids.shape, dtype="int32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "buckets": self.buckets}
