"""What a part shows, whoever shows it: sentences, tables, bars, pictures and texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sft_keras.catalogues import Catalogue


@dataclass(frozen=True)
class Sentence:
    """A sentence.

    Attributes:
        text: What it says, in the reader's language.
        kind: "say" for a result, "how" for an explanation in small print, "warn" for what a person should mind, "good"
            for what is as it should be.
        private: Whether it tells of the data what others should not see.
    """

    text: str
    kind: Literal["say", "how", "warn", "good"] = "say"
    private: bool = False


@dataclass(frozen=True)
class Meter:
    """A cell that is also drawn as a bar.

    Attributes:
        share: Length of the bar, 0 to 1.
        text: The cell.
    """

    share: float
    text: str


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Attributes:
        title: Its title.
        kind: "text", "number" (right-aligned), "meter" (cells are `Meter`), or "label" (a class name of the user).
    """

    title: str
    kind: Literal["text", "number", "meter", "label"] = "text"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        columns: The heads.
        rows: The cells, already formatted; as many a row as there are columns.
        title: What stands above it; nothing if empty.
        shown: Rows in view; the others unfold.
        private: Whether cells hold texts of the data, which are left out of pages that others see.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Meter]]
    title: str = ""
    shown: int = 10
    private: bool = False


@dataclass(frozen=True)
class Picture:
    """A drawing.

    Attributes:
        svg: From `sft_keras.evaluation.charts`: numerals only, colours by variables of the style sheet.
        title: What it shows, also for who cannot see it.
        legend: Colour variable ("deep", "middle", "light", "teal", "muted") and name of each series.
    """

    svg: str
    title: str
    legend: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Words:
    """Words with weights, shown stronger or weaker.

    Attributes:
        title: What they are for, such as a label.
        words: Word and weight, -1 to 1, the heaviest first.
        private: As for `Table`.
    """

    title: str
    words: Sequence[tuple[str, float]]
    private: bool = False


Block = Sentence | Table | Picture | Words


def percent(words: Catalogue, value: float | None, digits: int = 1) -> str:
    """A share as percent in the reader's way of writing; a dash for None."""
    return "–" if value is None else words("common.percent", value=f"{100 * value:.{digits}f}")


def points(words: Catalogue, value: float | None) -> str:
    """A difference of two shares in percentage points with its sign; a dash for None."""
    return "–" if value is None else words("common.points", value=f"{100 * value:+.1f}")


def interval(words: Catalogue, low: float | None, high: float | None) -> str:
    """An interval of shares in percent; a dash where it is not known."""
    if low is None or high is None:
        return "–"
    return words("common.interval", low=f"{100 * low:.1f}", high=f"{100 * high:.1f}")
