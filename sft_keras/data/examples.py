"""Labelled examples: what remains of a table once the columns are chosen and unusable rows are dropped."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sft_keras.data.columns import Columns
from sft_keras.data.readers import Table
from sft_keras.errors import DataError
from sft_keras.settings import Settings

FEWEST_ROWS = 8
MOST_GROUP_COLUMNS, MOST_GROUPS, LONGEST_GROUP = 20, 30, 100
_GROUP = "group:"
PARTS = ("training", "validation", "test")
FEWEST_ROWS_PER_CLASS = len(PARTS)


@dataclass(frozen=True, eq=False)
class Examples:
    """Texts with their labels.

    Attributes:
        texts: The texts as they stand in the file.
        labels: The labels as people wrote them, without surrounding white space.
        weights: float32 of shape [rows], or None if all rows weigh the same.
        rows: int64 of shape [rows]; the row numbers in the file from 1, header and blank lines not counted.
        source: The file or sample.
        groups: Further columns with few different values, by name, [rows] each: what a score can be divided by.
    """

    texts: list[str]
    labels: list[str]
    weights: np.ndarray | None
    rows: np.ndarray
    source: str = ""
    groups: Mapping[str, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, indices: Sequence[int] | np.ndarray) -> Examples:
        """The examples at these positions, in this order."""
        positions = np.asarray(indices, dtype=np.int64)
        return Examples(
            texts=[self.texts[i] for i in positions],
            labels=[self.labels[i] for i in positions],
            weights=None if self.weights is None else self.weights[positions],
            rows=self.rows[positions],
            source=self.source,
            groups={name: [values[i] for i in positions] for name, values in self.groups.items()},
        )

    def fingerprint(self) -> str:
        """SHA-256 over texts, labels and weights in their order, in hex."""
        digest = hashlib.sha256()
        for text, label in zip(self.texts, self.labels, strict=True):
            for part in (text.encode("utf-8", "surrogatepass"), label.encode("utf-8", "surrogatepass")):
                digest.update(len(part).to_bytes(8, "little"))
                digest.update(part)
        if self.weights is not None:
            digest.update(np.ascontiguousarray(self.weights, dtype="<f4").tobytes())
        return digest.hexdigest()

    def to_parquet(self, path: Path) -> None:
        """Writes the examples so that `from_parquet` gives them back."""
        columns = {
            "text": pa.array(self.texts, pa.large_string()),
            "label": pa.array(self.labels, pa.large_string()),
            "row": pa.array(self.rows, pa.int64()),
        }
        columns |= {f"{_GROUP}{name}": pa.array(values, pa.large_string()) for name, values in self.groups.items()}
        if self.weights is not None:
            columns["weight"] = pa.array(self.weights, pa.float32())
        table = pa.table(columns).replace_schema_metadata({"source": self.source})
        pq.write_table(table, path, write_page_checksum=True)

    @classmethod
    def from_parquet(cls, path: Path) -> Examples:
        """Reads what `to_parquet` wrote.

        Raises:
            DataError: The file is missing, damaged, or was written by another program.
        """
        with reading(path):
            table = pq.read_table(path, page_checksum_verification=True)
            weights = table["weight"].to_numpy().astype(np.float32) if "weight" in table.column_names else None
            source = (table.schema.metadata or {}).get(b"source", b"").decode("utf-8")
            groups = {
                name.removeprefix(_GROUP): table[name].to_pylist()
                for name in table.column_names
                if name.startswith(_GROUP)
            }
            texts, labels, rows = table["text"].to_pylist(), table["label"].to_pylist(), table["row"].to_numpy()
        return cls(texts, labels, weights, rows, source, groups)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Tells what goes wrong while saved examples are read.

    Raises:
        DataError: The file is missing, damaged, or was written by another program.
    """
    try:
        yield
    except (pa.ArrowException, OSError, KeyError, ValueError):
        raise DataError(
            "These saved examples are missing or damaged.", where=str(path), fix="Prepare the data again."
        ) from None


