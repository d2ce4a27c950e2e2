"""Reads a user's file in any common format into a table of strings, and says in words what it found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sft_keras.data.binary_formats import is_parquet, is_workbook, read_parquet, read_workbook
from sft_keras.data.class_folders import COLUMNS, class_members, read_class_folders, read_class_members
from sft_keras.data.decoding import decode
from sft_keras.data.delimited import SAMPLE_LINES, even_out, read_delimited
from sft_keras.data.files import Content, read_content, refuse_foreign
from sft_keras.data.headers import column_names, has_header, title_rows
from sft_keras.data.json_formats import Records, read_json
from sft_keras.data.label_lines import LINE_FORMATS
from sft_keras.data.limits import Limits
from sft_keras.errors import DataError
from sft_keras.settings import Settings

Grid = tuple[list[str], list[list[str]], list[str]]
JSON_EXTENSIONS = {"json", "jsonl", "ndjson"}


@dataclass(frozen=True)
class Table:
    """The rows of a file as strings.

    Attributes:
        frame: Columns of dtype object that hold `str`; a missing cell is "".
        source: Where it came from: a path or a sample's name.
        notes: What was found out about the file, in plain words.
    """

    frame: pd.DataFrame
    source: str
    notes: tuple[str, ...] = ()


def read_table(path: Path, settings: Settings) -> Table:
    """Reads CSV, TSV, JSON, JSON Lines, Parquet, XLSX, XLS, ODS, fastText or TREC, also inside .gz or .zip.

    A folder, or a .zip, with one folder of .txt files for each label is read, too.

    The format is told by the contents; the name only settles what the contents leave open.

    Args:
        path: The file or folder.
        settings: Gives the limits on size and rows.

    Returns:
        The table, with at least one row.

    Raises:
        DataError: The file cannot be read, is too large, or holds no rows.

    Example:
        >>> read_table(Path("reviews.csv"), Settings()).notes  # doctest: +SKIP
        ('Encoding: UTF-8.', 'Separator: comma.', 'The first row names the columns.')
    """
    where = str(path)
    if path.is_dir():
        rows, notes = read_class_folders(path, settings)
        return Table(_frame(COLUMNS, rows), where, tuple(notes))
    content = read_content(path, settings.max_file_bytes)
    if not content.data.strip():
        raise DataError("The file is empty.", where=where, fix="Choose a file with at least one row.")
    limits = Limits.of(settings, where)
    names, rows, notes = _read_grid(content, limits, settings)
    if len(rows) > limits.rows:
        raise limits.too_many_rows()
    if not rows:
        raise DataError(
            f"The file holds column names but no rows. Received: {', '.join(names)}",
            where=where,
            fix="Choose a file with at least one row below the names.",
        )
    return Table(_frame(names, rows), where, (*content.notes, *notes))


def _read_grid(content: Content, limits: Limits, settings: Settings) -> Grid:
    data, where = content.data, limits.where
    if is_parquet(data, content.extension):
        names, rows = read_parquet(data, limits)
        return column_names(names, len(names)), rows, ["Format: Parquet."]
    if is_workbook(data):
        rows, notes = read_workbook(data, limits)
        return _with_names(rows, notes, limits)
    if class_members(data):
        rows, notes = read_class_members(data, where, settings)
        return COLUMNS, rows, notes
    refuse_foreign(content, where)
    text, notes = _decoded(content, where)
    limits.require_few(text)
    if content.extension in JSON_EXTENSIONS or text.lstrip().startswith(("{", "[")):
        try:
            records, found = read_json(text, limits, lines=content.extension in {"jsonl", "ndjson"})
            return _from_records(records, notes + found, limits)
        except DataError:
            # A text table may begin with a bracket, too.
            if content.extension in JSON_EXTENSIONS or text.lstrip().startswith('{"'):
                raise
    for is_format, read in LINE_FORMATS:
        if is_format(text.split("\n", SAMPLE_LINES)[:SAMPLE_LINES]):
            rows, found = read(text, limits)
            return rows[0], rows[1:], notes + found
    rows, found = read_delimited(text, limits)
    return _with_names(rows, notes + found, limits)


def _decoded(content: Content, where: str) -> tuple[str, list[str]]:
    text, notes = decode(content.data, where)
    text = text.rstrip("\x1a")
    start = text[:1000].lstrip().lower()
    if not start:
        raise DataError("The file is empty.", where=where, fix="Choose a file with at least one row.")
    page = start.startswith(("<!doctype html", "<html", "<table", "<meta"))
    if content.extension in {"xls", "xlsx"} and (page or start.startswith("<?xml")):
        raise DataError(
            "The file is a web page or XML that only has the name of a workbook.",
            where=where,
            fix="Open it in a spreadsheet program, which reads it all the same, and save it as XLSX.",
        )
    if page:
        raise DataError(
            "The file is a web page, not a table.",
            where=where,
            fix="Download the file itself; on a code host use its raw or download link.",
        )
    if start.startswith("<?xml"):
        raise DataError("The file is XML.", where=where, fix="Save it as CSV, JSON or XLSX.")
    return text, list(notes)


def _with_names(rows: list[list[str]], notes: list[str], limits: Limits) -> Grid:
    """Splits off a header row if there is one, with what stands above it, and drops columns that are empty."""
    above = title_rows(rows)
    if above:
        rows = rows[above:]
        notes = [*notes, f"{above} row(s) above the column names were left out."]
    header = has_header(rows)
    first = rows[0] if header else None
    body = rows[1:] if header else rows
    width = max((len(row) for row in rows), default=0)
    limits.require_width(width)
    body, _ = even_out(body, width)
    names = column_names(first, width)
    keep = [
        i
        for i in range(width)
        if (first is not None and i < len(first) and first[i].strip()) or any(row[i].strip() for row in body)
    ]
    if len(keep) < width:
        notes = [*notes, f"{width - len(keep)} empty column(s) were dropped."]
        names = [names[i] for i in keep]
        body = [[row[i] for i in keep] for row in body]
    told = "The first row names the columns." if header else "The first row is data; the columns have no names."
    return names, body, [*notes, told]


def _from_records(records: Records, notes: list[str], limits: Limits) -> Grid:
    if not records:
        raise DataError("The file holds no rows.", where=limits.where, fix="Choose a file with at least one row.")
    names = list(dict.fromkeys(name for record in records for name in record))
    if not names:
        raise DataError("The objects in the file are empty.", where=limits.where, fix="Give each a text and a label.")
    limits.require_width(len(names))
    return names, [[record.get(name, "") for name in names] for record in records], notes


def _frame(names: list[str], rows: list[list[str]]) -> pd.DataFrame:
    columns = list(zip(*rows, strict=True))
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in zip(names, columns, strict=True)})
