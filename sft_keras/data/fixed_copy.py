"""A mended copy of a file, and beside it the list of what was changed; the original is never written to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sft_keras.data.fixes import Fixed, change_rows
from sft_keras.data.headers import has_header
from sft_keras.data.writers import SEPARATORS, open_writer, require_writable
from sft_keras.errors import DataError
from sft_keras.places import given_path


def changes_path(out: Path) -> Path:
    """Where the list of changes goes: `clean.changes.csv` beside `clean.csv`."""
    return out.with_name(f"{out.stem}.changes.csv")


def require_free(out: Path, originals: Sequence[str], *, force: bool) -> None:
    """Makes sure that both files can be written, before the long work.

    Args:
        out: The copy.
        originals: The files that are read, or `sample:NAME`.
        force: Files that are there may be replaced, unless they are among the originals.

    Raises:
        DataError: They cannot.
    """
    if not out.name:
        raise DataError("The copy needs a name.", where=str(out), fix="Give one, such as clean.csv.")
    for path in (out, changes_path(out)):
        for original in originals:
            if _is_same(path, given_path(original, "data")):
                raise DataError(
                    "The copy would replace a file that it is made from.", where=str(path), fix="Choose another name."
                )
        require_writable(path, overwrite=force)


def write_copy(fixed: Fixed, out: Path, *, force: bool = False) -> Path:
    """Writes the copy (.csv, .tsv, .jsonl by its ending) and the list of changes; returns the path of the list.

    Raises:
        DataError: They cannot be written, or the copy could not be read again.
    """
    frame = fixed.table.frame
    names = [str(name) for name in frame.columns]
    rows = frame.to_numpy().tolist()
    if out.suffix.lower() in SEPARATORS and not has_header([names, *rows]):
        raise DataError(
            f"In this format, nobody could tell the column names from a row. Received: {', '.join(names)[:200]}",
            where=str(out),
            fix="Give a name that ends in .jsonl, or name the columns text and label in your file.",
        )
    columns, changes = change_rows(fixed.changes)
    beside = changes_path(out)
    with open_writer(out, names, overwrite=force) as write, open_writer(beside, columns, overwrite=force) as tell:
        for row in rows:
            write(row)
        for change in changes:
            tell(change)
    return beside


def _is_same(path: Path, original: Path) -> bool:
    try:
        return path.samefile(original)
    except OSError:
        return False
