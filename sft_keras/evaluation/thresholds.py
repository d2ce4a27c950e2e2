"""What becomes of a classifier that answers only where it is confident (Chow 1970; El-Yaniv & Wiener 2010)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sft_keras.evaluation.metrics import check_rows
from sft_keras.evaluation.told import told_down

STEPS = 100
FEWEST_ROWS, FEWEST_ANSWERED = 20, 10


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


@dataclass(frozen=True)
class Attained:
    """The threshold for a wanted accuracy, and what it does on other rows than those it was chosen on.

    Attributes:
        wanted: The accuracy that is wanted, 0 to 1.
        threshold: Least confidence for an answer; 0 if all answers are good enough, None if no threshold is.
        rows: All rows that it was tried on.
        answered: Rows that get an answer.
        right: Right ones among them.
        low: Lower end of Wilson's 95% interval of the accuracy; None without an answer.
        high: Its upper end.
    """

    wanted: float
    threshold: float | None
    rows: int
    answered: int = 0
    right: int = 0
    low: float | None = None
    high: float | None = None

    @property
    def coverage(self) -> float:
        """Share of the rows that get an answer."""
        return self.answered / self.rows

    @property
    def accuracy(self) -> float | None:
        """Share of right answers; None if there are none."""
        return self.right / self.answered if self.answered else None


def attained(
    validation: tuple[npt.NDArray[np.floating], npt.NDArray[np.bool_]],
    test: tuple[npt.NDArray[np.floating], npt.NDArray[np.bool_]],
    wanted: float,
) -> Attained:
    """Chooses the threshold for a wanted accuracy on the validation rows, and tries it on the test rows.

    Args:
        validation: float [n], the confidence of each answer, and bool [n], whether it is right.
        test: The same of the test rows.
        wanted: The accuracy that is wanted, 0 to 1.
    """
    from scipy.stats import binomtest

    confidence, hits = test
    threshold = threshold_for(*validation, wanted)
    if threshold is None:
        return Attained(wanted, None, len(hits))
    # As it is told, if it still holds then: rounded down, it lets in further rows.
    told = min(told_down(threshold)[0], threshold)
    if validation[1][validation[0] >= told].mean() >= wanted:
        threshold = told
    answered = confidence >= threshold
    count, right = int(answered.sum()), int(hits[answered].sum())
    if not count:
        return Attained(wanted, threshold, len(hits))
    bounds = binomtest(right, count).proportion_ci(method="wilson")
    return Attained(wanted, threshold, len(hits), count, right, float(bounds.low), float(bounds.high))


def threshold_for(confidence: np.ndarray, hits: np.ndarray, wanted: float) -> float | None:
    """The lowest confidence from which on the answers are right as often as wanted.

    Args:
        confidence: float [rows], of each answer.
        hits: bool [rows], whether it is right.
        wanted: The accuracy that is wanted, 0 to 1.

    Returns:
        0 if all answers together are good enough; None if no threshold that leaves ten answers is.
    """
    if not len(hits):
        return None
    if hits.mean() >= wanted:
        return 0.0
    order = np.argsort(-confidence, kind="stable")
    right, sorted_confidence = np.cumsum(hits[order]), confidence[order]
    counts = np.arange(1, len(hits) + 1)
    # A threshold takes all rows of one confidence, so it can only lie where the confidence changes.
    ends = np.append(sorted_confidence[1:] < sorted_confidence[:-1], True)
    good = ends & (right / counts >= wanted) & (counts >= FEWEST_ANSWERED)
    return float(sorted_confidence[np.flatnonzero(good)[-1]]) if good.any() else None
