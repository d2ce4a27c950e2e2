"""How good a run is, in the pieces that a page shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sft_keras.services.space.base import OwnedFolder


@dataclass(frozen=True)
class RowView:
    """A test row with what the model said.

    Attributes:
        text: The text.
        truth: Its label.
        predicted: The model's label.
        confidence: The model's probability for that, 0 to 1.
    """

    text: str
    truth: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class ThresholdView:
    """What becomes of a model that answers only where it is confident.

    Attributes:
        threshold: Least confidence for an answer.
        coverage: Share of the test rows that it answers.
        accuracy: Accuracy on those; None if there are none.
        answered: Number of rows that it answers.
    """

    threshold: float
    coverage: float
    accuracy: float | None
    answered: int


@dataclass(frozen=True)
class ComparisonView:
    """Two runs on the same test rows.

    Attributes:
        rows: Number of test rows that both have.
        first: Figures of the first run by name, on those rows.
        second: Of the second.
        difference: Accuracy of the first minus that of the second, with a 95 % interval of a paired bootstrap.
        low: Its lower end.
        high: Its upper end.
        p_value: Of McNemar's exact test.
        only_first: Rows that only the first gets right.
        only_second: Rows that only the second gets right.
        verdict: In words.
    """

    rows: int
    first: dict[str, float]
    second: dict[str, float]
    difference: float
    low: float
    high: float
    p_value: float
    only_first: int
    only_second: int
    verdict: str


class EvaluationSpace(OwnedFolder):
    """Evaluation. All errors are `SftError`."""

    def report(self, run: str) -> dict[str, Any]:
        """The content of `report.json`."""
        raise NotImplementedError

    def report_page(self, run: str, *, language: str = "en", texts: bool = False) -> str:
        """The report as one HTML page."""
        raise NotImplementedError

    def cell_rows(self, run: str, truth: str, predicted: str, *, most: int = 100) -> list[RowView]:
        """The test rows of a cell of the confusion matrix, most confident first."""
        raise NotImplementedError

    def mistakes(self, run: str, *, most: int = 20) -> list[RowView]:
        """The most confident mistakes."""
        raise NotImplementedError

    def threshold(self, run: str, threshold: float) -> ThresholdView:
        """The effect of a confidence threshold on the test part."""
        raise NotImplementedError

    def threshold_curve(self, run: str) -> list[ThresholdView]:
        """The same from 0 to 1."""
        raise NotImplementedError

    def compare(self, first: str, second: str, *, language: str = "en") -> ComparisonView:
        """Two runs on the test rows that both have."""
        raise NotImplementedError

    def evaluate_file(self, run: str, path: Path, name: str) -> dict[str, Any]:
        """Scores the model of a run on another labelled file; content as in `report.json`, without baselines."""
        raise NotImplementedError