def examples_from_table(table: Table, columns: Columns, settings: Settings) -> tuple[Examples, list[str]]:
    """The usable rows of a table, and notes on those that were dropped.

    Raises:
        DataError: No row is usable, a text is too long, a weight is no number from 0 up, or there are too many classes.
    """
    where = table.source
    texts: list[str] = table.frame[columns.text].tolist()
    labels = [value.strip() for value in table.frame[columns.label].tolist()]
    keep = [i for i, (text, label) in enumerate(zip(texts, labels, strict=True)) if label and text.strip()]
    notes = _dropped_notes(texts, labels)
    if not keep:
        raise DataError(
            "No row has both a text and a label.",
            where=f'{where}, columns "{columns.text}" and "{columns.label}"',
            fix="Choose other columns, or fill in the missing cells.",
        )
    for i in keep:
        if len(texts[i]) > settings.max_text_characters:
            raise DataError(
                f"A text is longer than the limit of {settings.max_text_characters:,} characters."
                f" Received: {len(texts[i]):,} characters",
                where=f"{where}, row {i + 1}, column {columns.text}",
                fix="Shorten or divide it, or raise the limit with the environment variable SFT_MAX_TEXT_CHARACTERS.",
            )
    classes = len({labels[i] for i in keep})
    if classes > settings.max_classes:
        raise DataError(
            f"There are more classes than the limit of {settings.max_classes:,}. Received: {classes:,}",
            where=f"{where}, column {columns.label}",
            fix="Check that this is the label column, or raise the limit with SFT_MAX_CLASSES.",
        )
    weights = None
    if columns.weight is not None:
        raw: list[str] = table.frame[columns.weight].tolist()
        weights = np.array(
            [_weight(raw[i], f"{where}, row {i + 1}, column {columns.weight}") for i in keep], dtype=np.float32
        )
        if not weights.any():
            raise DataError(
                "All weights are zero.", where=f"{where}, column {columns.weight}", fix="Raise some of them."
            )
    examples = Examples(
        texts=[texts[i] for i in keep],
        labels=[labels[i] for i in keep],
        weights=weights,
        rows=np.array(keep, dtype=np.int64) + 1,
        source=where,
        groups=_groups(table, columns, keep, classes),
    )
    return examples, notes


def _groups(table: Table, columns: Columns, keep: Sequence[int], classes: int) -> dict[str, list[str]]:
    """The spare columns whose values are few and come again: the first 20 of them, values cut at 100 characters.

    A column may have 30 values, or as many as there are classes: it may say the same in other words.
    """
    found: dict[str, list[str]] = {}
    for name in table.frame.columns:
        if name in (columns.text, columns.label, columns.weight) or len(found) == MOST_GROUP_COLUMNS:
            continue
        values = table.frame[name].tolist()
        kept = [values[i].strip()[:LONGEST_GROUP] for i in keep]
        if 2 <= len(set(kept)) <= min(max(MOST_GROUPS, classes), len(kept) // 4):
            found[str(name)] = kept
    return found


def require_trainable(examples: Examples, *, parts: Sequence[str] = PARTS) -> None:
    """Checks that a model can be trained and scored on these examples.

    Args:
        examples: All of them, or the training part if the parts come in files of their own.
        parts: What they are still to be divided into; every class needs a row for each.

    Raises:
        DataError: There are too few rows or classes; classes that are too small are named.
    """
    counts = Counter(examples.labels)
    if len(counts) < 2:
        raise DataError(
            f"At least two different labels are needed. Received: {', '.join(counts) or 'none'}",
            where=examples.source,
            fix="Add examples of another class, or choose another label column.",
        )
    if len(examples) < FEWEST_ROWS:
        raise DataError(
            f"At least {FEWEST_ROWS} rows with text and label are needed. Received: {len(examples)}",
            where=examples.source,
            fix="Add examples; 20 or more for each class give a usable model.",
        )
    small = {name: n for name, n in counts.items() if n < len(parts)}
    if small:
        shown = ", ".join(f"{name} ({n})" for name, n in list(small.items())[:10])
        raise DataError(
            f"{len(small)} class(es) have fewer than {len(parts)} rows, which cannot be divided into"
            f" {', '.join(parts[:-1])} and {parts[-1]}. Received: {shown}",
            where=examples.source,
            fix="Add rows to these classes, merge them with others, or delete them.",
        )


def is_weight(raw: str) -> bool:
    """True for a number from 0 up that float32 can hold."""
    try:
        return 0 <= float(raw) <= float(np.finfo(np.float32).max)
    except ValueError:
        return False


def _weight(raw: str, where: str) -> float:
    if not is_weight(raw):
        raise DataError(
            f'A weight must be a number from 0 up. Received: "{raw}"',
            where=where,
            fix="Correct the cell, or choose no weight column.",
        )
    return float(raw)


def _dropped_notes(texts: list[str], labels: list[str]) -> list[str]:
    notes = []
    for what, values in (("text", texts), ("label", labels)):
        rows = [i for i, value in enumerate(values, start=1) if not value.strip()]
        if rows:
            notes.append(f"{len(rows)} row(s) without a {what} were left out, the first is row {rows[0]}.")
    return notes
