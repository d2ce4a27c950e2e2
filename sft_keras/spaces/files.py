"""Copies of what people upload, the space that folders take, and folders that vanish in one step."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sft_keras.errors import ArtifactError, DataError
from sft_keras.json_files import write_json

CHUNK = 1024 * 1024


def save_json(path: Path, value: Mapping[str, Any], *, private: bool = False) -> None:
    """`write_json` for what people are told of.

    Raises:
        ArtifactError: The disk is full or not writable.
    """
    try:
        write_json(path, value, private=private)
    except OSError as error:
        raise ArtifactError(
            f"This could not be saved: {error.strerror or error}.", fix="Free space on the disk, then try again."
        ) from None


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
    """Space of all files in a folder; one with several names counts once, what vanishes meanwhile not at all."""
    sizes: dict[tuple[int, int], int] = {}
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    else:
                        found = entry.stat(follow_symlinks=False)
                        sizes[found.st_dev, found.st_ino] = found.st_size
        except OSError:  # it vanished meanwhile
            continue
    return sum(sizes.values())


def remove_folder(folder: Path) -> None:
    """Makes a folder vanish in one step, then deletes what is in it."""
    gone = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.gone")
    try:
        folder.rename(gone)
    except FileNotFoundError:
        return
    shutil.rmtree(gone, ignore_errors=True)
