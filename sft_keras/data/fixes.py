"""Remedies for what a check finds: each one is named like its finding, and tells every row that it touches.

The table that comes in is not changed, and the same remedies on the same table always give the same one back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from sft_keras.data.class_findings import spelling_groups
from sft_keras.data.columns import Columns
from sft_keras.data.duplicates import normal_text
from sft_keras.data.examples import FEWEST_ROWS_PER_CLASS, Examples
from sft_keras.data.findings import FIXABLE
from sft_keras.data.readers import Table
from sft_keras.errors import ConfigError, DataError, did_you_mean

# Of the rows with one text, at least so many must have one label for the others to be taken for mistakes.
CLEAR_MAJORITY = 2 / 3


@dataclass(frozen=True)
class Change:
    """What was done to one row.

    Attributes:
        row: The row number in the original, from 1, header not counted.
        kind: The code of the finding that it remedies.
        action: "dropped", or "changed" for a new label.
        before: The label before.
        after: The label after; empty for a row that was dropped.
        text: The text of the row.
        reason: Why, in one sentence.
    """

    row: int
    kind: str
    action: Literal["dropped", "changed"]
    before: str
    after: str
    text: str
    reason: str


@dataclass(frozen=True, eq=False)
class Fixed:
    """A mended table.

    Attributes:
        table: The rows that are left, with all their columns, in their order.
        changes: What was done, by row number.
    """

    table: Table
    changes: tuple[Change, ...]

    def counts(self) -> dict[str, int]:
        """How many changes of each kind there are."""
        found = Counter(change.kind for change in self.changes)
        return {kind: found[kind] for kind in FIXABLE if found[kind]}


def fix_table(
    table: Table,
    columns: Columns,
    *,
    kinds: Iterable[str] | None = None,
    parts: Mapping[str, Examples] | None = None,
) -> Fixed:
    """Mends what can be mended without knowing what a text means.

    In this order, whatever the order of `kinds`:
    `missing_text` and `missing_label` drop rows without one. `label_spelling` gives labels that differ only by case,
    space or width their most frequent spelling, of equally frequent ones the first. `validation_in_training` and
    `test_in_training` drop rows whose text stands in that file. `conflicting_labels` looks at rows with one text and
    different labels: if at least two thirds have one label, the others are dropped, else all are.
    `exact_duplicates` keeps the first of the rows with one text and one label. `tiny_class` drops classes with fewer
    than three rows, unless both other files are given. Texts are one if they differ only by case, space or width.

    Args:
        table: The rows; not changed.
        columns: Which columns hold texts and labels.
        kinds: What to mend, codes of `FIXABLE`; all if None.
        parts: The rows of the files for "validation" and "test".

    Raises:
        ConfigError: There is no such kind.
        DataError: No row would be left.
    """
    parts = parts or {}
    wanted = _known(kinds)
    texts: list[str] = table.frame[columns.text].tolist()
    raw: list[str] = table.frame[columns.label].tolist()
    rows = _Rows(texts, [label.strip() for label in raw])
    for kind in FIXABLE:
        if kind in wanted:
            _REMEDIES[kind](rows, kind, parts)
    if not rows.kept:
        raise DataError(
            "No row would be left after these fixes.", where=table.source, fix="Fix fewer kinds, or add rows."
        )
    labels = [raw[i] if label == raw[i].strip() else label for i, label in enumerate(rows.labels)]
    frame = table.frame.assign(**{columns.label: pd.Series(labels, dtype=object, index=table.frame.index)})
    frame = frame.iloc[rows.kept].reset_index(drop=True)
    changes = tuple(sorted(rows.changes, key=lambda change: change.row))
    return Fixed(Table(frame, table.source, table.notes), changes)


class _Rows:
    """The rows that are left while one remedy follows another."""

    def __init__(self, texts: list[str], labels: list[str]) -> None:
        self.texts = texts
        self.labels = labels
        self.keys = [normal_text(text) for text in texts]
        self.kept = list(range(len(texts)))
        self.changes: list[Change] = []

    def usable(self) -> list[int]:
        """The positions of rows with a text and a label."""
        return [i for i in self.kept if self.keys[i] and self.labels[i]]

    def drop(self, kind: str, reasons: Mapping[int, str]) -> None:
        """Drops the rows at these positions."""
        for i, reason in reasons.items():
            self.changes.append(Change(i + 1, kind, "dropped", self.labels[i], "", self.texts[i], reason))
        self.kept = [i for i in self.kept if i not in reasons]

    def by_text(self) -> Iterable[list[int]]:
        """The positions of usable rows with one text, for each text."""
        groups: dict[str, list[int]] = {}
        for i in self.usable():
            groups.setdefault(self.keys[i], []).append(i)
        return groups.values()


def _known(kinds: Iterable[str] | None) -> set[str]:
    wanted = set(FIXABLE if kinds is None else kinds)
    for kind in sorted(wanted - set(FIXABLE)):
        raise ConfigError(f'There is no fix "{kind}".', where="fix", fix=did_you_mean(kind, FIXABLE))
    return wanted


def _missing_text(rows: _Rows, kind: str, _: Any) -> None:
    rows.drop(kind, {i: "The text is empty." for i in rows.kept if not rows.texts[i].strip()})


def _missing_label(rows: _Rows, kind: str, _: Any) -> None:
    rows.drop(kind, {i: "The label is empty." for i in rows.kept if not rows.labels[i]})


def _label_spelling(rows: _Rows, kind: str, _: Any) -> None:
    counts = Counter(rows.labels[i] for i in rows.usable())
    spelling = {name: group[0] for group in spelling_groups(counts) for name in group[1:]}
    for i in rows.kept:
        before = rows.labels[i]
        if before in spelling:
            rows.labels[i] = spelling[before]
            reason = f'"{spelling[before]}" is the most frequent spelling.'
            rows.changes.append(Change(i + 1, kind, "changed", before, spelling[before], rows.texts[i], reason))


def _held_out(rows: _Rows, kind: str, parts: Mapping[str, Examples]) -> None:
    name = kind.partition("_")[0]
    if name not in parts:
        return
    part = parts[name]
    held = {normal_text(text): int(row) for text, row in zip(part.texts[::-1], part.rows[::-1], strict=True)}
    rows.drop(
        kind,
        {i: f"The text is row {held[rows.keys[i]]} of the {name} file." for i in rows.usable() if rows.keys[i] in held},
    )


def _conflicting_labels(rows: _Rows, kind: str, _: Any) -> None:
    dropped: dict[int, str] = {}
    for group in rows.by_text():
        counts = Counter(rows.labels[i] for i in group)
        if len(counts) < 2:
            continue
        label, most = counts.most_common(1)[0]
        if most >= CLEAR_MAJORITY * len(group):
            reason = f'{most} of {len(group)} rows with this text have the label "{label}".'
            dropped |= {i: reason for i in group if rows.labels[i] != label}
        else:
            named = ", ".join(f'"{name}" ({n})' for name, n in counts.items())
            dropped |= dict.fromkeys(group, f"Rows with this text have the labels {named}; none prevails.")
    rows.drop(kind, dropped)


def _exact_duplicates(rows: _Rows, kind: str, _: Any) -> None:
    first: dict[tuple[str, str], int] = {}
    dropped = {}
    for i in rows.usable():
        original = first.setdefault((rows.keys[i], rows.labels[i]), i)
        if original != i:
            dropped[i] = f"The text and the label are those of row {original + 1}."
    rows.drop(kind, dropped)


def _tiny_class(rows: _Rows, kind: str, parts: Mapping[str, Examples]) -> None:
    if len(parts) == 2:  # nothing is to be divided
        return
    counts = Counter(rows.labels[i] for i in rows.usable())
    small = {name for name, n in counts.items() if n < FEWEST_ROWS_PER_CLASS}
    reason = f"The class has fewer than {FEWEST_ROWS_PER_CLASS} rows."
    rows.drop(kind, {i: reason for i in rows.usable() if rows.labels[i] in small})


_REMEDIES = {
    "missing_text": _missing_text,
    "missing_label": _missing_label,
    "label_spelling": _label_spelling,
    "validation_in_training": _held_out,
    "test_in_training": _held_out,
    "conflicting_labels": _conflicting_labels,
    "exact_duplicates": _exact_duplicates,
    "tiny_class": _tiny_class,
}


def change_rows(changes: Sequence[Change]) -> tuple[list[str], list[list[str]]]:
    """The changes as a table: column names and rows."""
    names = ["row", "kind", "action", "before", "after", "text", "reason"]
    return names, [[str(getattr(change, name)) for name in names] for change in changes]
