"""What can be wrong with labelled texts, each told with what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sft_keras.data.columns import Columns, profile
from sft_keras.data.duplicates import normal_text
from sft_keras.data.examples import FEWEST_ROWS, FEWEST_ROWS_PER_CLASS
from sft_keras.data.readers import Table
from sft_keras.data.scripts import mostly_latin
from sft_keras.settings import Settings

Severity = Literal["error", "warning", "info"]
FIXABLE = (
    "missing_text",
    "missing_label",
    "label_spelling",
    "validation_in_training",
    "test_in_training",
    "conflicting_labels",
    "exact_duplicates",
    "tiny_class",
)
SHOWN_ROWS = 10
SHOWN_SPELLINGS = 20
SMALL_CLASS = 8
IMBALANCE = 10


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        code: A stable name for programs.
        severity: "error" stops the training, "warning" makes it worse, "info" is good to know.
        message: What was found.
        consequence: What follows from it, or what to do.
        rows: Up to ten row numbers, from 1, header not counted.
        part: The file that the rows are in: "training" is the one that is checked.
    """

    code: str
    severity: Severity
    message: str
    consequence: str
    rows: tuple[int, ...] = ()
    part: Literal["training", "validation", "test"] = "training"

    @property
    def fixable(self) -> bool:
        """True if `fixes.fix_table` has a remedy, whose name is the code."""
        return self.code in FIXABLE


@dataclass(frozen=True)
class Lengths:
    """How long the texts are.

    Attributes:
        unit: "characters" or "tokens".
        mean: Arithmetic mean.
        median: Half of the texts are shorter.
        p95: 95 % of the texts are at most this long.
        max: The longest.
        cut: How many are longer than the model takes; None if that was not measured.
        measured: How many texts were measured.
    """

    unit: str
    mean: float
    median: float
    p95: float
    max: int
    cut: int | None
    measured: int


def missing_findings(no_text: list[int], no_label: list[int]) -> list[Finding]:
    """Rows that are left out because a cell is empty."""
    return [
        Finding(
            f"missing_{what}",
            "warning",
            f"{len(found)} row(s) have no {what}.",
            "These rows are left out.",
            some_rows(found),
        )
        for what, found in (("text", no_text), ("label", no_label))
        if found
    ]


def class_findings(
    counts: dict[str, int], labels: list[str], rows: np.ndarray, settings: Settings, *, divided: bool
) -> list[Finding]:
    """Too few rows or classes, unequal classes, and spellings that make one class two.

    Args:
        counts: Usable rows of each class.
        labels: The label of each usable row.
        rows: Their row numbers, int64 of shape [rows].
        settings: Gives the limit on classes.
        divided: The rows are still to be divided into parts, for which every class needs three rows.
    """
    usable = len(labels)
    found: list[Finding] = []

    def rows_of(names: Sequence[str]) -> tuple[int, ...]:
        wanted = set(names)
        return some_rows([row for row, label in zip(rows.tolist(), labels, strict=True) if label in wanted])

    if len(counts) < 2:
        message = f"All rows have one label: {next(iter(counts))}." if counts else "No row has a text and a label."
        found.append(Finding("one_class", "error", message, "At least two classes are needed to learn anything."))
    if usable < FEWEST_ROWS:
        found.append(
            Finding("too_few_rows", "error", f"Only {usable} row(s) are usable.", f"At least {FEWEST_ROWS} are needed.")
        )
    if len(counts) > settings.max_classes or (len(counts) > 50 and len(counts) > usable / 2):
        found.append(
            Finding(
                "many_classes",
                "error" if len(counts) > settings.max_classes else "warning",
                f"There are {len(counts)} different labels in {usable} rows.",
                "Check that the right column was chosen for the labels.",
            )
        )
    tiny = [name for name, n in counts.items() if divided and n < FEWEST_ROWS_PER_CLASS]
    small = [name for name, n in counts.items() if n < SMALL_CLASS and name not in set(tiny)]
    if tiny:
        found.append(
            Finding(
                "tiny_class",
                "error",
                f"{len(tiny)} class(es) have fewer than {FEWEST_ROWS_PER_CLASS} rows: {_named(tiny, counts)}.",
                "They cannot be divided into training, validation and test: add rows, merge or delete the class.",
                rows_of(tiny),
            )
        )
    if small:
        found.append(
            Finding(
                "small_class",
                "warning",
                f"{len(small)} class(es) have fewer than {SMALL_CLASS} rows: {_named(small, counts)}.",
                "The model hardly learns them, and their scores rest on one or two rows.",
                rows_of(small),
            )
        )
    if len(counts) > 1 and max(counts.values()) >= IMBALANCE * min(counts.values()):
        names = list(counts)
        found.append(
            Finding(
                "imbalance",
                "warning",
                f"The classes are unequal: {_named([names[0], names[-1]], counts)}.",
                "Accuracy will mislead; look at macro-F1, and try class weights.",
            )
        )
    return found + _spelling_findings(counts, labels, rows)


def spelling_groups(counts: dict[str, int]) -> list[list[str]]:
    """The labels that differ only by case, space or width; in each group the most frequent spelling first.

    Args:
        counts: Rows of each label; of equally frequent ones the earlier comes first.
    """
    spellings: dict[str, list[str]] = {}
    for name in counts:
        spellings.setdefault(normal_text(name), []).append(name)
    return [sorted(group, key=lambda name: -counts[name]) for group in spellings.values() if len(group) > 1]


