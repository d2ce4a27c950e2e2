"""The datasets of an owner: an upload or a sample, what is in it, and the fixes that are laid over it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sft_keras.errors import ConfigError, did_you_mean
from sft_keras.places import told_as
from sft_keras.services.space.base import OwnedFolder, new_id
from sft_keras.services.space.dataset_views import DatasetView, FoundView, LengthBins
from sft_keras.spaces.datasets import PARTS, DatasetFolder, DatasetFolders, DatasetInfo, Part
from sft_keras.spaces.room import require_free_disk
from sft_keras.training.progress import Silent

if TYPE_CHECKING:
    from sft_keras.config import RunConfig
    from sft_keras.data.columns import Columns
    from sft_keras.data.examples import Examples
    from sft_keras.data.readers import Table
    from sft_keras.services.space.look import Look

__all__ = ["DatasetInfo", "DatasetSpace", "DatasetView", "FoundView", "LengthBins"]


class DatasetSpace(OwnedFolder):
    """Datasets. All errors are `SftError`."""

    def add_upload(self, path: Path, name: str) -> DatasetInfo:
        """Copies an uploaded file into the owner's folder and reads it once, so that a bad file is refused now.

        Args:
            path: Where the upload lies now.
            name: The name that the person's file had; only its last part is used.
        """
        return self._folders().add(name, path, dataset=new_id(), kind="upload", check=self._require_readable)

    def add_sample(self, name: str) -> DatasetInfo:
        """Takes a sample, which is brought first if it is not here; the same sample twice is the same dataset."""
        from sft_keras.data.samples import fetch_samples

        (path,) = fetch_samples(self.settings, [name], lambda _: None)
        dataset = hashlib.sha256(f"{self.owner_id} {name}".encode()).hexdigest()[:32]
        return self._folders().add(name, path, dataset=dataset, kind="sample", check=lambda _path, _name: None)

    def add_part(self, dataset: str, part: str, path: Path | None, name: str = "") -> DatasetInfo:
        """Gives a dataset its own "validation" or "test" file, or takes it away (path None)."""
        if path is not None:
            require_free_disk(self.settings, self.settings.max_upload_bytes, where=name)
        return self._dataset(dataset).set_part(
            _known_part(part), path, name, self.settings.max_upload_bytes, self._require_readable
        )

    def datasets(self) -> list[DatasetInfo]:
        """This owner's datasets, newest first."""
        return self._folders().all()

    def dataset(self, dataset: str) -> DatasetInfo:
        """One of them."""
        return self._dataset(dataset).info()

    def delete_dataset(self, dataset: str) -> None:
        """Deletes a dataset; runs keep their own rows."""
        self._folders().remove(self._dataset(dataset).path.name)

    def choose_columns(self, dataset: str, text: str | None, label: str | None) -> DatasetInfo:
        """Records the columns to use; None finds them.

        Raises:
            DataError: There is no such column, or one is to have two roles.
        """
        from sft_keras.data.columns import choose_columns

        folder = self._dataset(dataset)
        if text is not None or label is not None:
            table = self._table(folder)
            choose_columns(table.frame, text=text, label=label, source=table.source)
        return folder.change(lambda _: {"text_column": text, "label_column": label})

    def chosen_columns(self, dataset: str) -> tuple[str, str]:
        """Names of the columns of the texts and the labels, as they were chosen or found in the original.

        Raises:
            DataError: They cannot be told.
        """
        columns = self._columns(self._table(folder := self._dataset(dataset)), folder.info())
        return columns.text, columns.label

    def set_fixes(self, dataset: str, kinds: Sequence[str]) -> DatasetInfo:
        """Records which kinds of fixes are laid over the file (`data.findings.FIXABLE`).

        Raises:
            ConfigError: There is no such kind.
        """
        from sft_keras.data.findings import FIXABLE

        for kind in kinds:
            if kind not in FIXABLE:
                raise ConfigError(f'There is no fix "{kind}".', where="fixes", fix=did_you_mean(kind, FIXABLE))
        return self._dataset(dataset).change(lambda _: {"fixes": tuple(k for k in FIXABLE if k in set(kinds))})

    def inspect(self, dataset: str, *, max_length: int = 256, language: str = "en") -> DatasetView:
        """What is in it, with the fixes applied.

        Of large files, look-alikes and lengths are measured on some of the rows, which a note says. Row numbers are
        those of the file, whatever fixes drop.

        Args:
            dataset: Its id.
            max_length: The longest text that the model reads, in tokens.
            language: The language of the findings, "en" or "zh".

        Raises:
            DataError: The file cannot be read any more, or the fixes would leave no row.
        """
        from sft_keras.services.space.look import view

        folder = self._dataset(dataset)
        info = folder.info()
        key = ("look", str(folder.path), repr(info), repr(self._part_stamps(folder)), max_length)
        return view(info, self.installation.memory.get(key, lambda: self._look(folder, info, max_length)), language)

    def fixed_file(self, dataset: str) -> Path:
        """A file that a training may read: the original, or a copy with the fixes, made when it is needed."""
        from sft_keras.data.fixed_copy import write_copy
        from sft_keras.data.fixes import fix_table

        folder = self._dataset(dataset)
        info = folder.info()
        if not info.fixes:
            return folder.original
        told = json.dumps([info.fixes, info.text_column, info.label_column, self._part_stamps(folder)])
        place = folder.path / f"fixed-{hashlib.sha256(told.encode()).hexdigest()[:16]}.jsonl"
        with folder.locked():
            if not place.is_file():
                table = self._table(folder)
                columns = self._columns(table, info)
                with told_as(place, info.name):
                    write_copy(
                        fix_table(table, columns, kinds=info.fixes, parts=self._parts(folder, info)), place, force=True
                    )
                folder.drop_copies(keep=place)
        return place

    def part_file(self, dataset: str, part: str) -> Path | None:
        """The given "validation" or "test" file."""
        return self._dataset(dataset).part(_known_part(part))

    def _look(self, folder: DatasetFolder, info: DatasetInfo, max_length: int) -> Look:
        from sft_keras.services.space.look import look

        table = self._table(folder)
        return look(table, info, self.settings, self._parts(folder, info), max_length)

    def _folders(self) -> DatasetFolders:
        return DatasetFolders(self.folder / "datasets", self.settings)

    def _dataset(self, dataset: str) -> DatasetFolder:
        return DatasetFolder(self.place("datasets", dataset))

    def _require_readable(self, path: Path, name: str) -> None:
        """Refuses a file that cannot be read, or that has no two columns."""
        from sft_keras.data.columns import choose_columns

        table = self._read(path, name)
        if len(table.frame.columns) < 2:
            choose_columns(table.frame, source=name)

    def _table(self, folder: DatasetFolder) -> Table:
        return self._read(folder.original, folder.info().name)

    def _read(self, path: Path, name: str) -> Table:
        from dataclasses import replace

        from sft_keras.data.readers import read_table

        with told_as(path, name, SFT_MAX_FILE_MIB="SFT_MAX_UPLOAD_MIB"):
            table = read_table(path, replace(self.settings, max_file_mib=self.settings.max_upload_bytes // 2**20))
        return replace(table, source=name)

    def _columns(self, table: Table, info: DatasetInfo) -> Columns:
        from sft_keras.data.columns import choose_columns

        return choose_columns(table.frame, text=info.text_column, label=info.label_column, source=table.source)

    def _parts(self, folder: DatasetFolder, info: DatasetInfo) -> dict[str, Examples]:
        """The rows of the other files; columns that these lack are found by name there."""
        from sft_keras.runs.prepare import read_examples

        found: dict[str, Examples] = {}
        for part in PARTS:
            name, path = getattr(info, part), folder.part(part)
            if name and path:
                found[part] = read_examples(self._read(path, name), self._config(info), self.settings, Silent())
        return found

    def _config(self, info: DatasetInfo) -> RunConfig:
        from sft_keras.config import RunConfig

        return RunConfig.parse({"data": {"text_column": info.text_column, "label_column": info.label_column}})

    def _part_stamps(self, folder: DatasetFolder) -> list[list[str | int]]:
        """What changes when another file is given for a part."""
        paths = [path for part in PARTS if (path := folder.part(part))]
        return [[path.name, path.stat().st_mtime_ns, path.stat().st_size] for path in paths]


def _known_part(part: str) -> Part:
    for known in PARTS:
        if part == known:
            return known
    raise ConfigError(f'There is no part "{part}".', where="part", fix=did_you_mean(part, PARTS))
