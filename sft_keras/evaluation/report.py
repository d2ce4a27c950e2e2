"""The report of a run: `report.json`, a stable contract, made of the figures of a model and of its baselines."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sft_keras.config import EvaluationConfig
from sft_keras.errors import DataError
from sft_keras.evaluation.baselines import ClassWeight, majority_probabilities, tfidf_logreg_probabilities
from sft_keras.evaluation.bootstrap import accuracy_difference
from sft_keras.evaluation.evaluator import Metric, Scores, evaluate_predictions, measure
from sft_keras.evaluation.metrics import FloatArray
from sft_keras.evaluation.wording import accuracy_verdict, compare_verdict, data_notes

FORMAT_VERSION = 1
# A note may name labels, which may be of any length.
LONGEST_NOTE = 1_000


@dataclass(frozen=True)
class Baseline:
    """The figures of a simple classifier on the same test rows, and the seconds that it took to fit and answer."""

    metrics: Mapping[str, Metric]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return {"metrics": {name: metric.to_dict() for name, metric in self.metrics.items()}, "seconds": self.seconds}


@dataclass(frozen=True)
class Comparison:
    """The paired difference to a baseline, model minus baseline, with its 95% interval; 1 is 100 points.

    `discordant` is the number of test rows that exactly one of the two gets right; None in older reports.
    """

    baseline: str
    metric: str
    difference: float
    low: float | None
    high: float | None
    discordant: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """All that `report.json` says about a run.

    Args:
        scores: Figures, classes, confusion matrix and calibration of the model on the test rows.
        labels: The names of the classes, by index.
        rows: Numbers of rows by part ("train", "validation", "test").
        seconds: Times by what they were spent on, "training" and "prediction" after a training.
        seed: The run's seed, which also fixes the resamples.
        data_fingerprint: Identifies the data.
        backbone: Name of the backbone.
        versions: Versions of the packages.
        verdict: One plain sentence on how good the model is.
        baselines: Simple classifiers on the same rows, by name; empty if they were not scored.
        comparison: The difference to TF-IDF + logistic regression; None without baselines.
        notes: What a reader should know, one sentence each.
        lambda_search: The weights λ that were tried on the validation part; None if none were.
        layer_search: The layers and penalties that were tried there; None if none were.
        control: The same training at λ = 0 on the same test rows; None if there was none.
        history: The figures of each epoch; empty if nothing was trained.
        temperature: What the logits were divided by; 1 if the confidences were left as they are.
        calibration_before: Calibration error, Brier score and log loss on the test rows before that; None if they
            were left.
    """

    scores: Scores
    labels: tuple[str, ...]
    rows: Mapping[str, int]
    seconds: Mapping[str, float]
    seed: int
    data_fingerprint: str
    backbone: str
    versions: Mapping[str, str]
    verdict: str
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    comparison: Comparison | None = None
    notes: tuple[str, ...] = ()
    lambda_search: Mapping[str, Any] | None = None
    layer_search: Mapping[str, Any] | None = None
    control: Mapping[str, Any] | None = None
    history: tuple[Mapping[str, Any], ...] = ()
    temperature: float = 1.0
    calibration_before: Mapping[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The content of `report.json`: JSON types only, full precision, None for what is undefined."""
        scores = self.scores.to_dict()
        content = {
            "format_version": FORMAT_VERSION,
            "verdict": self.verdict,
            "metrics": scores["metrics"],
            "baselines": {name: baseline.to_dict() for name, baseline in self.baselines.items()},
            "comparison": self.comparison.to_dict() if self.comparison else None,
            "labels": list(self.labels),
            "per_class": scores["per_class"],
            "confusion_matrix": scores["confusion_matrix"],
            "calibration": scores["calibration"],
            "rows": dict(self.rows),
            "seconds": dict(self.seconds),
            "seed": self.seed,
            "data_fingerprint": self.data_fingerprint,
            "backbone": self.backbone,
            "versions": dict(self.versions),
            "notes": [note if len(note) <= LONGEST_NOTE else f"{note[:LONGEST_NOTE]}…" for note in self.notes],
            "lambda_search": self.lambda_search,
            "layer_search": self.layer_search,
            "control": self.control,
            "history": list(self.history),
            "temperature": self.temperature,
            "calibration_before": self.calibration_before,
        }
        return {key: json_safe(value) for key, value in content.items()}


