"""The figures a classifier is judged by, from true labels and class probabilities.

scikit-learn computes them; own code is the calibration error, which it does not have, and the Brier score,
which it has for more than two classes only since 1.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
    recall_score,
    roc_auc_score,
)

from sft_keras.errors import DataError, TrainingError

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

METRICS = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "roc_auc",
    "pr_auc",
    "log_loss",
    "ece",
    "brier",
)


@dataclass(frozen=True)
class ClassScores:
    """How well one class is found; `support` is the number of rows that truly belong to it."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class CalibrationBin:
    """The rows whose highest probability lies in (`low`, `high`]; the means are None when `count` is 0."""

    low: float
    high: float
    confidence: float | None
    accuracy: float | None
    count: int

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return asdict(self)


def check_rows(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> tuple[IntArray, FloatArray]:
    """Brings labels and probabilities into the form every figure here is computed from.

    Args:
        labels: int [n], class indices.
        probabilities: float [n, classes], any float type; rows need not sum to exactly 1.

    Returns:
        int64 [n] and float64 [n, classes] with rows that sum to 1.

    Raises:
        DataError: There are no rows, fewer than two classes, or the shapes and label indices do not fit.
        TrainingError: A probability is negative or no number.
    """
    scores = np.asarray(probabilities, dtype=np.float64)
    truth = np.asarray(labels)
    if truth.size == 0:
        raise DataError("There are no rows to evaluate.", fix="Give at least one labelled row.")
    if truth.ndim != 1 or scores.ndim != 2 or len(truth) != len(scores) or scores.shape[1] < 2:
        raise DataError(
            "Expected labels [n] and probabilities [n, classes] with two classes or more. "
            f"Received: labels {list(truth.shape)}, probabilities {list(scores.shape)}"
        )
    if not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0 or truth.max() >= scores.shape[1]:
        raise DataError(
            f"Labels must be whole numbers from 0 to {scores.shape[1] - 1}. "
            f"Received: {truth.dtype}, from {truth.min()} to {truth.max()}"
        )
    sums = scores.sum(axis=1, keepdims=True)
    if not np.isfinite(sums).all() or scores.min() < 0 or sums.min() <= 0:
        raise TrainingError(
            "The model's probabilities are not numbers of 0 and above.",
            fix="The training may have diverged: try a lower learning rate or turn mixed precision off.",
        )
    exact = np.isclose(sums, 1.0, rtol=1e-8, atol=0.0)  # dividing these would only break ties
    return truth.astype(np.int64), np.where(exact, scores, scores / sums)


def classification_metrics(labels: npt.ArrayLike, probabilities: npt.ArrayLike, *, bins: int) -> dict[str, float]:
    """All figures of `METRICS` on one set of rows.

    - `accuracy`; `balanced_accuracy`: mean recall of the classes that occur in the labels.
    - `macro_f1`, `weighted_f1`: over all classes; a class without labels and predictions counts as 0, as
      scikit-learn does with `labels` given and `zero_division=0`.
    - `roc_auc`, `pr_auc` (average precision): of class 1 if there are two classes, otherwise the plain mean
      of one class against the rest; nan unless every class occurs in the labels.
    - `log_loss`: natural logarithm, probabilities clipped to float64's epsilon.
    - `ece`: see `expected_calibration_error`. `brier`: see `brier_rows`.

    Args:
        labels: int [n], class indices.
        probabilities: float [n, classes].
        bins: Number of equal-width bins of the calibration error.

    Returns:
        Every name of `METRICS` with its value; nan where it is undefined on these rows.

    Raises:
        DataError: The rows cannot be evaluated; see `check_rows`.
        TrainingError: A probability is negative or no number.
    """
    truth, scores = check_rows(labels, probabilities)
    predictions = scores.argmax(axis=1)
    classes = np.arange(scores.shape[1])
    present = np.unique(truth)
    f1 = {"labels": classes, "zero_division": 0}
    roc_auc = pr_auc = float("nan")
    if len(present) == len(classes):
        columns = scores[:, 1] if len(classes) == 2 else scores
        roc_auc = roc_auc_score(truth, columns, multi_class="ovr", average="macro", labels=classes)
        pr_auc = average_precision_score(truth, columns, average="macro")
    values = {
        "accuracy": accuracy_score(truth, predictions),
        "balanced_accuracy": recall_score(truth, predictions, labels=present, average="macro", zero_division=0),
        "macro_f1": f1_score(truth, predictions, average="macro", **f1),
        "weighted_f1": f1_score(truth, predictions, average="weighted", **f1),
        "roc_auc": roc_auc,
        "pr_auc": pr_auc,
        "log_loss": log_loss(truth, scores, labels=classes),
        "ece": expected_calibration_error(truth, scores, bins),
        "brier": brier_rows(truth, scores).mean(),
    }
    return {name: float(values[name]) for name in METRICS}


def brier_rows(labels: IntArray, probabilities: FloatArray) -> FloatArray:
    """The Brier score of each row (Brier 1950, Monthly Weather Review 78): squared error of the probabilities.

    The sum over the classes, 0 to 2; with two classes half of it, 0 to 1, which is the squared error of the
    probability of class 1. This is scikit-learn's `scale_by_half="auto"`.

    Args:
        labels: int64 [n].
        probabilities: float64 [n, classes], rows sum to 1.

    Returns:
        float64 [n].
    """
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(labels)), labels] = 1.0
    errors: FloatArray = ((probabilities - truth) ** 2).sum(axis=1)
    return errors / 2 if probabilities.shape[1] == 2 else errors


