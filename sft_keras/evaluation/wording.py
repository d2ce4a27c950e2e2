"""What the figures mean, in plain sentences of the catalogue's language."""

from __future__ import annotations

from typing import Literal

from sft_keras.evaluation.bootstrap import Difference
from sft_keras.evaluation.catalogue import Catalogue, catalogue
from sft_keras.evaluation.evaluator import Metric, Scores

BASELINE_TITLES = {"majority": "Majority class", "tfidf_logreg": "TF-IDF + logistic regression"}
Outcome = Literal["better", "worse", "unclear", "few"]

_CLEAR_ROWS = 6
"""Fewest rows that only one of two classifiers gets right for an exact McNemar test to reach p < 0.05."""
_FEW_ROWS = 100
"""Below so many test rows the report says that its intervals are rough."""


def outcome(difference: Difference) -> Outcome:
    """Whether the model is more accurate than the baseline, less, or neither can be told.

    It is called so only if the interval leaves out 0 and at least 6 rows are right for one of the two alone:
    with fewer, an exact McNemar test cannot reach p < 0.05, and the bootstrap interval is too narrow.

    Args:
        difference: The model's accuracy minus the baseline's.
    """
    if difference.low is None or difference.high is None or difference.discordant < _CLEAR_ROWS:
        return "few"
    return "better" if difference.low > 0 else "worse" if difference.high < 0 else "unclear"


def compare_verdict(
    difference: Difference, *, baseline: str = BASELINE_TITLES["tfidf_logreg"], words: Catalogue | None = None
) -> str:
    """Says whether the model is more accurate than the baseline; see `outcome`.

    Args:
        difference: The model's accuracy minus the baseline's.
        baseline: What the baseline is called.
        words: The language; English if left out.

    Example:
        >>> compare_verdict(Difference(value=0.079, low=0.059, high=0.098, discordant=300, rows=3000))
        'The model is 7.9 points more accurate than TF-IDF + logistic regression (95% interval 5.9 to 9.8).'
    """
    words = words or catalogue("en")
    kind, value = outcome(difference), difference.value
    if kind == "few" or difference.low is None or difference.high is None:
        one = "_one" if difference.rows == 1 else ""
        return words(
            f"verdict.few{one}", baseline=baseline, discordant=difference.discordant, rows=f"{difference.rows:,}"
        )
    low, high = difference.low, difference.high
    if kind == "worse":
        value, low, high = -value, -high, -low
    sign = "+" if kind == "unclear" and value > 0 else ""
    return words(
        f"verdict.{kind}", baseline=baseline, points=sign + percent(value), low=percent(low), high=percent(high)
    )


def accuracy_verdict(accuracy: Metric, *, words: Catalogue | None = None) -> str:
    """Says how often the model is right, where there is nothing to compare it with.

    Args:
        accuracy: The accuracy on the test rows, 0 to 1, with its interval.
        words: The language; English if left out.
    """
    words = words or catalogue("en")
    share = f"{100 * (accuracy.value or 0.0):.1f}"
    if accuracy.low is None or accuracy.high is None:
        return words("verdict.accuracy", share=share)
    return words("verdict.accuracy_interval", share=share, low=percent(accuracy.low), high=percent(accuracy.high))


def data_notes(scores: Scores, rows: int) -> tuple[str, ...]:
    """What to know about the test rows before believing the figures, in English.

    Args:
        scores: The model's scores.
        rows: Number of test rows.
    """
    words, notes = catalogue("en"), []
    if rows < _FEW_ROWS:
        notes.append(words("note.few_rows_one") if rows == 1 else words("note.few_rows", rows=rows))
    missing = [each.label for each in scores.per_class if each.support == 0]
    if missing:
        named = ", ".join(f'"{label}"' for label in missing[:5]) + (", …" if len(missing) > 5 else "")
        notes.append(words("note.labels_untested", missing=len(missing), labels=len(scores.per_class), named=named))
    return tuple(notes)


def percent(share: float) -> str:
    """A share in percent: one decimal, or two where one would make 0.0 of a share that is not 0."""
    return f"{100 * share:.{2 if 0 < abs(share) < 0.0005 else 1}f}"
