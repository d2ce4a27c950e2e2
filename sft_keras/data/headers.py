"""Tells whether the first row of a table names the columns, by known names or by how it differs from the rest."""

from __future__ import annotations

import re
from statistics import median

from sft_keras.data.column_names import is_known_name

SAMPLE_ROWS = 2_000
LONGEST_NAME = 60
MOST_TITLE_ROWS = 10
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d+)*|\.\d+)([eE][-+]?\d+)?%?")


def has_header(rows: list[list[str]]) -> bool:
    """True if the first row names the columns.

    Example:
        >>> has_header([["v1", "v2"], ["ham", "See you at five."], ["ham", "Ok."], ["ham", "No."], ["spam", "Win!"]])
        True
    """
    if not rows or not any(cell.strip() for cell in rows[0]):
        return False
    first, rest = [cell.strip() for cell in rows[0]], rows[1 : 1 + SAMPLE_ROWS]
    if any(len(cell) > LONGEST_NAME for cell in first) or any(_NUMBER.fullmatch(cell) for cell in first):
        return False
    columns = [[row[i].strip() for row in rest] for i in range(len(first))]
    known = any(is_known_name(cell) and cell not in column for cell, column in zip(first, columns, strict=True))
    if known or not rest:
        return known
    votes = [_vote(cell, column) for cell, column in zip(first, columns, strict=True) if cell]
    return bool(votes) and min(votes) >= 0 and max(votes) > 0


def title_rows(rows: list[list[str]]) -> int:
    """How many rows stand above the one that names the columns: a title, blank rows, a date.

    Only a row with a known name and another cell beside it counts as the one with the names, and only rows with at
    most one filled cell as a title, so that no labelled row is taken for one.

    Example:
        >>> title_rows([["Reviews of 2024", ""], ["", ""], ["review", "label"], ["Nice.", "good"]])
        2
    """
    for position, row in enumerate(rows[: MOST_TITLE_ROWS + 1]):
        filled = [cell for cell in row if cell.strip()]
        known = any(map(is_known_name, filled))
        if known or len(filled) > 1:
            return position if known and len(filled) > 1 and has_header(rows[position:]) else 0
    return 0


def column_names(first: list[str] | None, width: int) -> list[str]:
    """Distinct names for the columns: those of the header row, else "column 1" and so on."""
    names: list[str] = []
    for i in range(width):
        name = first[i].strip() if first and i < len(first) else ""
        name = name or f"column {i + 1}"
        unique, n = name, 2
        while unique in names:
            unique, n = f"{name} ({n})", n + 1
        names.append(unique)
    return names


def _vote(cell: str, column: list[str]) -> int:
    """1: the cell looks unlike its column, so it is a name; -1: it looks like one more value; 0: no telling."""
    values = [value for value in column if value]
    if not values:
        return 0
    if all(_NUMBER.fullmatch(value) for value in values):
        return 1
    distinct = set(values)
    if len(distinct) <= len(values) // 2:  # values repeat, as labels do
        return -1 if cell in distinct else 1
    usual = median(len(value) for value in values)
    if len(cell) >= 8 and len(cell) >= usual / 2 and re.search(r"[\s,.!?，。！？]", cell):
        return -1
    return 1 if usual >= 12 and len(cell) < usual / 3 and not re.search(r"[.!?。！？]$", cell) else 0
