"""A batch in parts that fit into memory one after the other, weighted so that their mean is the batch's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sft_keras.preprocessing.batches import Batcher, Inputs


@dataclass(frozen=True)
class Part:
    """Some rows of a batch.

    Attributes:
        rows: Their indices.
        scale: Factor of their weights: a part's mean, times this, is its share in the mean over equally many parts.
    """

    rows: np.ndarray
    scale: float


def divide(batch: np.ndarray, parts: int) -> list[Part]:
    """Exactly so many parts, equal but for one row.

    The loss of a part is Σ w·l / n_part, and the optimizer takes the mean over the parts. With w scaled by
    parts · n_part / n that mean is Σ w·l / n over the batch. A part that gets no row holds one of weight 0.

    Args:
        batch: Row indices, shape [rows].
        parts: How many.
    """
    pieces = np.array_split(batch, parts)
    return [Part(piece, len(piece) * parts / len(batch)) if len(piece) else Part(batch[:1], 0.0) for piece in pieces]


@dataclass(frozen=True)
class PartedRows:
    """Rows as `stream` reads them, part by part."""

    rows: Batcher[np.ndarray]

    def batch(self, part: Part) -> tuple[Inputs, np.ndarray, np.ndarray]:
        """Inputs, targets and weights of a part."""
        inputs, targets, weights = self.rows.batch(part.rows)
        return inputs, targets, weights * np.float32(part.scale)
