"""What becomes of a classifier that answers only where it is confident (Chow 1970; El-Yaniv & Wiener 2010)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sft_keras.evaluation.metrics import check_rows

STEPS = 100


@dataclass(frozen=True)
class Selective:
    """A threshold, with the number of rows at or above it, the right ones among them, and all rows."""

    threshold: float
    answered: int
    right: int
    rows: int

    @property
    def coverage(self) -> float:
        """Share of the rows that get an answer."""
        return self.answered / self.rows

    @property
    def accuracy(self) -> float | None:
        """Share of right answers; None if there are none."""
        return self.right / self.answered if self.answered else None


def selective(labels: npt.ArrayLike, probabilities: npt.ArrayLike, thresholds: npt.ArrayLike) -> list[Selective]:
    """What is answered, and how much of it is right, at each threshold.

    Args:
        labels: int [n], class indices.
        probabilities: float [n, classes].
        thresholds: float [m], least confidence for an answer.

    Returns:
        One entry a threshold, in their order.

    Raises:
        DataError: The rows cannot be evaluated; see `metrics.check_rows`.
        TrainingError: A probability is negative or no number.
    """
    truth, scores = check_rows(labels, probabilities)
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    order = np.argsort(-confidence, kind="stable")
    descending = -confidence[order]
    hits = np.concatenate([[0], np.cumsum(right[order])])
    wanted = np.atleast_1d(np.asarray(thresholds, dtype=np.float64))
    answered = np.searchsorted(descending, -wanted, side="right")
    return [
        Selective(float(t), int(n), int(hits[n]), len(truth)) for t, n in zip(wanted, answered.tolist(), strict=True)
    ]


def even_thresholds() -> npt.NDArray[np.float64]:
    """From 0 to 1 in steps of 0.01."""
    return np.arange(STEPS + 1) / STEPS
