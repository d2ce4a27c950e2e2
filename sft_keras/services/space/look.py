"""A look at a dataset: worked out once, told in any language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.catalogue import translate_notes
from sft_keras.data.checks import DataReport, quick_draw
from sft_keras.data.columns import Columns, choose_columns
from sft_keras.data.examples import Examples
from sft_keras.data.findings import Finding
from sft_keras.data.fixes import Fixed, fix_table
from sft_keras.data.readers import Table
from sft_keras.errors import DataError
from sft_keras.services.data import data_report
from sft_keras.services.space.dataset_views import DatasetView, FoundView, LengthBins
from sft_keras.services.wording import told
from sft_keras.settings import Settings
from sft_keras.spaces.datasets import DatasetInfo

PREVIEW_ROWS, PREVIEW_CHARACTERS = 20, 200
BINS = 24
MEASURED = "The file is large: lengths and near-duplicates were measured on {n} of the rows."


@dataclass(frozen=True, eq=False)
class Look:
    """What was found; `report` and `columns` are None if the columns could not be told, which `problem` says.

    Attributes:
        names: All columns.
        columns: The columns that are used.
        notes: How the file was read.
        preview: The first rows.
        rows: Rows in the file.
        report: What the checks found.
        row_numbers: For each row that the fixes left, its number in the file.
        lengths: Histogram of the lengths.
        measured: Of how many texts lengths and look-alikes were measured, if not of all.
        problem: Why the columns could not be told.
    """

    names: tuple[str, ...]
    columns: Columns | None
    notes: tuple[str, ...]
    preview: tuple[tuple[str, ...], ...]
    rows: int
    report: DataReport | None
    row_numbers: np.ndarray
    lengths: LengthBins
    measured: int | None
    problem: DataError | None = None


def look(table: Table, info: DatasetInfo, settings: Settings, parts: Mapping[str, Examples], max_length: int) -> Look:
    """Looks a table over, with the fixes applied.

    Raises:
        DataError: The fixes would leave no row.
    """
    names = tuple(map(str, table.frame.columns))
    rows = len(table.frame)
    try:
        columns = choose_columns(table.frame, text=info.text_column, label=info.label_column, source=table.source)
    except DataError as error:
        lengths = LengthBins("characters", (0.0, 1.0), (0,), None, max_length)
        return Look(names, None, table.notes, _preview(table), rows, None, np.arange(0), lengths, None, error)
    fixed = fix_table(table, columns, kinds=info.fixes, parts=parts) if info.fixes else Fixed(table, ())
    dropped = {change.row for change in fixed.changes if change.action == "dropped"}
    numbers: list[np.ndarray] = []
    report = data_report(
        fixed.table,
        columns,
        RunConfig.parse({"model": {"max_length": max_length}}),
        settings,
        parts,
        quick=True,
        on_tokens=numbers.append,
    )
    texts = [text for text in fixed.table.frame[columns.text] if text.strip()]
    measured = len(quick_draw(texts))
    return Look(
        names=names,
        columns=columns,
        notes=table.notes,
        preview=_preview(fixed.table),
        rows=rows,
        report=report,
        row_numbers=np.array([row for row in range(1, rows + 1) if row not in dropped], dtype=np.int64),
        lengths=_bins(texts, numbers, report, max_length),
        measured=measured if measured < len(texts) else None,
    )


def view(info: DatasetInfo, found: Look, language: str) -> DatasetView:
    """What a page shows, in a language."""
    report, columns = found.report, found.columns
    if report is None or columns is None:
        problem = found.problem or DataError("The columns cannot be told.")
        words = told(problem, language)
        findings: tuple[FoundView, ...] = (
            FoundView("columns", "error", words.problem, words.fix, (), "training", False),
        )
    else:
        findings = tuple(_found(finding, found.row_numbers, language) for finding in report.findings)
    notes = list(found.notes)
    if found.measured is not None:
        notes.append(MEASURED.format(n=f"{found.measured:,}"))
    return DatasetView(
        info=info,
        columns=found.names,
        text_column=columns.text if columns else "",
        label_column=columns.label if columns else "",
        reasons=translate_notes(columns.reasons, language) if columns else (),
        notes=translate_notes(tuple(notes), language),
        header=found.names,
        preview=found.preview,
        rows=found.rows,
        usable_rows=report.usable_rows if report else 0,
        class_counts=dict(report.class_counts) if report else {},
        lengths=found.lengths,
        findings=findings,
        ok=report is not None and report.ok,
        part_rows=dict(report.part_rows) if report else {},
    )


def _found(finding: Finding, numbers: np.ndarray, language: str) -> FoundView:
    rows = finding.rows
    if finding.part == "training":
        rows = tuple(int(numbers[row - 1]) for row in rows)
    return FoundView(
        code=finding.code,
        severity=finding.severity,
        message=finding.told("message", language),
        consequence=finding.told("consequence", language),
        rows=rows,
        part=finding.part,
        fixable=finding.fixable,
    )


def _preview(table: Table) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(cell if len(cell) <= PREVIEW_CHARACTERS else f"{cell[:PREVIEW_CHARACTERS]}…" for cell in row)
        for row in table.frame.head(PREVIEW_ROWS).itertuples(index=False, name=None)
    )


def _bins(texts: list[str], tokens: list[np.ndarray], report: DataReport, max_length: int) -> LengthBins:
    """The lengths in tokens if they were counted, else in characters; the last bin holds all that is longer.

    A few very long texts would else squeeze all others into one bin.
    """
    values = tokens[0] if tokens else np.fromiter(map(len, texts), np.int64, count=len(texts))
    unit = "tokens" if tokens else "characters"
    cut = report.tokens.cut if report.tokens else None
    if not len(values):
        return LengthBins(unit, (0.0, 1.0), (0,), cut, max_length)
    longest = int(values.max())
    width = max(1, int(np.ceil(min(longest, float(np.percentile(values, 99)) * 1.2) / BINS)))
    edges = [float(width * i) for i in range(BINS + 1)]
    edges = edges[: int(np.ceil((longest + 1) / width)) + 1]
    edges[-1] = max(edges[-1], float(longest))
    counts = np.histogram(values, bins=edges)[0]
    return LengthBins(unit, tuple(edges), tuple(map(int, counts)), cut, max_length)