def _spelling_findings(counts: dict[str, int], labels: list[str], rows: np.ndarray) -> list[Finding]:
    groups = spelling_groups(counts)
    positions: dict[str, list[int]] = {}
    other = {name for group in groups for name in group[1:]}
    for row, label in zip(rows.tolist(), labels, strict=True):
        if label in other:
            positions.setdefault(label, []).append(row)
    found = [
        Finding(
            "label_spelling",
            "warning",
            "Labels that differ only by case, space or width: "
            + ", ".join(f'"{name}" ({counts[name]})' for name in group[:SHOWN_ROWS])
            + (", …." if len(group) > SHOWN_ROWS else "."),
            f'They are learned as different classes; write all of them "{group[0]}".',
            some_rows(sorted(row for name in group[1:] for row in positions[name])),
        )
        for group in groups[:SHOWN_SPELLINGS]
    ]
    if len(groups) > SHOWN_SPELLINGS:
        further = groups[SHOWN_SPELLINGS:]
        found.append(
            Finding(
                "label_spelling",
                "warning",
                f"{len(further)} further groups of labels differ only by case, space or width.",
                "They are learned as different classes; give each one spelling.",
                some_rows(sorted(row for group in further for name in group[1:] for row in positions[name])),
            )
        )
    return found


def duplicate_findings(exact: np.ndarray, near: np.ndarray, conflicting: np.ndarray) -> list[Finding]:
    """Texts that stand in the file more than once."""
    kinds: tuple[tuple[str, Severity, np.ndarray, str, str], ...] = (
        (
            "conflicting_labels",
            "warning",
            conflicting,
            "{n} row(s) hold a text that also stands with another label.",
            "The model cannot get all of them right; correct the labels.",
        ),
        (
            "exact_duplicates",
            "info",
            exact,
            "{n} row(s) repeat an earlier text.",
            "They stay on one side of the split, so that the score is not flattered.",
        ),
        (
            "near_duplicates",
            "info",
            near,
            "{n} row(s) nearly repeat an earlier text.",
            "They stay on one side of the split, so that the score is not flattered.",
        ),
    )
    return [
        Finding(code, severity, message.format(n=len(rows)), consequence, some_rows(rows.tolist()))
        for code, severity, rows, message, consequence in kinds
        if len(rows)
    ]


def language_findings(texts: Sequence[str], languages: str | None) -> list[Finding]:
    """Texts in a script that the backbone was not pretrained on.

    Args:
        texts: The usable texts.
        languages: The languages of the backbone in plain words, or None if they are not known.
    """
    if languages != "English" or mostly_latin(texts):
        return []
    return [
        Finding(
            "backbone_language",
            "warning",
            "The backbone was made for English, but the texts are mostly in another script.",
            "Take a backbone of their language, or lstm, which learns any language (see `sft-keras backbones`).",
        )
    ]


def text_findings(
    table: Table,
    columns: Columns,
    texts: list[str],
    rows: np.ndarray,
    tokens: Lengths | None,
    max_length: int | None,
    settings: Settings,
    cut_rows: Sequence[int] = (),
) -> list[Finding]:
    """Texts that are none, too long, cut, or damaged."""
    found: list[Finding] = []
    if texts and profile(table.frame, columns.text).numeric >= 0.9:
        found.append(
            Finding(
                "text_not_text",
                "warning",
                f'The column "{columns.text}" holds numbers or dates, not texts.',
                "Check that the right column was chosen for the texts.",
            )
        )
    long = [row for row, text in zip(rows.tolist(), texts, strict=True) if len(text) > settings.max_text_characters]
    if long:
        found.append(
            Finding(
                "text_too_long",
                "error",
                f"{len(long)} text(s) are longer than {settings.max_text_characters:,} characters.",
                "Shorten or divide them, or raise SFT_MAX_TEXT_CHARACTERS.",
                some_rows(long),
            )
        )
    if tokens is not None and tokens.cut:
        share = tokens.cut / tokens.measured
        found.append(
            Finding(
                "texts_cut",
                "warning" if share > 0.1 else "info",
                f"{share:.0%} of the texts have more than {max_length} tokens.",
                "The model reads only their beginning; a greater longest text costs time and memory.",
                some_rows(cut_rows),
            )
        )
    damaged = [row for row, text in zip(rows.tolist(), texts, strict=True) if "\ufffd" in text]
    if damaged:
        found.append(
            Finding(
                "damaged_characters",
                "warning",
                f"{len(damaged)} text(s) hold characters that were damaged by a wrong encoding.",
                "Export the file again as UTF-8.",
                some_rows(damaged),
            )
        )
    return found


def some_rows(rows: Sequence[int] | np.ndarray) -> tuple[int, ...]:
    """The first ten, for a finding."""
    return tuple(int(row) for row in rows[:SHOWN_ROWS])


def _named(names: list[str], counts: dict[str, int]) -> str:
    shown = ", ".join(f"{name} ({counts[name]})" for name in names[:SHOWN_ROWS])
    return shown + (", …" if len(names) > SHOWN_ROWS else "")
