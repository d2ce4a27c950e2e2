"""Rows to a file, one at a time; the file appears under its name when it is complete."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from sft_keras.errors import DataError

Write = Callable[[Sequence[str]], None]
SEPARATORS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")


@contextlib.contextmanager
def open_writer(path: Path, columns: Sequence[str], *, overwrite: bool = False) -> Iterator[Write]:
    """Opens a table for writing.

    Args:
        path: Ends in .csv or .tsv (UTF-8 with a mark that Excel understands), or .jsonl.
        columns: The header; the keys of JSON lines.
        overwrite: A file that is there is replaced.

    Yields:
        A function that writes a row of as many cells.

    Raises:
        DataError: The ending is another, the file exists, or the place is not writable.
    """
    require_writable(path, overwrite=overwrite)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    ending = path.suffix.lower()
    try:
        encoding = "utf-8" if ending in JSON_LINES else "utf-8-sig"
        with temporary.open("w", encoding=encoding, errors="replace", newline="") as file:
            yield _json_lines(file, columns) if ending in JSON_LINES else _table(file, columns, SEPARATORS[ending])
        temporary.replace(path)
    except OSError as error:
        raise _not_writable(error, path) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def require_writable(path: Path, *, overwrite: bool = False) -> None:
    """Makes sure that a table can be written here, before the long work.

    Raises:
        DataError: The ending is no table's, the file exists, or there is no such folder.
    """
    ending = path.suffix.lower()
    if ending not in SEPARATORS and ending not in JSON_LINES:
        raise DataError(
            f'A table cannot be written as "{path.suffix or path.name}".',
            where=str(path),
            fix="Give a name that ends in .csv, .tsv or .jsonl.",
        )
    try:
        taken, folder = path.exists() and not (overwrite and path.is_file()), path.parent.is_dir()
    except OSError as error:
        raise _not_writable(error, path) from None
    if taken:
        raise DataError(
            "The output file exists already; nothing is overwritten.", where=str(path), fix="Choose another name."
        )
    if not folder:
        raise DataError(
            "There is no folder for the output file.", where=str(path.parent), fix="Make it, or choose another place."
        )


def _not_writable(error: OSError, path: Path) -> DataError:
    return DataError(
        f"The output cannot be written: {error.strerror or error}",
        where=str(path),
        fix="Choose another place, on a disk with free space.",
    )


def _table(file: IO[str], columns: Sequence[str], separator: str) -> Write:
    writer = csv.writer(file, delimiter=separator)
    writer.writerow(columns)
    return writer.writerow


def _json_lines(file: IO[str], columns: Sequence[str]) -> Write:
    def write(row: Sequence[str]) -> None:
        file.write(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n")

    return write
