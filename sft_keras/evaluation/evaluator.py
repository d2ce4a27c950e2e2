"""From predictions to everything that is said about them: figures with intervals, per class, calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix

from sft_keras.config import EvaluationConfig
from sft_keras.errors import DataError
from sft_keras.evaluation.bootstrap import bootstrap_intervals
from sft_keras.evaluation.metrics import (
    CalibrationBin,
    ClassScores,
    calibration_bins,
    check_rows,
    classification_metrics,
    per_class,
)


@dataclass(frozen=True)
class Metric:
    """A figure with its 95% interval; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, float | None]:
        """The fields by name, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Scores:
    """What is measured of one classifier on one set of rows.

    Args:
        metrics: Each name of `metrics.METRICS` with its figure.
        per_class: One entry a class, by index.
        confusion_matrix: Numbers of rows, [true class][predicted class].
        calibration: Confidence against accuracy, one entry a bin from low to high.
    """

    metrics: Mapping[str, Metric]
    per_class: tuple[ClassScores, ...]
    confusion_matrix: list[list[int]]
    calibration: tuple[CalibrationBin, ...]

    def to_dict(self) -> dict[str, Any]:
        """All parts as they stand in `report.json`."""
        return {
            "metrics": {name: metric.to_dict() for name, metric in self.metrics.items()},
            "per_class": [scores.to_dict() for scores in self.per_class],
            "confusion_matrix": self.confusion_matrix,
            "calibration": [part.to_dict() for part in self.calibration],
        }


def evaluate_predictions(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    names: Sequence[str],
    config: EvaluationConfig,
    seed: int,
) -> Scores:
    """Measures predictions against the true labels.

    Args:
        labels: int [n], class indices.
        probabilities: float [n, classes]; the prediction is the first highest of a row.
        names: The names of the classes, by index.
        config: Number of resamples and of calibration bins.
        seed: Fixes the resamples.

    Returns:
        The scores; an undefined figure is None.

    Raises:
        DataError: There are no rows, or the sizes do not fit; see `metrics.check_rows`.
        TrainingError: A probability is negative or no number.
    """
    truth, scores = check_rows(labels, probabilities)
    if len(names) != scores.shape[1]:
        raise DataError(f"Expected one name a class. Received: {len(names)} names, {scores.shape[1]} classes")
    bins = config.calibration_bins
    predictions = scores.argmax(axis=1)
    return Scores(
        metrics=measure(truth, scores, config, seed),
        per_class=tuple(per_class(truth, predictions, names)),
        confusion_matrix=confusion_matrix(truth, predictions, labels=np.arange(len(names))).tolist(),
        calibration=calibration_bins(truth, scores, bins),
    )


def measure(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, config: EvaluationConfig, seed: int
) -> dict[str, Metric]:
    """Every figure of `metrics.METRICS` with its interval; see `evaluate_predictions` for the arguments."""
    bins = config.calibration_bins
    values = classification_metrics(labels, probabilities, bins=bins)
    bounds = bootstrap_intervals(labels, probabilities, samples=config.bootstrap_samples, seed=seed, bins=bins)
    return {
        name: Metric(None, None, None) if math.isnan(value) else Metric(value, *bounds[name])
        for name, value in values.items()
    }
