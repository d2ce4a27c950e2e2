"""The sentences of the report: what the figures mean, in plain English."""

from __future__ import annotations

from sft_keras.evaluation.bootstrap import Difference
from sft_keras.evaluation.evaluator import Metric, Scores

BASELINE_TITLES = {"majority": "Majority class", "tfidf_logreg": "TF-IDF + logistic regression"}

_CLEAR_ROWS = 6
"""Fewest rows that only one of two classifiers gets right for an exact McNemar test to reach p < 0.05."""
_FEW_ROWS = 100
"""Below so many test rows the report says that its intervals are rough."""


def compare_verdict(difference: Difference, *, baseline: str = BASELINE_TITLES["tfidf_logreg"]) -> str:
    """Says whether the model is more accurate than the baseline.

    It is called so only if the interval leaves out 0 and at least 6 rows are right for one of the two alone:
    with fewer, an exact McNemar test cannot reach p < 0.05, and the bootstrap interval is too narrow.

    Args:
        difference: The model's accuracy minus the baseline's.
        baseline: What the baseline is called.

    Example:
        >>> compare_verdict(Difference(value=0.079, low=0.059, high=0.098, discordant=300, rows=3000))
        'Fine-tuning is 7.9 points more accurate than TF-IDF + logistic regression (95 % interval 5.9 to 9.8).'
    """
    if difference.low is None or difference.high is None or difference.discordant < _CLEAR_ROWS:
        return (
            f"No clear difference in accuracy between fine-tuning and {baseline}: only one of the two is right on "
            f"{difference.discordant} of {difference.rows} test row{'s' * (difference.rows != 1)}, too few to tell."
        )
    value, low, high = difference.value, difference.low, difference.high
    if low > 0:
        return f"Fine-tuning is {_points(value)} more accurate than {baseline} {_interval(low, high)}."
    if high < 0:
        interval = _interval(-high, -low)
        return f"{baseline} is {_points(-value)} more accurate than fine-tuning {interval}."
    sign = "+" if value > 0 else ""
    return (
        f"No clear difference in accuracy between fine-tuning and {baseline}: {sign}{_points(value)} "
        f"{_interval(low, high)}."
    )


def accuracy_verdict(accuracy: Metric) -> str:
    """Says how often the model is right, where there is nothing to compare it with.

    Args:
        accuracy: The accuracy on the test rows, 0 to 1, with its interval.
    """
    value = f"The model is right on {100 * (accuracy.value or 0.0):.1f} % of the test rows"
    if accuracy.low is None or accuracy.high is None:
        return f"{value}."
    return f"{value} {_interval(accuracy.low, accuracy.high)}."


def data_notes(scores: Scores, rows: int) -> tuple[str, ...]:
    """What to know about the test rows before believing the figures.

    Args:
        scores: The model's scores.
        rows: Number of test rows.
    """
    notes = []
    if rows < _FEW_ROWS:
        what = "is only 1 test row" if rows == 1 else f"are only {rows} test rows"
        notes.append(f"There {what}: the figures and their intervals are rough.")
    missing = [each.label for each in scores.per_class if each.support == 0]
    if missing:
        named = ", ".join(f'"{label}"' for label in missing[:5]) + (", …" if len(missing) > 5 else "")
        notes.append(
            f"Labels without a test row: {len(missing)} of {len(scores.per_class)} ({named}). "
            "Macro F1 counts each as 0, and the areas under the curves are undefined."
        )
    return tuple(notes)


def _points(value: float) -> str:
    return f"{_percent(value)} points"


def _interval(low: float, high: float) -> str:
    return f"(95 % interval {_percent(low)} to {_percent(high)})"


def _percent(share: float) -> str:
    """One decimal, or two where one would make 0.0 of a share that is not 0."""
    return f"{100 * share:.{2 if 0 < abs(share) < 0.0005 else 1}f}"
