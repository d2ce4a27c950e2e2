"""Text with separators by the rules of CSV (RFC 4180), without any guess about single lines.

Whatever a program wrote by these rules comes back exactly. A file that does not read without a fault, with all rows
equally wide, is left to the guesses of `delimited`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from sft_keras.data.column_names import is_known_name
from sft_keras.data.limits import Limits

# Python's own limit of 131,072 characters is less than a long document in one cell.
csv.field_size_limit(2**31 - 1)
_LONE_RETURN = re.compile(r"\r(?!\n)")


def read_strictly(
    text: str, separators: Sequence[str], limits: Limits
) -> tuple[str | None, list[list[str]], list[int]] | None:
    """Rows of one width, if the whole text reads without a fault.

    Args:
        text: The file.
        separators: The characters that may divide its cells, the likeliest first.
        limits: Most rows.

    Returns:
        The separator, or None for one column; the rows; the positions of rows with a cell whose lines look like rows
        themselves. None if no separator gives rows of one width, or if a stray mark seems to have swallowed rows.

    Raises:
        DataError: There are more rows than the limit.
    """
    found = list(_tables(text, separators, limits))
    if not found and "\n" in text and _LONE_RETURN.search(text):
        # A writer that ends its rows with a line feed may leave a lone carriage return in a cell unquoted.
        stand_in = next((chr(code) for code in range(0xE000, 0xF900) if chr(code) not in text), None)
        if stand_in is not None:
            for separator, rows in _tables(_LONE_RETURN.sub(stand_in, text), separators, limits):
                found.append((separator, [[cell.replace(stand_in, "\r") for cell in row] for row in rows]))
    if not found:
        return None
    marks = text.count('"')
    # Of several readings, one with a header that names columns, then one in which the marks are there for a reason.
    separator, rows = max(found, key=lambda each: (any(map(is_known_name, each[1][0])), _is_canonical(each[1], marks)))
    if separator is None:
        return None, rows, []
    doubtful = [i for i, row in enumerate(rows) if any("\n" in cell for cell in row) and _hides_rows(row, separator)]
    if doubtful and not _is_canonical(rows, marks):
        return None
    return separator, rows, doubtful


def _tables(text: str, separators: Sequence[str], limits: Limits) -> Iterator[tuple[str | None, list[list[str]]]]:
    """Each separator by which all rows have one width of two or more; without any, one column in quotation marks."""
    first = re.match(r"\s*([^\r\n]*)", text)
    start = first[1] if first else ""
    several = False
    for separator in separators:
        rows = _rows(text, separator, limits) if separator in start else None
        if rows is not None and len(rows[0]) > 1:
            several = True
            yield separator, rows
    if not several and '"' in text:
        rows = _rows(text, ",", limits)
        if rows is not None and len(rows[0]) == 1 and _is_canonical(rows, text.count('"')):
            yield None, rows


def _rows(text: str, separator: str, limits: Limits) -> list[list[str]] | None:
    rows: list[list[str]] = []
    width = 0
    try:
        read = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        # A line that is blank is no row.
        for row in limits.at_most(row for row in read if row and (len(row) > 1 or width == 1 or row[0].strip())):
            width = width or len(row)
            if len(row) != width:
                return None
            rows.append(row)
    except csv.Error:
        return None
    return rows or None


def _is_canonical(rows: list[list[str]], marks: int) -> bool:
    """True if there are enough quotation marks in the file for every cell that holds one to be quoted itself."""
    return marks >= sum(2 * cell.count('"') + 2 for row in rows for cell in row if '"' in cell)


def _hides_rows(row: list[str], separator: str) -> bool:
    """True if each line that the row takes divides into as many cells as the row has, quotation marks aside."""
    pieces = separator.join(row).split("\n")
    return all(line.count(separator) == len(row) - 1 for line in pieces)
