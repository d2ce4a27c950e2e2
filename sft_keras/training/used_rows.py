"""Which rows of the token embedding a training can move: those of tokens that stand in its texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sft_keras.modeling.backbones.base import Encoder
from sft_keras.preprocessing.token_rows import TokenRows

# From here on there is little to save.
LARGEST_SHARE = 0.9


@dataclass(frozen=True)
class UsedRows:
    """The rows of an embedding that training texts ask for.

    Attributes:
        variable: The embedding, a Keras variable of shape [vocabulary, width]; a training reads it by rows alone.
        rows: int32 [used], ascending.
    """

    variable: Any
    rows: np.ndarray


def used_rows(encoder: Encoder, ids: TokenRows, pad_id: int) -> UsedRows | None:
    """The token embedding of a backbone, and what of it these texts read.

    Args:
        encoder: The backbone.
        ids: Token ids of each training text.
        pad_id: What fills a batch.

    Returns:
        None if the backbone has no such embedding, if it is frozen, or if nearly all of it is read.
    """
    layer = encoder.token_embedding
    if layer is None or not layer.embeddings.trainable:
        return None
    rows = np.union1d(ids.used, [pad_id]).astype(np.int32)
    return UsedRows(layer.embeddings, rows) if len(rows) <= LARGEST_SHARE * layer.embeddings.shape[0] else None
