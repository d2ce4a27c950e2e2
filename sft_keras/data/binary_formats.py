"""Parquet and spreadsheets (XLSX, XLSB, XLS, ODS) as rows of strings, with their size checked before it is used."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
import zlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import python_calamine

from sft_keras.data.files import CHUNK, spreadsheet_members
from sft_keras.data.json_formats import cell_text
from sft_keras.errors import DataError

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# A workbook is held as a full grid, so that one cell far out would claim all memory.
MAX_GRID_CELLS = 40_000_000
_CELL = re.compile(rb'<c\b[^>]{0,40}?\br="([A-Z]{1,3})([0-9]{1,7})"')


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
                raise too_many_rows(max_rows, where) if rows > max_rows else _too_large(max_bytes, where)
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
    """The cells of the first sheet that holds any, and notes.

    Raises:
        DataError: The workbook is protected, damaged, too large, or empty.
    """
    archive = spreadsheet_members(data)
    if archive is not None:
        _check_unpacked(archive, max_bytes, where)
    elif "EncryptedPackage".encode("utf-16-le") in data:
        raise _protected(where)
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = {name: _sheet_rows(workbook, name, max_rows, where) for name in workbook.sheet_names}
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
    filled = [name for name, rows in sheets.items() if rows]
    if not filled:
        raise DataError("The workbook holds no data.", where=where, fix="Put the rows on its first sheet.")
    notes = [f'Format: workbook, sheet "{filled[0]}".']
    if len(filled) > 1:
        others = ", ".join(f'"{name}"' for name in filled[1:])
        notes.append(f"Further sheets were not read: {others}.")
    return sheets[filled[0]], notes


def too_many_rows(max_rows: int, where: str) -> DataError:
    """The error for a file over the row limit."""
    return DataError(
        f"The file has more rows than the limit of {max_rows:,}.",
        where=where,
        fix="Use fewer rows, or raise the limit with the environment variable SFT_MAX_ROWS.",
    )


def _sheet_rows(workbook: Any, name: str, max_rows: int, where: str) -> list[list[str]]:
    try:
        sheet = workbook.get_sheet_by_name(name)
    except python_calamine.WorksheetNotFound:
        return []  # a chart sheet
    if sheet.height > max_rows + 1:
        raise too_many_rows(max_rows, f"{where}, sheet {name}")
    if sheet.height * sheet.width > MAX_GRID_CELLS:
        raise _grid_too_large(where)
    rows = [[_sheet_cell(cell) for cell in row] for row in sheet.to_python(skip_empty_area=True)]
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    return rows


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


def _check_unpacked(archive: zipfile.ZipFile, max_bytes: int, where: str) -> None:
    """Unpacks every member once, counting: the sizes in the archive's own directory may be false."""
    size = 0
    try:
        for member in archive.infolist():
            rows = columns = 0
            with archive.open(member) as stream:
                tail = b""
                while chunk := stream.read(CHUNK):
                    size += len(chunk)
                    if size > max_bytes:
                        raise _too_large(max_bytes, where)
                    if "worksheets/" in member.filename:
                        for letters, number in _CELL.findall(tail + chunk):
                            rows = max(rows, int(number))
                            columns = max(columns, _column_number(letters))
                        tail = chunk[-64:]
            if rows * columns > MAX_GRID_CELLS:
                raise _grid_too_large(where)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, NotImplementedError, RuntimeError, ValueError):
        raise DataError(
            "The workbook is damaged or incomplete.", where=where, fix="Download or export it again."
        ) from None


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _too_large(max_bytes: int, where: str) -> DataError:
    return DataError(
        f"The file is larger than the limit of {max_bytes / CHUNK:g} MiB (counted after unpacking).",
        where=where,
        fix="Use fewer rows, or raise the limit with the environment variable SFT_MAX_FILE_MIB.",
    )


def _grid_too_large(where: str) -> DataError:
    return DataError(
        "The sheet spans too many cells; probably one cell far out is filled.",
        where=where,
        fix="Delete what lies far right or below, or save the sheet as CSV.",
    )


def _protected(where: str) -> DataError:
    return DataError(
        "The workbook is protected by a password.", where=where, fix="Save it without a password and try again."
    )
