"""Small files that appear whole or not at all, and copies of what people upload."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sft_keras.errors import ArtifactError, DataError

CHUNK = 1024 * 1024


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A place to write to; what was written there gets the name `path` in one step if nothing went wrong."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Mapping[str, Any], *, private: bool = False) -> None:
    """Replaces a JSON file in one step.

    Args:
        path: The file; its folder exists.
        value: What it holds.
        private: Only this user of the machine may read it.

    Raises:
        ArtifactError: The disk is full or not writable.
    """
    text = json.dumps(value, ensure_ascii=False, indent=1)
    try:
        with beside(path) as temporary:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise ArtifactError(
            f"This could not be saved: {error.strerror or error}.", fix="Free space on the disk, then try again."
        ) from None


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None if the file is missing, damaged or holds something else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def copy_limited(source: Path, target: Path, max_bytes: int, name: str) -> None:
    """Copies a file, which must not be larger than the limit, even if it grows meanwhile.

    Args:
        source: The upload.
        target: The new file.
        max_bytes: Most bytes.
        name: What the person calls the file, for messages.

    Raises:
        DataError: It is too large, or the disk is full.
    """
    try:
        with source.open("rb") as stream, target.open("xb") as out:
            left = max_bytes
            while chunk := stream.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise too_large(max_bytes, name)
                out.write(chunk)
    except OSError as error:
        raise DataError(
            f"The upload could not be saved: {error.strerror or error}.", where=name, fix="Try again in a while."
        ) from None


def too_large(max_bytes: int, name: str) -> DataError:
    """The error for an upload over the limit on its size."""
    return DataError(
        f"The file is larger than the limit of {max_bytes / CHUNK:g} MiB.",
        where=name,
        fix="Use fewer rows, or raise the limit with the environment variable SFT_MAX_UPLOAD_MIB.",
    )


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in a folder; files that vanish meanwhile count as nothing."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size
    return total


def remove_folder(folder: Path) -> None:
    """Makes a folder vanish in one step, then deletes what is in it."""
    gone = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.gone")
    try:
        folder.rename(gone)
    except FileNotFoundError:
        return
    shutil.rmtree(gone, ignore_errors=True)
