"""The datasets of an owner: an upload or a sample, what is in it, and the fixes that are laid over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sft_keras.services.space.base import OwnedFolder


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


@dataclass(frozen=True)
class FoundView:
    """One finding of the checks, in the words of a language.

    Attributes:
        code: A stable name.
        severity: "error", "warning" or "info".
        message: What was found.
        consequence: What follows.
        rows: Up to ten row numbers, from 1.
        part: "training", "validation" or "test".
        fixable: Whether `set_fixes` knows this code.
    """

    code: str
    severity: str
    message: str
    consequence: str
    rows: tuple[int, ...]
    part: str
    fixable: bool


@dataclass(frozen=True)
class LengthBins:
    """A histogram of the lengths of the texts.

    Attributes:
        unit: "characters" or "tokens".
        edges: Edges of the bins, one more than `counts`.
        counts: Texts in each bin.
        cut: How many are longer than `limit`; None if lengths are in characters.
        limit: The longest text that the model reads, in tokens.
    """

    unit: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    cut: int | None
    limit: int


@dataclass(frozen=True)
class DatasetView:
    """What is in a dataset, with its fixes applied.

    Attributes:
        info: The dataset.
        columns: Names of all columns.
        text_column: The column that is used.
        label_column: Likewise.
        reasons: Why these columns, one sentence each.
        notes: How the file was read, one sentence each.
        header: Names of the columns of the preview.
        preview: The first rows, cut to a readable length.
        rows: Rows in the file.
        usable_rows: Rows that can be trained with.
        class_counts: Rows of each label, most frequent first.
        lengths: Histogram of the lengths.
        findings: What was found.
        ok: False if an error stops a training.
    """

    info: DatasetInfo
    columns: tuple[str, ...]
    text_column: str
    label_column: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    header: tuple[str, ...]
    preview: tuple[tuple[str, ...], ...]
    rows: int
    usable_rows: int
    class_counts: dict[str, int]
    lengths: LengthBins
    findings: tuple[FoundView, ...]
    ok: bool


class DatasetSpace(OwnedFolder):
    """Datasets. All errors are `SftError`."""

    def add_upload(self, path: Path, name: str) -> DatasetInfo:
        """Copies an uploaded file into the owner's folder and reads it once, so that a bad file is refused now.

        Args:
            path: Where the upload lies now.
            name: The name that the person's file had; only its last part is used.
        """
        raise NotImplementedError

    def add_sample(self, name: str) -> DatasetInfo:
        """Takes a sample; the same sample twice is the same dataset."""
        raise NotImplementedError

    def add_part(self, dataset: str, part: str, path: Path | None, name: str = "") -> DatasetInfo:
        """Gives a dataset its own "validation" or "test" file, or takes it away (path None)."""
        raise NotImplementedError

    def datasets(self) -> list[DatasetInfo]:
        """This owner's datasets, newest first."""
        raise NotImplementedError

    def dataset(self, dataset: str) -> DatasetInfo:
        """One of them."""
        raise NotImplementedError

    def delete_dataset(self, dataset: str) -> None:
        """Deletes a dataset; runs keep their own rows."""
        raise NotImplementedError

    def choose_columns(self, dataset: str, text: str | None, label: str | None) -> DatasetInfo:
        """Records the columns to use; None finds them."""
        raise NotImplementedError

    def set_fixes(self, dataset: str, kinds: Sequence[str]) -> DatasetInfo:
        """Records which kinds of fixes are laid over the file (`data.findings.FIXABLE`)."""
        raise NotImplementedError

    def inspect(self, dataset: str, *, max_length: int = 256, language: str = "en") -> DatasetView:
        """What is in it, with the fixes applied; big files are looked at by a sample of rows, which a note says."""
        raise NotImplementedError

    def fixed_file(self, dataset: str) -> Path:
        """A file that a training may read: the original, or a copy with the fixes, made when it is needed."""
        raise NotImplementedError

    def part_file(self, dataset: str, part: str) -> Path | None:
        """The given "validation" or "test" file."""
        raise NotImplementedError
