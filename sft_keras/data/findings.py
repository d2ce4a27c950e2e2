"""What can be wrong with labelled texts, each told with what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from sft_keras.data.catalogue import Value, tell
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
        rows: Up to ten row numbers, from 1, header not counted.
        part: The file that the rows are in: "training" is the one that is checked.
        values: What belongs at the places of its sentences.
        sentences: The name of its sentences in the catalogue, where that is not the code.
    """

    code: str
    severity: Severity
    rows: tuple[int, ...] = ()
    part: Literal["training", "validation", "test"] = "training"
    values: Mapping[str, Value] = field(default_factory=dict)
    sentences: str = ""

    @property
    def message(self) -> str:
        """What was found, in English."""
        return self.told("message")

    @property
    def consequence(self) -> str:
        """What follows from it, or what to do, in English."""
        return self.told("consequence")

    def told(self, sentence: Literal["message", "consequence"], language: str = "en") -> str:
        """One of its two sentences.

        Args:
            sentence: "message" or "consequence".
            language: "en" or "zh".

        Raises:
            ConfigError: There is no such language.
        """
        return tell(language, f"{self.sentences or self.code}.{sentence}", self.values)

    @property
    def fixable(self) -> bool:
        """True if `fixes.fix_table` has a remedy, whose name is the code."""
        return self.code in FIXABLE

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON-serialisable values."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "consequence": self.consequence,
            "rows": list(self.rows),
            "part": self.part,
            "fixable": self.fixable,
        }


@dataclass(frozen=True)
class Lengths:
    """How long the texts are.

    Attributes:
        unit: "characters" or "tokens".
        mean: Arithmetic mean.
        median: Half of the texts are shorter.
        p95: 95% of the texts are at most this long.
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
        Finding(f"missing_{what}", "warning", some_rows(found), values={"n": len(found)})
        for what, found in (("text", no_text), ("label", no_label))
        if found
    ]


def duplicate_findings(exact: np.ndarray, near: np.ndarray, conflicting: np.ndarray) -> list[Finding]:
    """Texts that stand in the file more than once."""
    kinds: tuple[tuple[str, Severity, np.ndarray], ...] = (
        ("conflicting_labels", "warning", conflicting),
        ("exact_duplicates", "info", exact),
        ("near_duplicates", "info", near),
    )
    return [
        Finding(code, severity, some_rows(rows), values={"n": len(rows)}) for code, severity, rows in kinds if len(rows)
    ]


def language_findings(texts: Sequence[str], languages: str | None) -> list[Finding]:
    """Texts in a script that the backbone was not pretrained on.

    Args:
        texts: The usable texts.
        languages: The languages of the backbone in plain words, or None if they are not known.
    """
    if languages != "English" or mostly_latin(texts):
        return []
    return [Finding("backbone_language", "warning")]


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
        found.append(Finding("text_not_text", "warning", values={"column": columns.text}))
    long = [row for row, text in zip(rows.tolist(), texts, strict=True) if len(text) > settings.max_text_characters]
    if long:
        values: dict[str, Value] = {"n": len(long), "limit": settings.max_text_characters}
        found.append(Finding("text_too_long", "error", some_rows(long), values=values))
    if tokens is not None and tokens.cut:
        share = tokens.cut / tokens.measured
        values = {"share": share, "limit": str(max_length)}
        found.append(Finding("texts_cut", "warning" if share > 0.1 else "info", some_rows(cut_rows), values=values))
    damaged = [row for row, text in zip(rows.tolist(), texts, strict=True) if "\ufffd" in text]
    if damaged:
        found.append(Finding("damaged_characters", "warning", some_rows(damaged), values={"n": len(damaged)}))
    return found


def some_rows(rows: Sequence[int] | np.ndarray) -> tuple[int, ...]:
    """The first ten, for a finding."""
    return tuple(int(row) for row in rows[:SHOWN_ROWS])
