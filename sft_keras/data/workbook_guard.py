"""Looks a workbook over before a reader opens it: what it unpacks to, and how large a grid its cells would claim.

The reader holds each sheet as a full grid and follows whatever chain of sectors an old file names, so that a few
bytes could claim all memory, or never come to an end.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib

from sft_keras.data.files import CHUNK, over_limit
from sft_keras.errors import DataError

# A workbook is held as a full grid, so that one cell far out would claim all memory.
MAX_GRID_CELLS = 40_000_000
_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]{0,2000}?\br\s*=\s*["']([A-Z]{1,3})([0-9]{1,7})["']""")
_LONGEST_TAG = 2_100
# As programs write it that do not compute.
_NO_RESULT = re.compile(rb"</f>\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")
_ODS_TAG = re.compile(rb"<(/?)table:(table-row|table-cell|covered-table-cell|table)\b([^>]*)>")
_ODS_REPEATED = re.compile(rb'number-(?:rows|columns)-repeated="([0-9]+)"')
_END_OF_CHAIN = 0xFFFF_FFFA  # from here on a number is a mark and no sector
# Records of BIFF that stand for a cell and begin with its row and column; several columns end with the last one.
_BIFF_CELLS = frozenset({0x0006, 0x00BD, 0x00BE, 0x00D6, 0x00FD, 0x0201, 0x0203, 0x0204, 0x0205, 0x027E})
_BIFF_SEVERAL = frozenset({0x00BD, 0x00BE})
_BIFF_SHEET, _BIFF_SIZE = 0x0809, 0x0200
# Of an XLSB sheet: a row, and the kinds of cells.
_XLSB_ROW, _XLSB_CELLS = 0, range(1, 12)
_XLSB_BEGIN_SHEET = b"\x81\x01"


def check_archive(archive: zipfile.ZipFile, max_bytes: int, where: str) -> int:
    """Unpacks every member once, counting: the sizes in the archive's own directory may be false.

    Returns:
        How many formulas of an XLSX have no stored result.

    Raises:
        DataError: The workbook is damaged, or too large once it is unpacked.
    """
    size = formulas = cells = 0
    try:
        is_xlsb = "xl/workbook.bin" in archive.namelist()  # an XLSX has parts called .bin as well: of printers, macros
        for member in archive.infolist():
            rows = columns = 0
            kept: list[bytes] = []
            whole = member.filename == "content.xml" or (is_xlsb and member.filename.endswith(".bin"))
            with archive.open(member) as stream:
                tail = b""
                while chunk := stream.read(CHUNK):
                    size += len(chunk)
                    if size > max_bytes:
                        raise over_limit(max_bytes, where)
                    if whole:
                        kept.append(chunk)
                    elif member.filename.lower().endswith(".xml"):
                        for letters, number in _CELL.findall(tail + chunk):
                            rows = max(rows, int(number))
                            columns = max(columns, _column_number(letters))
                        formulas += len(_NO_RESULT.findall(tail + chunk)) - len(_NO_RESULT.findall(tail))
                        tail = (tail + chunk)[-_LONGEST_TAG:]
            if whole:
                count = _ods_cells if member.filename == "content.xml" else _xlsb_cells
                cells += count(b"".join(kept))
            cells += rows * columns
            if cells > MAX_GRID_CELLS:
                raise grid_too_large(where)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, NotImplementedError, RuntimeError, ValueError):
        raise DataError(
            "The workbook is damaged or incomplete.", where=where, fix="Download or export it again."
        ) from None
    return formulas


def check_ole(data: bytes, where: str) -> None:
    """Follows the chains of sectors in an old workbook (MS-CFB), and looks at the size of its sheets (BIFF).

    Raises:
        DataError: A chain has no end, or a sheet would claim too much.
    """
    try:
        streams = _ole_streams(data)
    except (struct.error, IndexError, ValueError):
        raise DataError(
            "The workbook is damaged or incomplete.", where=where, fix="Download or export it again."
        ) from None
    if sum(map(_biff_cells, streams)) > MAX_GRID_CELLS:
        raise grid_too_large(where)


