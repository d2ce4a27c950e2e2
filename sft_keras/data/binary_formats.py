"""Parquet and spreadsheets (XLSX, XLSB, XLS, ODS) as rows of strings, with their size checked before it is used."""

from __future__ import annotations

import datetime
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import python_calamine

from sft_keras.data.files import over_limit, spreadsheet_members
from sft_keras.data.json_formats import cell_text
from sft_keras.data.workbook_guard import MAX_GRID_CELLS, check_archive, check_ole, grid_too_large
from sft_keras.errors import DataError

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read_parquet(data: bytes, where: str, *, max_rows: int, max_bytes: int) -> tuple[list[str], list[list[str]]]:
    """Column names and rows of a Parquet file.

    Raises:
        DataError: The file is damaged or too large.
    """
    columns: list[list[Any]] = []
    size = rows = 0
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        names = [str(name) for name in file.schema_arrow.names]
        columns = [[] for _ in names]
        for batch in file.iter_batches(batch_size=10_000):
            size += batch.nbytes
            rows += batch.num_rows
            if size > max_bytes or rows > max_rows:
                raise too_many_rows(max_rows, where) if rows > max_rows else over_limit(max_bytes, where)
            for column, values in zip(columns, batch.columns, strict=True):
                column.extend(values.to_pylist())
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError):
        raise DataError(
            "The Parquet file is damaged or incomplete.", where=where, fix="Download or export it again."
        ) from None
    texts = [_whole_numbers(column) for column in columns]
    return names, [list(row) for row in zip(*texts, strict=True)]


def is_workbook(data: bytes) -> bool:
    """True for the bytes of an XLSX, XLSB, XLS or ODS file."""
    return data.startswith(OLE_MAGIC) or spreadsheet_members(data) is not None


def read_workbook(data: bytes, where: str, *, max_rows: int, max_bytes: int) -> tuple[list[list[str]], list[str]]:
    """The cells of the first sheet that holds any, and notes; hidden sheets come after those that a person sees.

    Raises:
        DataError: The workbook is protected, damaged, too large, or empty.
    """
    archive = spreadsheet_members(data)
    formulas = 0
    if archive is not None:
        formulas = check_archive(archive, max_bytes, where)
    elif "EncryptedPackage".encode("utf-16-le") in data:
        raise _protected(where)
    else:
        check_ole(data, where)
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        read = {name: _sheet_rows(workbook, name, max_rows, where) for name in workbook.sheet_names}
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


def too_many_rows(max_rows: int, where: str) -> DataError:
    """The error for a file over the row limit."""
    return DataError(
        f"The file has more rows than the limit of {max_rows:,}.",
        where=where,
        fix="Use fewer rows, or raise the limit with the environment variable SFT_MAX_ROWS.",
    )


def _sheet_rows(workbook: Any, name: str, max_rows: int, where: str) -> tuple[list[list[str]], int]:
    """The rows of a sheet, and how many cells were filled because they are merged with the one above."""
    try:
        sheet = workbook.get_sheet_by_name(name)
    except python_calamine.WorksheetNotFound:
        return [], 0  # a chart sheet
    if sheet.height > max_rows + 1:
        raise too_many_rows(max_rows, f"{where}, sheet {name}")
    if sheet.height * sheet.width > MAX_GRID_CELLS:
        raise grid_too_large(where)
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
    for (first_row, column), (last_row, _) in sheet.merged_cell_ranges or ():
        first, x = first_row - top, column - left
        if first < 0 or not x >= 0 or first >= len(rows) or x >= len(rows[first]):
            continue
        for row in rows[first + 1 : last_row - top + 1]:
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
