"""What a page shows of a dataset."""

from __future__ import annotations

from dataclasses import dataclass, field

from sft_keras.spaces.datasets import DatasetInfo


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
        part_rows: Usable rows of the files of their own for "validation" and "test".
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
    part_rows: dict[str, int] = field(default_factory=dict)
