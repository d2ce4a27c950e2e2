"""Text with separators: finds separator, quoting and surplus fields, and never loses a row on the way.

A file that keeps the rules of CSV is taken as it stands. Where they fail, they are bent: a CSV reader that trusts
quotes swallows every line after one stray quotation mark, and one that ignores them breaks cells that span lines.
So each line is judged by itself there: quotes count where they close.
"""

from __future__ import annotations

import contextlib
import csv
import re
from collections import Counter
from collections.abc import Iterator

from sft_keras.data.column_names import TEXT_NAMES, by_name, is_known_name
from sft_keras.data.limits import Limits
from sft_keras.data.strict_csv import read_strictly

SEPARATORS = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "vertical bar"}
SAMPLE_LINES = 2_000
MAX_LINES_IN_A_CELL = 1_000
_SEPARATOR_LINE = re.compile(r'"?sep=[^\r\n]"?[ \t]*(?:\r\n|\n|\r)', re.IGNORECASE)


def read_delimited(text: str, limits: Limits) -> tuple[list[list[str]], list[str]]:
    """Divides text into rows of equally many cells; the first row may be a header.

    Returns:
        The rows and notes in plain words.

    Raises:
        DataError: There are more rows than the limit.
    """
    if told := _SEPARATOR_LINE.match(text):
        rows, notes = _read(text[told.end() :], limits)
        return rows, [*notes, "The first line, which tells Excel the separator, was left out."]
    return _read(text, limits)


def _read(text: str, limits: Limits) -> tuple[list[list[str]], list[str]]:
    strict = read_strictly(text, list(SEPARATORS), limits)
    if strict is not None:
        return _as_written(*strict)
    lines = re.split(r"\r\n|\n|\r", text)
    separator = find_separator(lines[:SAMPLE_LINES])
    if separator is None:
        filled = list(limits.at_most(line.strip() for line in lines if line.strip()))
        cells = [next(iter(parse_lines([line], "\x00")), [line])[0] for line in filled]
        return [[cell] for cell in cells], ["Separator: none, one text a line."]
    sample = list(parse_lines(lines[:SAMPLE_LINES], separator))
    width = _expected_width(sample)
    rows = list(limits.at_most(parse_lines(lines, separator, width)))
    notes = [f"Separator: {SEPARATORS[separator]}."]
    rows, ragged = even_out(rows, width, separator)
    return rows, notes + ragged


def _as_written(separator: str | None, rows: list[list[str]], doubtful: list[int]) -> tuple[list[list[str]], list[str]]:
    if separator is None:
        return rows, ["Separator: none, one text a row."]
    notes = [f"Separator: {SEPARATORS[separator]}."]
    if not rows[0][-1].strip():
        # Columns behind the last one with a name are empty, or hold text that spilled over.
        rows, ragged = even_out(rows, max(2, _expected_width(rows[:SAMPLE_LINES])), separator)
        notes += ragged
    if doubtful:
        notes.append(
            f"{len(doubtful)} row(s) have a cell of several lines that look like rows themselves, the first is"
            f" {_name(doubtful[0])}. If they are rows, a quotation mark is too many there."
        )
    return rows, notes


def find_separator(lines: list[str]) -> str | None:
    """The character that divides the lines most evenly, or None if none does.

    Example:
        >>> find_separator(["good, really\\tpos", "bad\\tneg"])
        '\\t'
    """
    best: tuple[float, str] | None = None
    for separator in SEPARATORS:
        rows = list(parse_lines(lines, separator))
        if not rows:
            continue
        divided = sum(len(row) > 1 for row in rows) / len(rows)
        header = len(rows[0]) > 1 and any(is_known_name(cell) for cell in rows[0])
        width = _expected_width(rows)
        even = sum(len(row) == width or _filled_width(row) == width for row in rows) / len(rows)
        # Commas in running text divide unevenly; a header that names columns outweighs that.
        if width < 2 or divided < (0.5 if header else 0.9) or (even < 0.5 and not header):
            continue
        score = divided * even + header
        if best is None or score > best[0] + 1e-9:
            best = (score, separator)
    return best[1] if best else None


def parse_lines(lines: list[str], separator: str, width: int | None = None) -> Iterator[list[str]]:
    """Yields the cells of each row; blank lines are left out.

    Args:
        lines: The physical lines.
        separator: One character.
        width: The usual number of cells, which settles doubtful quotes; None while it is not known.
    """
    position = 0
    while position < len(lines):
        line = lines[position]
        if not line.strip():
            position += 1
        elif '"' not in line:
            yield line.split(separator)
            position += 1
        else:
            row, used = _parse_quoted(lines, position, separator, width)
            yield row
            position += used