def evaluate_only(
    *,
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    names: Sequence[str],
    config: EvaluationConfig,
    seed: int,
    data_fingerprint: str,
    backbone: str,
    versions: Mapping[str, str],
    rows: Mapping[str, int] | None = None,
    seconds: Mapping[str, float] | None = None,
    notes: Sequence[str] = (),
) -> Report:
    """A report without baselines, for a model whose training texts are not at hand.

    Args:
        labels: int [n], class indices of the test rows.
        probabilities: float [n, classes] of the model.
        names: The names of the classes, by index.
        config: Number of resamples and of calibration bins.
        seed: Fixes the resamples.
        data_fingerprint: Identifies the data.
        backbone: Name of the backbone.
        versions: Versions of the packages.
        rows: Numbers of rows by part; the test rows alone if left out.
        seconds: Times by what they were spent on.
        notes: Sentences for the reader.

    Returns:
        The report; its `baselines` are empty and its `comparison` is None.

    Raises:
        DataError: The rows cannot be evaluated; see `metrics.check_rows`.
        TrainingError: A probability is negative or no number.
    """
    scores = evaluate_predictions(labels, probabilities, names, config, seed)
    total = len(np.asarray(labels))
    return Report(
        scores=scores,
        labels=tuple(names),
        rows=dict(rows or {"test": total}),
        seconds=dict(seconds or {}),
        seed=seed,
        data_fingerprint=data_fingerprint,
        backbone=backbone,
        versions=dict(versions),
        verdict=accuracy_verdict(scores.metrics["accuracy"]),
        notes=(*notes, *data_notes(scores, total)),
    )


def build_report(
    *,
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    names: Sequence[str],
    train_texts: Sequence[str],
    train_labels: npt.ArrayLike,
    test_texts: Sequence[str],
    config: EvaluationConfig,
    seed: int,
    rows: Mapping[str, int],
    seconds: Mapping[str, float],
    data_fingerprint: str,
    backbone: str,
    versions: Mapping[str, str],
    notes: Sequence[str] = (),
    class_weight: ClassWeight = None,
    history: Sequence[Mapping[str, Any]] = (),
) -> Report:
    """The report after a training, with baselines fitted on the same training rows.

    Args:
        train_texts: The training texts, [rows].
        train_labels: int [rows], class indices.
        test_texts: The test texts, [n], in the order of `labels`.
        class_weight: Class weights of the training, which the baseline gets too.
        history: The figures of each epoch.
        labels, probabilities, names, config, seed, rows, seconds, data_fingerprint, backbone, versions, notes:
            See `evaluate_only`.

    Returns:
        The report; without baselines if `config.baselines` is off.

    Raises:
        DataError: The rows cannot be evaluated, or texts and labels are not of one length.
        TrainingError: A probability is negative or no number.
    """
    alone = evaluate_only(
        labels=labels,
        probabilities=probabilities,
        names=names,
        config=config,
        seed=seed,
        rows=rows,
        seconds=seconds,
        data_fingerprint=data_fingerprint,
        backbone=backbone,
        versions=versions,
        notes=notes,
    )
    report = replace(alone, history=tuple(history))
    if not config.baselines:
        return report
    truth, scores = np.asarray(labels), np.asarray(probabilities)
    if len(test_texts) != len(truth):
        raise DataError(f"Expected one label a text. Received: {len(test_texts)} texts, {len(truth)} labels")

    def majority() -> FloatArray:
        return majority_probabilities(train_labels, len(names), len(truth))

    def tfidf_logreg() -> FloatArray:
        return tfidf_logreg_probabilities(
            train_texts, train_labels, test_texts, len(names), seed=seed, class_weight=class_weight
        )

    answers = {name: _timed(answer) for name, answer in (("majority", majority), ("tfidf_logreg", tfidf_logreg))}
    difference = accuracy_difference(
        truth,
        scores.argmax(axis=1),
        answers["tfidf_logreg"][0].argmax(axis=1),
        samples=config.bootstrap_samples,
        seed=seed,
    )
    return replace(
        report,
        baselines={n: Baseline(measure(truth, p, config, seed), spent) for n, (p, spent) in answers.items()},
        comparison=Comparison(
            "tfidf_logreg", "accuracy", difference.value, difference.low, difference.high, difference.discordant
        ),
        verdict=compare_verdict(difference),
    )


def _timed(answer: Callable[[], FloatArray]) -> tuple[FloatArray, float]:
    start = time.perf_counter()
    return answer(), time.perf_counter() - start


def json_safe(value: Any) -> Any:
    """A value as JSON can hold it: NumPy's numbers and arrays as plain ones, None for what is no finite number."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
