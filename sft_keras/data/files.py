"""Takes the bytes out of a user's file, packed or not, without trusting its name, its size or its headers."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from sft_keras.data.class_folders import class_members, real_members
from sft_keras.errors import DataError

CHUNK = 1024 * 1024

# What a file of another kind begins with, and what to tell the person who chose it.
FOREIGN_MAGIC = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x80\x04\x95", "a Python pickle, which is never opened because it can run code"),
    (b"{\\rtf", "a rich-text document"),
)
SAVE_AS = "Save it as CSV, TSV, JSON, JSON Lines, Parquet or XLSX."


@dataclass(frozen=True)
class Content:
    """The bytes of one file after unpacking, and the name that tells its format."""

    data: bytes
    name: str
    notes: tuple[str, ...] = ()

    @property
    def extension(self) -> str:
        """The last extension in lower case, without the dot."""
        return PurePosixPath(self.name).suffix.lower().lstrip(".")


def read_content(path: Path, max_bytes: int) -> Content:
    """Reads a file and unpacks it if it is gzip or a zip archive with one member.

    Args:
        path: The file.
        max_bytes: Most bytes, both in the file and after unpacking.

    Returns:
        The contents; an archive of texts in folders comes as it is, see `class_folders`.

    Raises:
        DataError: The file is missing, not a file, unreadable, too large, damaged, or of a foreign kind.
    """
    where = str(path)
    try:
        if not path.exists():
            raise DataError("The file does not exist.", where=where, fix="Check the path and the spelling.")
        if not path.is_file():
            raise DataError("This is not a regular file.", where=where, fix="Copy the contents to a file on disk.")
        if path.stat().st_size > max_bytes:  # before any of it is read
            raise over_limit(max_bytes, where)
        with path.open("rb") as stream:
            data = _read_limited(stream, max_bytes, where)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"The file cannot be read: {reason}.", where=where, fix="Check the path and that you may open the file."
        ) from None
    return _unpack(Content(data, path.name), max_bytes, where)


def spreadsheet_members(data: bytes) -> zipfile.ZipFile | None:
    """The archive if these bytes are an XLSX, XLSB or ODS workbook, else None."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None
    names = set(archive.namelist())
    return archive if "[Content_Types].xml" in names or {"mimetype", "content.xml"} <= names else None


def refuse_foreign(content: Content, where: str) -> None:
    """Raises `DataError` if the first bytes tell a format that holds no table."""
    for magic, kind in FOREIGN_MAGIC:
        if content.data.startswith(magic):
            raise DataError(f"The file is {kind}.", where=where, fix=SAVE_AS)
    if content.data[257:262] == b"ustar":
        raise DataError("The file is a tar archive.", where=where, fix="Unpack it and choose one file in it.")


def _read_limited(stream: IO[bytes] | gzip.GzipFile, max_bytes: int, where: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    while chunk := stream.read(CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise over_limit(max_bytes, where)
        parts.append(chunk)
    return b"".join(parts)


def _unpack(content: Content, max_bytes: int, where: str) -> Content:
    if content.data.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(io.BytesIO(content.data)) as stream:
                data = _read_limited(stream, max_bytes, where)
        except (OSError, EOFError, zlib.error):
            raise _damaged("gzip file", where) from None
        return Content(data, re.sub(r"(?i)\.gz$", "", content.name), ("Unpacked from gzip.",))
    looks_like_zip = content.data.startswith((b"PK\x03\x04", b"PK\x05\x06"))
    if not looks_like_zip or spreadsheet_members(content.data) is not None:
        return content
    if content.extension in {"xlsx", "xlsm", "xlsb", "ods"}:
        raise _damaged("workbook", where)
    if class_members(content.data):
        return content
    return _unzip(content, max_bytes, where)


def _unzip(content: Content, max_bytes: int, where: str) -> Content:
    try:
        with zipfile.ZipFile(io.BytesIO(content.data)) as archive:
            members = real_members(archive)
            if len(members) != 1:
                names = ", ".join(m.filename for m in members[:5]) or "none"
                raise DataError(
                    f"A zip archive must hold exactly one file. Received: {len(members)} files ({names})",
                    where=where,
                    fix="Unpack it and choose one file, or pack that file alone.",
                )
            member = members[0]
            if member.flag_bits & 1:
                raise DataError(
                    "The zip archive is protected by a password.", where=where, fix="Pack it without a password."
                )
            with archive.open(member) as stream:
                data = _read_limited(stream, max_bytes, where)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, NotImplementedError, RuntimeError, ValueError):
        raise _damaged("zip archive", where) from None
    inner = Content(data, PurePosixPath(member.filename).name, (f"Unpacked {member.filename} from a zip archive.",))
    # A workbook inside a zip is fine; a further archive would hide its size again.
    if data.startswith(b"\x1f\x8b") or (data.startswith(b"PK\x03\x04") and spreadsheet_members(data) is None):
        raise DataError("The zip archive holds another archive.", where=where, fix="Unpack it once and try again.")
    return inner


def over_limit(max_bytes: int, where: str) -> DataError:
    """The error for a file over the limit on its size."""
    return DataError(
        f"The file is larger than the limit of {max_bytes / CHUNK:g} MiB (counted after unpacking).",
        where=where,
        fix="Use fewer rows, or raise the limit with the environment variable SFT_MAX_FILE_MIB.",
    )


def _damaged(kind: str, where: str) -> DataError:
    return DataError(f"The {kind} is damaged or incomplete.", where=where, fix="Download or export it again.")