def even_out(rows: list[list[str]], width: int, separator: str = "\t") -> tuple[list[list[str]], list[str]]:
    """Gives all rows the same number of cells and says what was done.

    Short rows are padded with empty cells. Empty surplus cells fall away. Other surplus is text that holds
    the separator without quotes, and is joined again; behind a tab it is data, and becomes further columns.
    """
    notes: list[str] = []
    short = [i for i, row in enumerate(rows) if len(row) < width]
    if short:
        notes.append(f"{len(short)} row(s) had too few cells and were filled up, the first is {_name(short[0])}.")
    for i in short:
        rows[i] = rows[i] + [""] * (width - len(rows[i]))
    surplus = [i for i, row in enumerate(rows) if any(cell.strip() for cell in row[width:])]
    if surplus and separator == "\t":
        wide = max(len(rows[i]) for i in surplus)
        rows = [row[:wide] + [""] * (wide - len(row)) for row in rows]
        notes.append(f"{len(surplus)} row(s) had up to {wide - width} more cells, the first is {_name(surplus[0])}.")
        return rows, notes
    if surplus:
        column = _text_position(rows, width)
        for i in surplus:
            row = rows[i]
            while not row[-1].strip():
                row.pop()
            end = column + 1 + len(row) - width
            rows[i] = [*row[:column], separator.join(row[column:end]), *row[end:]]
        notes.append(
            f"{len(surplus)} row(s) had a {SEPARATORS[separator]} inside the text without quotation marks; the pieces"
            f" were joined into cell {column + 1}, the first is {_name(surplus[0])}."
        )
    return [row[:width] for row in rows], notes


def _parse_quoted(lines: list[str], position: int, separator: str, width: int | None) -> tuple[list[str], int]:
    """One row that begins at `position` and holds quotation marks, and the number of lines it takes."""
    line = lines[position]
    literal = line.split(separator)
    reader = csv.reader(
        (lines[i] + "\n" for i in range(position, min(len(lines), position + MAX_LINES_IN_A_CELL))),
        delimiter=separator,
        strict=True,
    )
    try:
        row = next(reader)
        used = reader.line_num
    except csv.Error:
        return _parse_badly_quoted(line, literal, separator, width), 1
    mismatch = width is not None and len(row) != width and len(literal) == width
    # Did a stray mark swallow whole rows? Then each of the lines is a row of the usual width by itself. A cell of
    # two lines proves nothing: a comma in its text is enough, and a stray mark seldom closes on the next line.
    widths = {len(part.split(separator)) for part in lines[position : position + used]}
    swallowed = used > 2 and len(widths) == 1 and len(literal) > 1 and width in (None, len(literal))
    if swallowed or mismatch:
        return literal, 1
    return row, used


def _parse_badly_quoted(line: str, literal: list[str], separator: str, width: int | None) -> list[str]:
    """A line whose marks do not close: escaped by backslashes, or simply part of the text."""
    readings = []
    if '\\"' in line:
        escaped = csv.reader([line], delimiter=separator, escapechar="\\", doublequote=False, strict=True)
        with contextlib.suppress(csv.Error):
            readings.append(next(escaped))
    readings.append(literal)
    loose = next(csv.reader([line], delimiter=separator), literal)
    readings.append(loose)
    if width is None:
        return readings[0]
    return next((row for row in readings if len(row) == width), readings[0])


def _expected_width(rows: list[list[str]]) -> int:
    """The number of cells a row should have: that of a header with known names, else the most frequent."""
    if not rows:
        return 1
    filled = [_filled_width(row) for row in rows]
    if filled[0] > 1 and any(is_known_name(cell) for cell in rows[0]):
        return filled[0]
    counts = Counter(len(row) for row in rows)
    usual = max(counts, key=lambda width: (counts[width], width))
    # Spreadsheets write empty columns behind the last one ("a,b,,,"); text that spilled into them is surplus.
    narrow = max(Counter(filled).items(), key=lambda item: (item[1], item[0]))[0]
    if narrow > 1 and filled[0] <= narrow and sum(width <= narrow for width in filled) >= 0.98 * len(rows):
        return narrow
    return usual


def _filled_width(row: list[str]) -> int:
    return max((i for i, cell in enumerate(row, start=1) if cell.strip()), default=0)


def _text_position(rows: list[list[str]], width: int) -> int:
    """The position of the text column, for joining surplus cells."""
    named = by_name([cell for cell in rows[0][:width] if cell], TEXT_NAMES)
    if named and len(named[0]) <= 40:
        return rows[0].index(named[0])
    regular = [row for row in rows[:SAMPLE_LINES] if len(row) == width] or rows[:SAMPLE_LINES]
    return max(range(width), key=lambda column: sum(len(row[column]) for row in regular))


def _name(index: int) -> str:
    return f"line {index + 1} of those that are not blank"