def calibration_index(confidence: FloatArray, bins: int) -> IntArray:
    """The equal-width bin (m/bins, (m+1)/bins] that each confidence lies in; int64 [n]."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    return np.searchsorted(edges[1:-1], confidence, side="left").astype(np.int64)


def calibration_bins(labels: npt.ArrayLike, probabilities: npt.ArrayLike, bins: int) -> tuple[CalibrationBin, ...]:
    """Confidence against accuracy in equal-width bins of the highest probability (Guo et al. 2017, section 2).

    Args:
        labels: int [n], class indices.
        probabilities: float [n, classes].
        bins: Number of bins between 0 and 1.

    Returns:
        One entry a bin, from low to high, empty bins included.
    """
    truth, scores = check_rows(labels, probabilities)
    confidence = scores.max(axis=1)
    index = calibration_index(confidence, bins)
    counts = np.bincount(index, minlength=bins)
    confidences = np.bincount(index, weights=confidence, minlength=bins)
    hits = np.bincount(index, weights=scores.argmax(axis=1) == truth, minlength=bins)
    return tuple(
        CalibrationBin(
            low=m / bins,
            high=(m + 1) / bins,
            confidence=float(confidences[m] / counts[m]) if counts[m] else None,
            accuracy=float(hits[m] / counts[m]) if counts[m] else None,
            count=int(counts[m]),
        )
        for m in range(bins)
    )


def expected_calibration_error(labels: npt.ArrayLike, probabilities: npt.ArrayLike, bins: int) -> float:
    """The gap between confidence and accuracy, averaged over the rows (Guo et al. 2017, equation 3).

    Args:
        labels: int [n], class indices.
        probabilities: float [n, classes]; the highest of a row is its confidence.
        bins: Number of equal-width bins between 0 and 1.

    Returns:
        `Σ_m |B_m|/n · |accuracy(B_m) − confidence(B_m)|`, 0 (calibrated) to 1.
    """
    filled = [b for b in calibration_bins(labels, probabilities, bins) if b.count]
    gaps = sum(b.count * abs((b.accuracy or 0.0) - (b.confidence or 0.0)) for b in filled)
    return gaps / sum(b.count for b in filled)


def per_class(labels: npt.ArrayLike, predictions: npt.ArrayLike, names: Sequence[str]) -> list[ClassScores]:
    """Precision, recall and F1 of each class; a score without rows behind it is 0.

    Args:
        labels: int [n], class indices.
        predictions: int [n], class indices.
        names: The names of all classes, by index.

    Returns:
        One entry a class, in the order of `names`.
    """
    columns = precision_recall_fscore_support(labels, predictions, labels=np.arange(len(names)), zero_division=0)
    return [
        ClassScores(name, float(precision), float(recall), float(f1), int(support))
        for name, precision, recall, f1, support in zip(names, *columns, strict=True)
    ]
