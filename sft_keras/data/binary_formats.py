"""Parquet and spreadsheets (XLSX, XLSB, XLS, ODS) as rows of strings, with their size checked before it is used."""

from __future__ import annotations

import datetime
import io
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import python_calamine

from sft_keras.data.files import over_limit, spreadsheet_members
from sft_keras.data.json_formats import cell_text
from sft_keras.data.limits import ABOVE, Limits
from sft_keras.data.workbook_guard import MAX_GRID_CELLS, check_archive, check_ole, grid_too_large
from sft_keras.errors import DataError

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Rows of Parquet that are unpacked at once; within lists and structures, values are not held once only.
PARQUET_ROWS, NESTED_ROWS = 1_000, 50


def is_parquet(data: bytes, extension: str) -> bool:
    """True for the bytes of a Parquet file, a damaged one too; text with such a name is none."""
    return data.startswith(b"PAR1") or (extension == "parquet" and b"\x00" in data)


def read_parquet(data: bytes, limits: Limits) -> tuple[list[str], list[list[str]]]:
    """Column names and rows of a Parquet file.

    A value that stands in many rows is written once. Read so, it is counted for each row before any row is made:
    a file of a kilobyte can hold gigabytes of text.

    Raises:
        DataError: The file is damaged or too large.
    """
    size = rows = 0
    try:
        schema = pq.read_schema(pa.BufferReader(data))
        limits.require_width(len(schema.names))
        once = [field.name for field in schema if _has_bytes(field.type)]
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=once)
        if file.metadata.num_rows > limits.rows:
            raise limits.too_many_rows()
        if sum(file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups)) > limits.size:
            raise over_limit(limits.size, limits.where)
        columns: list[list[Any]] = [[] for _ in schema.names]
        nested = any(pa.types.is_nested(field.type) for field in schema)
        for batch in file.iter_batches(batch_size=NESTED_ROWS if nested else PARQUET_ROWS):
            rows += batch.num_rows
            size += sum(map(_unpacked_bytes, batch.columns))
            if rows > limits.rows:
                raise limits.too_many_rows()
            if size > limits.size:
                raise over_limit(limits.size, limits.where)
            for column, values in zip(columns, batch.columns, strict=True):
                column.extend(_cells(values))
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError):
        raise DataError(
            "The Parquet file is damaged or incomplete.", where=limits.where, fix="Download or export it again."
        ) from None
    texts = [_whole_numbers(column) for column in columns]
    return [str(name) for name in schema.names], [list(row) for row in zip(*texts, strict=True)]


def _unpacked_bytes(column: Any) -> int:
    """What a column of a batch takes once each row has a value of its own."""
    if not pa.types.is_dictionary(column.type) or not _has_bytes(column.type.value_type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary)
    return pc.sum(lengths.take(column.indices)).as_py() or 0


def _has_bytes(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))


def _cells(column: Any) -> list[Any]:
    """The values of a column; a date beyond those of Python as it is written."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        return list(column.cast(pa.string()).to_pylist())


def is_workbook(data: bytes) -> bool:
    """True for the bytes of an XLSX, XLSB, XLS or ODS file."""
    return data.startswith(OLE_MAGIC) or spreadsheet_members(data) is not None


def read_workbook(data: bytes, limits: Limits) -> tuple[list[list[str]], list[str]]:
    """The cells of the first sheet that holds any, and notes; hidden sheets come after those that a person sees.

    Raises:
        DataError: The workbook is protected, damaged, too large, or empty.
    """
    where = limits.where
    archive = spreadsheet_members(data)
    formulas = 0
    if archive is not None:
        formulas = check_archive(archive, limits.size, where)
    elif "EncryptedPackage".encode("utf-16-le") in data:
        raise _protected(where)
    else:
        check_ole(data, where)
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        read = {name: _sheet_rows(workbook, name, limits) for name in workbook.sheet_names}
        seen = {
            each.name for each in workbook.sheets_metadata if each.visible == python_calamine.SheetVisibleEnum.Visible
        }
    except python_calamine.PasswordError:
        raise _protected(where) from None
    except DataError:
        raise
    except BaseException as error:
        # The reader is written in Rust; a panic there is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise DataError(
            f"The workbook is damaged or of an unsupported kind: {error}",
            where=where,
            fix="Open it in your spreadsheet program and save it as XLSX or CSV.",
        ) from None
    filled = sorted((name for name, (rows, _) in read.items() if rows), key=lambda name: name not in seen)
    if not filled:
        raise DataError("The workbook holds no data.", where=where, fix="Put the rows on its first sheet.")
    notes = [f'Format: workbook, sheet "{filled[0]}".']
    if len(filled) > 1:
        others = ", ".join(f'"{name}"' for name in filled[1:])
        notes.append(f"Further sheets were not read: {others}.")
    rows, merged = read[filled[0]]
    if merged:
        notes.append(f"{merged} cell(s) below the first of merged cells were given its value.")
    if formulas:
        notes.append(
            f"{formulas} formula(s) have no stored result and were read as empty cells; open the workbook in a"
            " spreadsheet program, which computes them, and save it."
        )
    return rows, notes


def _sheet_rows(workbook: Any, name: str, limits: Limits) -> tuple[list[list[str]], int]:
    """The rows of a sheet, and how many cells were filled because they are merged with the one above."""
    try:
        sheet = workbook.get_sheet_by_name(name)
    except python_calamine.WorksheetNotFound:
        return [], 0  # a chart sheet
    if sheet.height > limits.rows + ABOVE:
        raise limits.too_many_rows(f", sheet {name}")
    if sheet.height * sheet.width > MAX_GRID_CELLS:
        raise grid_too_large(limits.where)
    rows = [[_sheet_cell(cell) for cell in row] for row in sheet.to_python(skip_empty_area=True)]
    merged = _fill_merged(rows, sheet)
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    return rows, merged


def _fill_merged(rows: list[list[str]], sheet: Any) -> int:
    """Repeats a value down the cells that are merged into one: it holds for each of these rows."""
    if sheet.start is None:
        return 0
    top, left = sheet.start
    filled = 0
    unseen = len(rows) * max(map(len, rows), default=0)
    for (first_row, column), (last_row, _) in sheet.merged_cell_ranges or ():
        first, x = first_row - top, column - left
        if first < 0 or not x >= 0 or first >= len(rows) or x >= len(rows[first]):
            continue
        below = rows[first + 1 : last_row - top + 1]
        unseen -= len(below)
        if unseen < 0:  # ranges that lie over each other, without end
            break
        for row in below:
            # A row that holds nothing else is no row of the table.
            if not row[x] and any(row):
                row[x] = rows[first][x]
                filled += 1
    return filled


def _sheet_cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return cell_text(value)


def _whole_numbers(column: list[Any]) -> list[str]:
    """Cells of a Parquet column; pandas turns integers with gaps into floats, which is undone here."""
    numbers = [value for value in column if isinstance(value, float) and value == value]
    if numbers and all(value.is_integer() and abs(value) < 2**53 for value in numbers):
        return [str(int(v)) if isinstance(v, float) and v == v else cell_text(v) for v in column]
    return [cell_text(value) for value in column]


def _protected(where: str) -> DataError:
    return DataError(
        "The workbook is protected by a password.", where=where, fix="Save it without a password and try again."
    )
