"""What can be wrong with labelled texts, each told with what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sft_keras.data.columns import Columns, profile
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
