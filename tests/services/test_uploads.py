"""Uploads lie in a folder of their own, which cannot fill the disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sft_keras.errors import DataError
from sft_keras.services.uploads import OLDEST_SECONDS, SMALLEST, Uploads
from sft_keras.settings import MIB, Settings


def lay(uploads: Uploads, name: str, size: int, age: float = 0) -> Path:
    """A file that was uploaded some seconds ago."""
    file = uploads.folder / "sha" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        stream.truncate(size)
    os.utime(file, (time.time() - age,) * 2)
    return file


def test_gradio_is_told_a_place_of_the_app(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    uploads = Uploads(Settings(data_dir=tmp_path), environment)
    uploads.take_in()
    assert environment["GRADIO_TEMP_DIR"] == str(tmp_path / "uploads")


def test_of_a_folder_that_was_named_only_a_part_is_emptied(tmp_path: Path) -> None:
    given = tmp_path / "tmp"
    uploads, other = (
        Uploads(Settings(data_dir=tmp_path / name), {"GRADIO_TEMP_DIR": str(given)}) for name in ("one", "two")
    )
    assert uploads.folder.parent == given == other.folder.parent
    file, foreign = lay(uploads, "mine.csv", 1, age=60), lay(other, "theirs.csv", 1, age=60)
    uploads.forget_earlier()
    assert (file.exists(), foreign.exists()) == (False, True)


def test_a_start_keeps_nothing_of_before(tmp_path: Path) -> None:
    earlier = Uploads(Settings(data_dir=tmp_path), {})
    lay(earlier, "old.csv", 1, age=60)
    uploads = Uploads(Settings(data_dir=tmp_path), {})
    new = lay(uploads, "new.csv", 1, age=-1)
    uploads.forget_earlier()
    assert [file for file in uploads.folder.rglob("*") if file.is_file()] == [new]


def test_no_more_fits_than_is_allowed(tmp_path: Path) -> None:
    uploads = Uploads(Settings(data_dir=tmp_path, max_uploads_mib=3, max_upload_mib=1), {})
    uploads.require_room(3 * MIB)
    lay(uploads, "a.csv", 2 * MIB)
    uploads.require_room(MIB)
    with pytest.raises(DataError, match="too many uploads"):
        uploads.require_room(MIB + 1)
    for i in range(MIB // SMALLEST + 1):
        lay(uploads, f"empty{i}", 0)
    with pytest.raises(DataError, match="too many uploads"):  # nor so many that no more can lie there
        uploads.require_room()


def test_what_is_old_makes_room(tmp_path: Path) -> None:
    uploads = Uploads(Settings(data_dir=tmp_path, max_uploads_mib=3, max_upload_mib=1), {})
    old = lay(uploads, "a.csv", 3 * MIB, age=OLDEST_SECONDS + 5)
    uploads.require_room(MIB)
    assert not old.exists()


def test_one_upload_fits_whatever_is_set(tmp_path: Path) -> None:
    Uploads(Settings(data_dir=tmp_path, max_uploads_mib=1, max_upload_mib=5), {}).require_room(5 * MIB)
