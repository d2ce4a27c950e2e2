"""Rows drawn for a part, so that its time is bounded."""

from __future__ import annotations

import numpy as np


def drawn_rows(rows: int, most: int, seed: int) -> np.ndarray:
    """Positions of at most so many rows, rising; int64, all of them if there are no more."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def stratified_rows(labels: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of so many rows with about the same share of each class, at least one of each.

    Args:
        labels: int [rows], class indices.
        wanted: How many.
        rng: Draws them.

    Returns:
        int64, rising.
    """
    share = wanted / len(labels)
    chosen = []
    for each in np.unique(labels):
        rows = np.flatnonzero(labels == each)
        # Rounded by chance, so that small classes do not grow or vanish together.
        exact = len(rows) * share
        count = max(1, int(exact) + (rng.random() < exact - int(exact)))
        chosen.append(rng.choice(rows, min(count, len(rows)), replace=False))
    return np.sort(np.concatenate(chosen))
