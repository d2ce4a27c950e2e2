"""Texts in files of their own, in one folder for each label; a folder on disk or the members of a zip archive."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from sft_keras.data.decoding import decode
from sft_keras.errors import DataError
from sft_keras.settings import Settings

COLUMNS = ["text", "label", "file"]
_BETWEEN = "\n--- next file ---\n"
_FIX = "Choose one file, or a folder that holds one folder of .txt files for each label."

Entry = tuple[PurePosixPath, Callable[[int], bytes]]


def read_class_folders(folder: Path, settings: Settings) -> tuple[list[list[str]], list[str]]:
    """Rows of text, label and file from a folder with one folder of .txt files for each label, and notes.

    Raises:
        DataError: The folder holds something else, or too much.
    """
    try:
        paths = sorted(path for path in folder.rglob("*.[tT][xX][tT]") if path.is_file() and not path.is_symlink())
        entries = [(PurePosixPath(path.relative_to(folder).as_posix()), _opener(path)) for path in paths]
        return _rows(entries, str(folder), settings)
    except OSError as error:
        raise DataError(
            f"The folder cannot be read: {error.strerror or error}.", where=str(folder), fix="Check its permissions."
        ) from None


def are_class_members(names: Iterable[str]) -> bool:
    """True if the members of an archive are .txt files in at least two folders side by side."""
    paths = [PurePosixPath(name) for name in names]
    if not paths or any(path.suffix.lower() != ".txt" or len(path.parts) < 2 for path in paths):
        return False
    return len({path.parts[:-2] for path in paths}) == 1 and len({path.parts[-2] for path in paths}) > 1


def class_members(data: bytes) -> list[str]:
    """The names of the members if the bytes are a zip archive of texts in one folder for each label, else none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [member_name(member) for member in real_members(archive)]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []
    return names if are_class_members(names) else []


def read_class_members(data: bytes, where: str, settings: Settings) -> tuple[list[list[str]], list[str]]:
    """Likewise from a zip archive in which `class_members` found texts.

    Raises:
        DataError: The archive is damaged, protected, or too large.
    """

    def opener(member: zipfile.ZipInfo) -> Callable[[int], bytes]:
        def read(most: int) -> bytes:
            with archive.open(member) as stream:
                return stream.read(most)

        return read

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = real_members(archive)
            if any(member.flag_bits & 1 for member in members):
                raise DataError(
                    "The zip archive is protected by a password.", where=where, fix="Pack it without a password."
                )
            named = sorted(((PurePosixPath(member_name(m)), opener(m)) for m in members), key=lambda entry: entry[0])
            return _rows(named, where, settings)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, NotImplementedError, RuntimeError, ValueError):
        raise DataError(
            "The zip archive is damaged or incomplete.", where=where, fix="Download or export it again."
        ) from None


def real_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files in an archive, without what operating systems leave in it."""
    return [
        member
        for member in archive.infolist()
        if not member.is_dir()
        and not member.filename.startswith("__MACOSX/")
        and PurePosixPath(member.filename).name not in {".DS_Store", "Thumbs.db"}
    ]


def member_name(member: zipfile.ZipInfo) -> str:
    """The name of a member; programs on Chinese Windows write GBK where the format knows only code page 437."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        raw = member.filename.encode("cp437")
    except UnicodeEncodeError:
        return member.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return member.filename


def _opener(path: Path) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        with path.open("rb") as stream:
            return stream.read(most)

    return read


def _rows(entries: list[Entry], where: str, settings: Settings) -> tuple[list[list[str]], list[str]]:
    names = [str(name) for name, _ in entries]
    if not are_class_members(names):
        raise _other_folder(names, where)
    if len(entries) > settings.max_rows:
        raise DataError(
            f"The folder has more files than the limit of {settings.max_rows:,} rows. Received: {len(entries):,}",
            where=where,
            fix="Use fewer files, or raise the limit with the environment variable SFT_MAX_ROWS.",
        )
    left = settings.max_file_bytes
    contents = []
    for _, read in entries:
        contents.append(read(left + 1))
        left -= len(contents[-1])
        if left < 0:
            raise DataError(
                f"The files are together larger than the limit of {settings.max_file_mib:g} MiB.",
                where=where,
                fix="Use fewer files, or raise the limit with the environment variable SFT_MAX_FILE_MIB.",
            )
    texts, notes = _decoded(contents, names, where)
    labels = [name.parts[-2] for name, _ in entries]
    rows = [
        [re.sub(r"\r\n?", "\n", text).strip(), label, name]
        for text, label, name in zip(texts, labels, names, strict=True)
    ]
    told = f"Format: one folder for each label; {len(rows)} files in {len(set(labels))} folders."
    return rows, [told, *notes]


def _decoded(contents: list[bytes], names: list[str], where: str) -> tuple[list[str], list[str]]:
    """The texts; files that are not UTF-8 are looked at together, since one alone may be too short to tell."""
    texts: list[str | None] = []
    for data in contents:
        try:
            texts.append(data.decode("utf-8-sig") if b"\x00" not in data else None)
        except UnicodeDecodeError:
            texts.append(None)
    open_ones = [i for i, text in enumerate(texts) if text is None]
    if not open_ones:
        return [text or "" for text in texts], ["Encoding: UTF-8."]
    told: dict[str, None] = {"Encoding: UTF-8.": None} if len(open_ones) < len(texts) else {}
    marked = any(contents[i].startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in contents[i] for i in open_ones)
    pieces: list[str] = []
    if not marked:
        joined, notes = decode(_BETWEEN.encode().join(contents[i] for i in open_ones), where)
        pieces = joined.split(_BETWEEN)
        told.update(dict.fromkeys(notes))
    if len(pieces) != len(open_ones):
        found = [decode(contents[i], f"{where}, {names[i]}") for i in open_ones]
        pieces = [text for text, _ in found]
        told.update(dict.fromkeys(note for _, notes in found for note in notes))
    for i, piece in zip(open_ones, pieces, strict=True):
        texts[i] = piece
    return [text or "" for text in texts], list(told)


def _other_folder(names: list[str], where: str) -> DataError:
    above = sorted({PurePosixPath(name).parts[0] for name in names if len(PurePosixPath(name).parts) > 2})
    if not names:
        return DataError(
            "A folder was given where a file is needed; it holds no folders of .txt files.", where=where, fix=_FIX
        )
    if len(above) > 1:
        return DataError(
            f"The folders of texts lie in different folders. Received: {', '.join(above[:5])}",
            where=where,
            fix=f"Choose one of them, such as {above[0]}.",
        )
    return DataError(
        "A folder was given where a file is needed; its .txt files do not lie in one folder for each label."
        f" Received: {', '.join(names[:3])}",
        where=where,
        fix=_FIX,
    )
