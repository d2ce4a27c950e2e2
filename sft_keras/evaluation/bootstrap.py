"""How sure the figures are: 95% percentile bootstrap over the rows (Efron 1979; Efron & Tibshirani 1993, ch. 13).

Where every row is right, or none, every resample is alike and the bootstrap says nothing; the accuracy then gets
Wilson's score interval (Wilson 1927, JASA 22; recommended by Brown, Cai & DasGupta 2001, Statistical Science 16).

A resample draws as many rows as there are, with replacement. It is kept as the number of times each row is
drawn, so that every figure of a thousand resamples is a handful of array operations; the values are those
that scikit-learn gives on the repeated rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.stats import binomtest

from sft_keras.evaluation.metrics import METRICS, FloatArray, IntArray, brier_rows, calibration_index, check_rows

_CELLS = 1_000_000
"""Row counts held at once, which bounds the memory."""
_RANKING_CELLS = 50_000_000
"""Resamples × rows × classes that are ranked for the areas under the curves, which bounds the time to seconds."""
_RANKING_SAMPLES = 100
"""Fewer resamples than this give no interval for the areas under the curves."""

Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class Difference:
    """The accuracy of one classifier minus that of another on the same rows, 1 being all rows.

    Args:
        value: The difference, -1 to 1.
        low: Lower end of the 95% interval; None for a single row.
        high: Upper end; None for a single row.
        discordant: Rows that exactly one of the two gets right.
        rows: All rows.
    """

    value: float
    low: float | None
    high: float | None
    discordant: int
    rows: int


def resampled_counts(rows: int, samples: int, seed: int) -> Iterator[npt.NDArray[np.int32]]:
    """How often each row is drawn in each resample, a few resamples at a time.

    Args:
        rows: Rows that are drawn from, and number of draws.
        samples: Resamples in all.
        seed: Fixes the draws.

    Yields:
        int32 [some, rows]; each line sums to `rows`. The lines of all parts are `samples`.
    """
    generator = np.random.default_rng(seed)
    at_once = max(1, _CELLS // rows)
    for start in range(0, samples, at_once):
        part = min(at_once, samples - start)
        drawn = generator.integers(0, rows, size=(part, rows))
        drawn += np.arange(part)[:, None] * rows
        counts = np.bincount(drawn.ravel(), minlength=part * rows)
        yield counts.reshape(part, rows).astype(np.int32)


def bootstrap_values(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, *, samples: int, seed: int, bins: int
) -> dict[str, FloatArray]:
    """Every figure on every resample.

    Args:
        labels: int [n], class indices.
        probabilities: float [n, classes].
        samples: Number of resamples.
        seed: Fixes the draws.
        bins: Bins of the calibration error.

    Returns:
        Every name of `METRICS` with float64 [samples]. `roc_auc` and `pr_auc` are shorter where resamples × rows
        × classes would pass 50 million (empty if under 100 resamples are left), and nan on resamples that
        miss a class.

    Raises:
        DataError: The rows cannot be evaluated; see `metrics.check_rows`.
        TrainingError: A probability is negative or no number.
    """
    truth, scores = check_rows(labels, probabilities)
    rows, classes = scores.shape
    features = _row_features(truth, scores, bins)
    targets = [1] if classes == 2 else range(classes)
    ranked = min(samples, _RANKING_CELLS // (rows * len(targets)))
    if ranked < _RANKING_SAMPLES or len(np.unique(truth)) < classes:
        ranked = 0

    sums: list[FloatArray] = []
    areas: list[FloatArray] = []
    for counts in resampled_counts(rows, samples, seed):
        sums.append((features @ counts.T).T)
        wanted = counts[: max(0, ranked - sum(map(len, areas)))]
        if len(wanted):
            each = [_ranking_areas(truth == target, scores[:, target], wanted) for target in targets]
            areas.append(np.mean(each, axis=0))

    values = _from_sums(np.concatenate(sums), rows, classes)
    both = np.concatenate(areas) if areas else np.empty((0, 2))
    return {**values, "roc_auc": both[:, 0], "pr_auc": both[:, 1]}


def bootstrap_intervals(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, *, samples: int, seed: int, bins: int
) -> dict[str, Bounds]:
    """The 95% percentile interval of every figure.

    An interval of (None, None) means that there is none: a single row says nothing about spread, and the
    areas under the curves need every class in at least half of the resamples and a bounded number of rows (see
    `bootstrap_values`). Where all rows are right, or none, the accuracy has Wilson's score interval; the other
    figures keep the bootstrap's, which has next to no width there, however few the rows. The calibration
    error grows under resampling, so its interval may lie above its value.

    Args:
        labels: int [n], class indices.
        probabilities: float [n, classes].
        samples: Number of resamples.
        seed: Fixes the draws.
        bins: Bins of the calibration error.

    Returns:
        Every name of `METRICS` with (low, high).

    Raises:
        DataError: The rows cannot be evaluated; see `metrics.check_rows`.
        TrainingError: A probability is negative or no number.
    """
    truth, scores = check_rows(labels, probabilities)
    if len(truth) == 1:
        return dict.fromkeys(METRICS, (None, None))
    values = bootstrap_values(truth, scores, samples=samples, seed=seed, bins=bins)
    bounds = {name: _percentiles(values[name]) for name in METRICS}
    hits = int((scores.argmax(axis=1) == truth).sum())
    return {**bounds, "accuracy": _wilson(hits, len(truth))} if hits in (0, len(truth)) else bounds


def accuracy_difference(
    labels: npt.ArrayLike, predictions: npt.ArrayLike, others: npt.ArrayLike, *, samples: int, seed: int
) -> Difference:
    """The paired bootstrap of the difference in accuracy: both classifiers on the same resampled rows.

    A row counts +1, 0 or -1, so drawing rows is drawing the three numbers of such rows from one multinomial
    distribution.

    Args:
        labels: int [n], class indices.
        predictions: int [n], of the classifier.
        others: int [n], of the one it is compared with.
        samples: Number of resamples.
        seed: Fixes the draws.

    Returns:
        The difference with its 95% percentile interval.
    """
    truth = np.asarray(labels)
    gains = (np.asarray(predictions) == truth).astype(int) - (np.asarray(others) == truth)
    rows = len(gains)
    shares = np.bincount(gains + 1, minlength=3) / rows
    drawn = np.random.default_rng(seed).multinomial(rows, shares, size=samples)
    low, high = _percentiles((drawn[:, 2] - drawn[:, 0]) / rows) if rows > 1 else (None, None)
    return Difference(float(gains.mean()), low, high, int(np.abs(gains).sum()), rows)


def paired_difference(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    others: npt.ArrayLike,
    *,
    metric: str,
    samples: int,
    seed: int,
    confidence: float = 0.95,
) -> tuple[float, float | None, float | None]:
    """A figure of one classifier minus that of another, both on the same resampled rows.

    Args:
        labels: int [n], class indices.
        probabilities: float [n, classes], of the classifier.
        others: float [n, classes], of the one it is compared with.
        metric: A name of `METRICS` that is made of sums: not an area under a curve.
        samples: Number of resamples.
        seed: Fixes the draws.
        confidence: Share of the resamples between the two ends.

    Returns:
        The difference, and the ends of its percentile interval; None for a single row.
    """
    both = [check_rows(labels, each) for each in (probabilities, others)]
    rows, classes = both[0][1].shape
    sums = [_row_features(truth, scores, bins=1) for truth, scores in both]

    def difference(counts: npt.NDArray[np.int32]) -> FloatArray:
        own, other = (_from_sums((part @ counts.T).T, rows, classes)[metric] for part in sums)
        return np.asarray(own - other)

    value = float(difference(np.ones((1, rows), dtype=np.int32))[0])
    if rows == 1:
        return value, None, None
    drawn = np.concatenate([difference(counts) for counts in resampled_counts(rows, samples, seed)])
    return value, *_percentiles(drawn, confidence)


def _percentiles(values: FloatArray, confidence: float = 0.95) -> Bounds:
    defined = values[~np.isnan(values)]
    if len(defined) == 0 or len(defined) < len(values) / 2:
        return None, None
    outside = 50 * (1 - confidence)
    low, high = np.percentile(defined, [outside, 100 - outside])
    return float(low), float(high)


def _wilson(hits: int, rows: int) -> Bounds:
    interval = binomtest(hits, rows).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def _row_features(labels: IntArray, scores: FloatArray, bins: int) -> Any:
    """What each row adds to the sums that the figures are made of.

    Returns:
        Sparse float64 [3 · classes + bins + 2, n]: the row's class, its prediction, its class again if it is a
        hit, hit minus confidence in its calibration bin, log loss, Brier score.
    """
    rows, classes = scores.shape
    predictions = scores.argmax(axis=1)
    confidence = scores.max(axis=1)
    hits = (predictions == labels).astype(np.float64)
    epsilon = np.finfo(np.float64).eps
    losses = -np.log(np.clip(scores[np.arange(rows), labels], epsilon, 1 - epsilon))
    ones = np.ones(rows)
    blocks = [
        (labels, ones),
        (classes + predictions, ones),
        (2 * classes + labels, hits),
        (3 * classes + calibration_index(confidence, bins), hits - confidence),
        (np.full(rows, 3 * classes + bins), losses),
        (np.full(rows, 3 * classes + bins + 1), brier_rows(labels, scores)),
    ]
    index = np.concatenate([block for block, _ in blocks])
    values = np.concatenate([value for _, value in blocks])
    columns = np.tile(np.arange(rows), len(blocks))
    return sparse.csr_matrix((values, (index, columns)), shape=(3 * classes + bins + 2, rows))


def _from_sums(sums: FloatArray, rows: int, classes: int) -> dict[str, FloatArray]:
    support, predicted, hits = (sums[:, k * classes : (k + 1) * classes] for k in range(3))
    recall = np.divide(hits, support, out=np.zeros_like(hits), where=support > 0)
    total = support + predicted
    f1 = np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 0)
    return {
        "accuracy": hits.sum(axis=1) / rows,
        "balanced_accuracy": recall.sum(axis=1) / (support > 0).sum(axis=1),
        "macro_f1": f1.mean(axis=1),
        "weighted_f1": (f1 * support).sum(axis=1) / rows,
        "ece": np.abs(sums[:, 3 * classes : -2]).sum(axis=1) / rows,
        "log_loss": sums[:, -2] / rows,
        "brier": sums[:, -1] / rows,
    }


def _ranking_areas(positive: npt.NDArray[np.bool_], scores: FloatArray, counts: npt.NDArray[np.int32]) -> FloatArray:
    """Area under the ROC curve (trapezoids) and average precision for repeated rows.

    Args:
        positive: bool [n].
        scores: float64 [n], higher means more likely positive.
        counts: int32 [samples, n], repetitions of each row.

    Returns:
        float64 [samples, 2]; nan where only one side is drawn.
    """
    order = np.argsort(-scores, kind="stable")
    tie_ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    drawn = counts[:, order]
    true_positives = np.cumsum(drawn * positive[order], axis=1, dtype=np.float64)[:, tie_ends]
    called = np.cumsum(drawn, axis=1, dtype=np.float64)[:, tie_ends]
    false_positives = called - true_positives
    gained = np.diff(true_positives, axis=1, prepend=0.0)
    heights = true_positives - gained / 2
    positives, negatives = true_positives[:, -1], false_positives[:, -1]
    roc = (np.diff(false_positives, axis=1, prepend=0.0) * heights).sum(axis=1)
    precision = (gained * true_positives / np.maximum(called, 1)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        areas = np.stack([roc / (positives * negatives), precision / positives], axis=1)
    areas[(positives == 0) | (negatives == 0)] = np.nan
    return areas
