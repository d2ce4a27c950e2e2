"""What a page says of a report, worked out from its content, without words and without layout."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from sft_keras.config import RunConfig
from sft_keras.evaluation.bootstrap import Difference
from sft_keras.evaluation.content import ReportContent
from sft_keras.evaluation.wording import compare_verdict

HEADLINES = ("accuracy", "macro_f1")
LOWER_IS_BETTER = ("log_loss", "ece", "brier")
MATRIX_CLASSES = 12
"""More classes than this make a matrix that no phone shows and nobody reads."""
MOST_CONFUSIONS = 15
CLASSES_IN_VIEW = 30
_EVEN = 0.02
"""A gap between mean confidence and accuracy below this is not spoken of as too sure or too cautious."""


@dataclass(frozen=True)
class Confusion:
    """A kind of mistake: rows of one label that were taken for another, and their share of the true label's rows."""

    label: str
    predicted: str
    rows: int
    share: float


@dataclass(frozen=True)
class Trust:
    """Mean confidence and accuracy over the calibration bins; `kind` is "sure", "shy" or "even"."""

    confidence: float
    accuracy: float
    kind: str


@dataclass(frozen=True)
class Changed:
    """A setting whose value is not the default, each as it stands in YAML."""

    key: str
    value: Any
    default: Any


def confusions(content: ReportContent) -> list[Confusion]:
    """All kinds of mistakes, the most frequent first."""
    found = [
        Confusion(content.labels[i], content.labels[j], count, count / sum(row))
        for i, row in enumerate(content.confusion_matrix)
        for j, count in enumerate(row)
        if i != j and count > 0
    ]
    return sorted(found, key=lambda each: (-each.rows, -each.share))


def hits(content: ReportContent) -> int:
    """Test rows with the right label."""
    return sum(row[i] for i, row in enumerate(content.confusion_matrix))


def difference(content: ReportContent) -> Difference | None:
    """The comparison with the number of rows that it rests on; None without a comparison.

    Reports of older versions lack that number: what they say in their verdict then tells whether it was enough.
    """
    found, rows = content.comparison, content.rows["test"]
    if found is None:
        return None
    if found.discordant is not None:
        return Difference(found.difference, found.low, found.high, found.discordant, rows)
    enough = Difference(found.difference, found.low, found.high, max(rows, 6), rows)
    return enough if compare_verdict(enough) == content.verdict else Difference(found.difference, None, None, -1, rows)


def trust(content: ReportContent) -> Trust:
    """Whether the model claims more than it keeps."""
    filled = [part for part in content.calibration if part.count > 0]
    rows = max(1, sum(part.count for part in filled))
    confidence = sum(part.count * (part.confidence or 0.0) for part in filled) / rows
    accuracy = sum(part.count * (part.accuracy or 0.0) for part in filled) / rows
    gap = confidence - accuracy
    return Trust(confidence, accuracy, "even" if abs(gap) < _EVEN else "sure" if gap > 0 else "shy")


def best_epoch(history: tuple[Mapping[str, Any], ...], monitor: str) -> int:
    """The epoch that was kept: the best by the monitored figure, the lower task loss where it is equal; 0 if unknown.

    Args:
        history: The figures of each epoch.
        monitor: "macro_f1", "accuracy" or "task_loss".
    """

    def figure(row: Mapping[str, Any], name: str) -> float:
        value = row.get(f"val_{name}")
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else -math.inf

    def score(row: Mapping[str, Any]) -> tuple[float, float]:
        loss = -figure(row, "task_loss")
        return (loss, 0.0) if monitor == "task_loss" else (figure(row, monitor), loss)

    known = [row for row in history if isinstance(row.get("epoch"), int | float) and f"val_{monitor}" in row]
    return int(max(known, key=score)["epoch"]) if known else 0


def changed_settings(config: RunConfig) -> list[Changed]:
    """The settings that differ from the defaults on many rows, in their order; the loss's terms are not among them.

    Of a path only the name is given: where it lay is nobody's business.
    """
    ours, defaults = (dict(_flat(each.for_many_rows())) for each in (config, RunConfig()))
    return [
        Changed(key, name_only(value), name_only(defaults.get(key)))
        for key, value in ours.items()
        if value != defaults.get(key) and key != "objective.terms"
    ]


def _flat(config: RunConfig) -> Iterator[tuple[str, Any]]:
    for section, values in config.model_dump(mode="json").items():
        for name, value in values.items():
            yield f"{section}.{name}", value


def name_only(value: Any) -> Any:
    """A value; of a path the name alone."""
    if not isinstance(value, str):
        return value
    for kind in (PurePosixPath, PureWindowsPath):
        path = kind(value)
        if path.is_absolute() or value.startswith("~"):
            return path.name
    return value