def grid_too_large(where: str) -> DataError:
    """The error for a sheet with a cell far out."""
    return DataError(
        "The sheet spans too many cells; probably one cell far out is filled.",
        where=where,
        fix="Delete what lies far right or below, or save the sheet as CSV.",
    )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _ods_cells(content: bytes) -> int:
    """The grids that the sheets of an ODS file span: each up to its last row and column that hold anything."""
    total = rows = last_row = width = column = 0
    filled = False
    for closing, name, attributes in _ODS_TAG.findall(content):
        repeated = _ODS_REPEATED.search(attributes)
        times = int(repeated[1][:12]) if repeated else 1
        if name == b"table":
            total += last_row * width
            rows = last_row = width = 0
        elif name == b"table-row":
            if closing:
                continue
            rows += times
            column, filled = 0, False
        elif not closing:
            column += times
            if not attributes.endswith(b"/") or b"value" in attributes:
                filled = True
                width = max(width, column)
        if filled:
            last_row = rows
    return total + last_row * width


def _xlsb_cells(content: bytes) -> int:
    """The grid that a sheet of an XLSB file spans; 0 for another part of it."""
    position = rows = columns = 0
    if not content.startswith(_XLSB_BEGIN_SHEET):
        return 0

    def number(most: int) -> int:
        """A number in groups of seven bits, the lowest first."""
        nonlocal position
        value = 0
        for shift in range(0, 7 * most, 7):
            byte = content[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        return value

    try:
        while position < len(content):
            kind, length = number(2), number(4)
            if length >= 4 and (kind == _XLSB_ROW or kind in _XLSB_CELLS):
                value = struct.unpack_from("<I", content, position)[0] + 1
                rows, columns = (max(rows, value), columns) if kind == _XLSB_ROW else (rows, max(columns, value))
            position += length
    except (IndexError, struct.error):
        pass  # cut short; the reader says so
    return rows * columns


def _ole_streams(data: bytes) -> list[bytes]:
    """The contents of the streams that are no small ones; `ValueError` for a chain that never ends."""
    shift, mini_shift = struct.unpack_from("<HH", data, 30)
    if shift not in (9, 12) or mini_shift != 6:
        raise ValueError("sector size")
    size = 1 << shift
    numbers = size // 4
    directory, cutoff, mini_fat, _, difat = struct.unpack_from("<I4xIIII", data, 48)

    def sector(number: int) -> bytes:
        found = data[(number + 1) << shift : (number + 2) << shift]
        if not found:
            raise ValueError("sector out of bounds")
        return found

    def values(raw: bytes) -> list[int]:
        return list(struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4]))

    most = len(data) >> shift
    fat_sectors = [number for number in struct.unpack_from("<109I", data, 76) if number < _END_OF_CHAIN]
    steps = 0
    while difat < _END_OF_CHAIN:
        steps += 1
        if steps > most:
            raise ValueError("endless chain")
        *further, difat = values(sector(difat).ljust(size, b"\xff"))[:numbers]
        fat_sectors += [number for number in further if number < _END_OF_CHAIN]
    if len(fat_sectors) > most:
        raise ValueError("more sectors than bytes")
    fat = [number for each in fat_sectors for number in values(sector(each))]

    def chain(start: int, table: list[int]) -> list[int]:
        found: list[int] = []
        while start < _END_OF_CHAIN:
            found.append(start)
            if len(found) > len(table):
                raise ValueError("endless chain")
            start = table[start]
        return found

    def contents(start: int) -> bytes:
        return b"".join(sector(number) for number in chain(start, fat))

    mini = values(contents(mini_fat))
    entries = contents(directory)
    if len(entries) % 128:
        raise ValueError("half an entry")
    streams = []
    for position in range(0, len(entries), 128):
        kind = entries[position + 66]
        start, length = struct.unpack_from("<II", entries, position + 116)
        if kind == 2 and length < cutoff:
            chain(start, mini) if start < len(mini) else []
        elif kind in (2, 5) and start < _END_OF_CHAIN:
            found = contents(start)
            if kind == 2:
                streams.append(found[:length])
    return streams


def _biff_cells(stream: bytes) -> int:
    """The grids that the sheets in a stream of BIFF records span, by their cells and by the size they claim."""
    total = largest = rows = columns = position = 0
    while position + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, position)
        body = stream[position + 4 : position + 4 + length]
        position += 4 + length
        if kind == _BIFF_SHEET:
            total += largest
            largest = rows = columns = 0
        elif kind in _BIFF_CELLS and len(body) >= 4:
            row, column = struct.unpack_from("<HH", body)
            if kind in _BIFF_SEVERAL:
                column = max(column, struct.unpack_from("<H", body, len(body) - 2)[0])
            rows, columns = max(rows, row + 1), max(columns, column + 1)
            largest = max(largest, rows * columns)
        elif kind == _BIFF_SIZE and len(body) in (10, 14):
            first, last, left, right = struct.unpack_from("<HHHH" if len(body) == 10 else "<IIHH", body)
            largest = max(largest, (last - first) * (right - left))
    return total + largest
