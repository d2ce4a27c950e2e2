"""Chooses the columns with the texts and the labels: by what the person says, by name, then by content."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from sft_keras.data.column_names import LABEL_NAMES, TEXT_NAMES, by_name
from sft_keras.errors import DataError, did_you_mean

SAMPLE_ROWS = 5_000
# Not read as separators, since they are common in texts.
UNUSUAL_SEPARATORS = ("||", "\x01", "\x1f", "^", "~", "#", "，", "；", "、", "：", ":", "=", "/")
_NUMBER_OR_DATE = re.compile(r"[-+]?[\d.,:/ \-]+([eE][-+]?\d+)?%?|\d{4}-\d\d-\d\d[T ][\d:.+Z]*")


@dataclass(frozen=True)
class Columns:
    """The columns that are used, and why they were chosen.

    Attributes:
        text: Column with the texts.
        label: Column with the labels.
        weight: Column with the weights of the rows, if any.
        reasons: One sentence for each choice.
    """

    text: str
    label: str
    weight: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ColumnProfile:
    """What a column holds, measured on its first rows."""

    name: str
    filled: int
    distinct: int
    mean_length: float
    numeric: float

    @property
    def repeats(self) -> bool:
        """True if values occur again and again, as labels do."""
        return 2 <= self.distinct <= max(2, self.filled // 2) and self.mean_length <= 60


def choose_columns(
    frame: pd.DataFrame,
    *,
    text: str | None = None,
    label: str | None = None,
    weight: str | None = None,
    source: str = "",
) -> Columns:
    """Finds the text and the label column; a weight column is only used if it is named.

    Args:
        frame: Columns of strings.
        text: Name of the text column, if the person chose it.
        label: Likewise for the labels.
        weight: Likewise for the weights.
        source: The file, for messages.

    Raises:
        DataError: A named column does not exist, or no column fits.

    Example:
        >>> frame = pd.DataFrame({"id": ["1", "2"], "review": ["good", "bad"], "sentiment": ["pos", "neg"]})
        >>> choose_columns(frame).label
        'sentiment'
    """
    names = [str(name) for name in frame.columns]
    for role, name in (("text", text), ("label", label), ("weight", weight)):
        if name is not None and name not in names:
            raise DataError(f'There is no {role} column "{name}".', where=source, fix=did_you_mean(name, names))
    chosen = [name for name in (text, label, weight) if name is not None]
    if len(set(chosen)) < len(chosen):
        raise DataError(
            f"One column cannot have two roles. Received: text={text}, label={label}, weight={weight}",
            where=source,
            fix="Name a different column for each.",
        )
    reserved = {name for name in (label, weight) if name is not None}
    if len(names) - len(reserved) < (1 if label else 2) and text is None:
        raise DataError(
            f"The file needs a column of texts and a column of labels. Received: {_listed(names)}",
            where=source,
            fix=_divide_hint(frame),
        )
    label_by_name = label or next((c for c in by_name(names, LABEL_NAMES) if c not in {text, weight}), None)
    reserved |= {label_by_name} if label_by_name is not None else set()
    text_name, text_reason = _choose_text(frame, text, reserved)
    if text_name is None:
        raise _no_column("texts", names, source)
    label_name, label_reason = _choose_label(frame, label, text_name, weight)
    if label_name is None:
        raise _no_column("labels", names, source)
    reasons = [text_reason, label_reason]
    if weight is not None:
        reasons.append(f'Weights: column "{weight}", as you chose.')
    return Columns(text_name, label_name, weight, tuple(reasons))


def choose_text_column(frame: pd.DataFrame, text: str | None = None, source: str = "") -> str:
    """Finds the text column of a file that needs no labels.

    Raises:
        DataError: The named column does not exist, or no column holds text.
    """
    names = [str(name) for name in frame.columns]
    if text is not None and text not in names:
        raise DataError(f'There is no text column "{text}".', where=source, fix=did_you_mean(text, names))
    name, _ = _choose_text(frame, text, set())
    if name is None:
        raise _no_column("texts", names, source)
    return name


def profile(frame: pd.DataFrame, name: str) -> ColumnProfile:
    """Measures one column."""
    values = [value.strip() for value in frame[name].iloc[:SAMPLE_ROWS] if value.strip()]
    count = max(1, len(values))
    return ColumnProfile(
        name=name,
        filled=len(values),
        distinct=len(set(values)),
        mean_length=sum(map(len, values)) / count,
        numeric=sum(bool(_NUMBER_OR_DATE.fullmatch(value)) for value in values) / count,
    )


def _choose_text(frame: pd.DataFrame, text: str | None, reserved: set[str]) -> tuple[str | None, str]:
    if text is not None:
        return text, f'Texts: column "{text}", as you chose.'
    names = [str(name) for name in frame.columns if name not in reserved]
    for name in by_name(names, TEXT_NAMES):
        measured = profile(frame, name)
        if measured.filled and measured.numeric < 0.9:
            return name, f'Texts: column "{name}", because of its name.'
    profiles = [p for p in (profile(frame, name) for name in names) if p.filled]
    # A column of remarks that is mostly empty may hold the longest texts.
    most = max((p.filled for p in profiles), default=0)
    profiles = [p for p in profiles if p.filled >= most / 2]
    worded = [p for p in profiles if p.numeric < 0.9] or profiles
    if not worded:
        return None, ""
    best = max(worded, key=lambda p: p.mean_length * (p.distinct / p.filled) ** 0.5)
    return best.name, f'Texts: column "{best.name}", because its values are the longest and most varied.'


def _choose_label(frame: pd.DataFrame, label: str | None, text: str, weight: str | None) -> tuple[str | None, str]:
    if label is not None:
        return label, f'Labels: column "{label}", as you chose.'
    names = [str(name) for name in frame.columns if name not in {text, weight}]
    for name in by_name(names, LABEL_NAMES):
        if profile(frame, name).filled:
            return name, f'Labels: column "{name}", because of its name.'
    profiles = [p for p in (profile(frame, name) for name in names) if p.filled]
    repeating = [p for p in profiles if p.repeats]
    if repeating:
        # A word like "ham" is a likelier label than a number, and few values likelier than many.
        best = min(repeating, key=lambda p: (p.numeric >= 0.9, p.distinct))
        return best.name, f'Labels: column "{best.name}", because it holds {best.distinct} values that repeat.'
    if len(profiles) == 1 and len(names) == 1:
        return profiles[0].name, f'Labels: column "{profiles[0].name}", because it is the only other one.'
    return None, ""


def _divide_hint(frame: pd.DataFrame) -> str:
    """What to do about a file of one column: it may be divided by a character that separates nothing else."""
    plain = "Add a column with the label of each text; separate the columns by a tab or a comma."
    values = [value for value in frame.iloc[:SAMPLE_ROWS, 0] if value.strip()] if len(frame.columns) == 1 else []
    for mark in UNUSUAL_SEPARATORS:
        if len(values) > 1 and sum(value.count(mark) == 1 for value in values) >= 0.9 * len(values):
            shown = mark if mark.isprintable() and mark.strip() else f"U+{ord(mark[0]):04X}"
            return f'If "{shown}" stands between text and label, replace it by a tab. Otherwise: {plain}'
    return plain


def _no_column(what: str, names: list[str], source: str) -> DataError:
    return DataError(
        f"No column looks like the {what}. Received: {_listed(names)}",
        where=source,
        fix="Name the columns for the texts and the labels in the settings, or in the first row of the file.",
    )


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names[:20]) or "no columns"
