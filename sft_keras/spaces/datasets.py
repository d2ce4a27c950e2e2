"""The folder of a dataset: the file as it was uploaded, what is known about it, and copies that can be made again.

`original.<ending>` is never written to again. `dataset.json` is replaced in one step. `fixed-….jsonl` is a copy
with the fixes, made when it is first asked for.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock
from pydantic import TypeAdapter

from sft_keras.errors import ArtifactError, DataError
from sft_keras.json_files import read_json
from sft_keras.settings import MIB, Settings
from sft_keras.spaces.files import copy_limited, folder_bytes, remove_folder, save_json
from sft_keras.spaces.names import kept_ending, shown_name
from sft_keras.spaces.room import require_free_disk

Part = Literal["validation", "test"]
PARTS: tuple[Part, ...] = ("validation", "test")
INFO = "dataset.json"


@dataclass(frozen=True)
class DatasetInfo:
    """A dataset in a listing.

    Attributes:
        id: Its id.
        name: What its owner calls it: the name of the file or of the sample.
        created: When it was added, ISO 8601 in UTC.
        source: "upload" or "sample".
        fixes: Kinds of fixes that are laid over it, in order; the file itself stays as it was.
        text_column: The column that was chosen by hand; None if it is found.
        label_column: Likewise.
        validation: Name of the given validation file, or None.
        test: Name of the given test file, or None.
    """

    id: str
    name: str
    created: str
    source: str
    fixes: tuple[str, ...] = ()
    text_column: str | None = None
    label_column: str | None = None
    validation: str | None = None
    test: str | None = None


_INFO = TypeAdapter(DatasetInfo)


class DatasetFolder:
    """A dataset on disk.

    Args:
        path: Its folder, whose name is its id.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def info(self) -> DatasetInfo:
        """What is known about it.

        Raises:
            ArtifactError: The folder is damaged.
        """
        values = read_json(self.path / INFO)
        try:
            return _INFO.validate_python({**values, "id": self.path.name})
        except ValueError:
            raise ArtifactError("This dataset is damaged.", fix="Delete it and add the file again.") from None

    def save(self, info: DatasetInfo) -> None:
        """Replaces what is known about it."""
        save_json(self.path / INFO, asdict(info))

    def change(self, make: Callable[[DatasetInfo], dict[str, Any]]) -> DatasetInfo:
        """Changes some of what is known about it, one change after the other."""
        with self.locked():
            info = self.info()
            changed = replace(info, **make(info))
            if changed != info:
                self.save(changed)
        return changed

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One change at a time, also from another page or process."""
        if not self.path.is_dir():
            raise no_dataset()
        with FileLock(str(self.path / ".lock"), timeout=30):
            yield

    @property
    def original(self) -> Path:
        """The file as it was uploaded.

        Raises:
            ArtifactError: It is gone.
        """
        return _only(self.path, "original")

    def part(self, part: Part) -> Path | None:
        """The file that was given for a part."""
        return _only(self.path, part) if getattr(self.info(), part) else None

    def set_part(self, part: Part, source: Path | None, name: str, max_bytes: int, check: Check) -> DatasetInfo:
        """Takes a file for a part, or takes it away; `check` sees the copy and refuses it by raising."""
        label = shown_name(name)
        place = self.path / f"{part}{kept_ending(label)}"
        incoming = self.path / f".{part}.incoming{kept_ending(label)}"
        with self.locked():
            try:
                if source is not None:
                    incoming.unlink(missing_ok=True)
                    copy_limited(source, incoming, max_bytes, label)
                    check(incoming, label)
                for old in self.path.glob(f"{part}*"):
                    old.unlink()
                if source is not None:
                    incoming.rename(place)
            finally:
                incoming.unlink(missing_ok=True)
            given = None if source is None else label
            info = replace(self.info(), validation=given) if part == "validation" else replace(self.info(), test=given)
            self.save(info)
        return info

    def drop_copies(self, keep: Path | None = None) -> None:
        """Deletes copies with fixes, but for the one to keep."""
        for path in self.path.glob("fixed-*"):
            if keep is None or not path.name.startswith(keep.stem):
                with contextlib.suppress(OSError):
                    path.unlink()


Check = Callable[[Path, str], None]


class DatasetFolders:
    """The datasets of an owner.

    Args:
        path: Their folder; it need not exist yet.
        settings: Gives the limits.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self.settings = settings

    def all(self) -> list[DatasetInfo]:
        """What is there, newest first; damaged ones are left out."""
        found = []
        for path in self.path.iterdir() if self.path.is_dir() else ():
            if not path.name.startswith(".") and path.is_dir():
                with contextlib.suppress(ArtifactError):
                    found.append(DatasetFolder(path).info())
        return sorted(found, key=lambda info: (info.created, info.id), reverse=True)

    def add(self, name: str, source: Path, *, dataset: str, kind: str, check: Check) -> DatasetInfo:
        """Copies a file into a new dataset, which is seen once it is complete.

        Args:
            name: What the person calls the file.
            source: Where it lies.
            dataset: The id.
            kind: "upload" or "sample".
            check: Reads the copy, and refuses it by raising; then nothing stays behind.

        Raises:
            DataError: The file is too large, there are too many datasets, or the disk is full.
        """
        label = shown_name(name)
        place = self.path / dataset
        temporary = self.path / f".{dataset}.part"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with FileLock(str(self.path / ".lock"), timeout=60):
                if kind == "sample" and place.is_dir():
                    return DatasetFolder(place).info()
                self._require_room(source, label)
                shutil.rmtree(temporary, ignore_errors=True)
                temporary.mkdir()
                copy = temporary / f"original{kept_ending(label) if kind == 'upload' else source.suffix}"
                copy_limited(source, copy, self.settings.max_upload_bytes, label)
                check(copy, label)
                created = datetime.now(UTC).isoformat(timespec="milliseconds")
                info = DatasetInfo(dataset, label, created, kind)
                DatasetFolder(temporary).save(info)
                temporary.rename(place)
                return info
        except OSError as error:
            raise DataError(
                f"The upload could not be saved: {error.strerror or error}.", where=label, fix="Try again in a while."
            ) from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def remove(self, dataset: str) -> None:
        """Deletes a dataset."""
        remove_folder(self.path / dataset)

    def _require_room(self, source: Path, name: str) -> None:
        require_free_disk(self.settings, source.stat().st_size, where=name)
        if len(self.all()) >= self.settings.max_datasets:
            raise DataError(
                f"There are {self.settings.max_datasets} datasets already, which is the limit.",
                where=name,
                fix="Delete one that you no longer need.",
            )
        if folder_bytes(self.path.parent) + source.stat().st_size > self.settings.max_owner_mib * MIB:
            raise DataError(
                f"Your data and models would take more than {self.settings.max_owner_mib:,} MiB, which is the limit.",
                where=name,
                fix="Delete datasets or runs that you no longer need.",
            )


def no_dataset() -> ArtifactError:
    """The error for an id that its owner does not have."""
    return ArtifactError("There is no such dataset.", fix="It may have been deleted.")


def _only(folder: Path, stem: str) -> Path:
    for path in sorted(folder.glob(f"{stem}*")):
        if path.name == stem or path.name.startswith(f"{stem}."):
            return path
    raise ArtifactError("The file of this dataset is gone.", fix="Delete the dataset and add the file again.")
