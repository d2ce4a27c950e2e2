"""What a page shows of an evaluation, in pieces."""

from __future__ import annotations

from dataclasses import dataclass


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
        difference: Accuracy of the first minus that of the second, with a 95% interval of a paired bootstrap.
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
