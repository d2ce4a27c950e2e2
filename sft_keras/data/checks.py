"""Looks a table over before anything is trained, and tells in plain words what is wrong and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sft_keras.data.class_findings import class_findings
from sft_keras.data.column_findings import column_findings, weight_findings
from sft_keras.data.columns import Columns
from sft_keras.data.duplicates import duplicate_groups, exact_groups
from sft_keras.data.examples import Examples
from sft_keras.data.findings import (
    Finding,
    Lengths,
    duplicate_findings,
    language_findings,
    missing_findings,
    text_findings,
)
from sft_keras.data.part_findings import part_findings
from sft_keras.data.readers import Table
from sft_keras.settings import Settings

# Enough for the figures below; a tokenizer needs minutes for millions of texts.
MEASURED_TEXTS = 20_000


@dataclass(frozen=True)
class DataReport:
    """What a look at the data found.

    Attributes:
        rows: All rows of the file.
        usable_rows: Rows with a text and a label.
        missing_texts: Rows without a text.
        missing_labels: Rows without a label.
        exact_duplicates: Rows that repeat an earlier text.
        near_duplicates: Further rows that nearly repeat an earlier text.
        conflicting_rows: Rows whose text stands elsewhere with another label.
        class_counts: Usable rows of each class, the largest first.
        imbalance: Rows of the largest class for each row of the smallest; 0 without classes.
        characters: Lengths in characters, None without usable rows.
        tokens: Lengths in tokens, None if no tokenizer was given.
        part_rows: Usable rows of the files for validation and test, if they were given.
        findings: What was found, errors first.
    """

    rows: int
    usable_rows: int
    missing_texts: int
    missing_labels: int
    exact_duplicates: int
    near_duplicates: int
    conflicting_rows: int
    class_counts: dict[str, int]
    imbalance: float
    characters: Lengths | None
    tokens: Lengths | None
    part_rows: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """True if nothing stops the training."""
        return all(finding.severity != "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-serialisable values."""
        findings = [{**asdict(f), "rows": list(f.rows), "fixable": f.fixable} for f in self.findings]
        return {**asdict(self), "findings": findings, "ok": self.ok}


def check_examples(
    table: Table,
    columns: Columns,
    settings: Settings,
    *,
    token_counter: Callable[[list[str]], np.ndarray] | None = None,
    max_length: int | None = None,
    languages: str | None = None,
    similarity: float = 0.9,
    parts: Mapping[str, Examples] | None = None,
) -> DataReport:
    """Looks for what makes a model bad or a score false.

    Args:
        table: The rows.
        columns: Which columns hold texts and labels.
        settings: Gives the limits.
        token_counter: Numbers of tokens for a list of texts, int of shape [texts].
        max_length: Tokens the model takes; longer texts are counted as cut.
        languages: Languages of the backbone in plain words; None if they are not known.
        similarity: From here on texts count as near-duplicates; see `duplicate_groups`.
        parts: The rows of the files for "validation" and "test" that go with this one.
    """
    parts = parts or {}
    all_texts: list[str] = table.frame[columns.text].tolist()
    all_labels = [value.strip() for value in table.frame[columns.label].tolist()]
    no_text = [i for i, text in enumerate(all_texts, start=1) if not text.strip()]
    no_label = [i for i, label in enumerate(all_labels, start=1) if not label]
    missing = {*no_text, *no_label}
    rows = np.array([i for i in range(1, len(all_texts) + 1) if i not in missing], dtype=np.int64)
    texts = [all_texts[i - 1] for i in rows]
    labels = [all_labels[i - 1] for i in rows]
    counts = dict(Counter(labels).most_common())
    exact = exact_groups(texts)
    near = duplicate_groups(texts, similarity)
    exact_rows, near_rows = _repeats(exact), _repeats(near)
    near_only = near_rows & ~exact_rows
    conflicting = _conflicts(exact, labels)
    characters = _lengths("characters", np.array([len(text) for text in texts]), None)
    tokens = None
    cut_rows: list[int] = []
    if token_counter is not None and texts:
        drawn = _draw(len(texts))
        numbers = np.asarray(token_counter([texts[i] for i in drawn]))
        tokens = _lengths("tokens", numbers, max_length)
        cut_rows = [] if max_length is None else rows[drawn[numbers > max_length]].tolist()
    findings = [
        *missing_findings(no_text, no_label),
        *column_findings(table, columns),
        *weight_findings(table, columns, rows),
        *class_findings(counts, labels, rows, settings, divided=len(parts) < 2),
        *duplicate_findings(rows[exact_rows], rows[near_only], rows[conflicting]),
        *language_findings(texts, languages),
        *text_findings(table, columns, texts, rows, tokens, max_length, settings, cut_rows),
        *part_findings(texts, labels, rows, parts, similarity),
    ]
    order = {"error": 0, "warning": 1, "info": 2}
    return DataReport(
        rows=len(all_texts),
        usable_rows=len(rows),
        missing_texts=len(no_text),
        missing_labels=len(no_label),
        exact_duplicates=int(exact_rows.sum()),
        near_duplicates=int(near_only.sum()),
        conflicting_rows=int(conflicting.sum()),
        class_counts=counts,
        imbalance=round(max(counts.values()) / min(counts.values()), 2) if counts else 0.0,
        characters=characters,
        tokens=tokens,
        part_rows={name: len(part) for name, part in parts.items()},
        findings=tuple(sorted(findings, key=lambda finding: order[finding.severity])),
    )


def _repeats(groups: np.ndarray) -> np.ndarray:
    """True for each row whose group has an earlier row."""
    repeated = np.ones(len(groups), dtype=bool)
    repeated[np.unique(groups, return_index=True)[1]] = False
    return repeated


def _conflicts(groups: np.ndarray, labels: list[str]) -> np.ndarray:
    """True for each row whose text stands with more than one label."""
    seen: dict[int, set[str]] = {}
    for group, label in zip(groups.tolist(), labels, strict=True):
        seen.setdefault(group, set()).add(label)
    return np.array([len(seen[group]) > 1 for group in groups.tolist()], dtype=bool)


def _lengths(unit: str, values: np.ndarray, limit: int | None) -> Lengths | None:
    if not len(values):
        return None
    return Lengths(
        unit=unit,
        mean=round(float(values.mean()), 1),
        median=float(np.median(values)),
        p95=float(np.percentile(values, 95)),
        max=int(values.max()),
        cut=None if limit is None else int((values > limit).sum()),
        measured=len(values),
    )


def _draw(count: int) -> np.ndarray:
    """The positions of the texts that are measured, in order; int64 of shape [at most MEASURED_TEXTS]."""
    if count <= MEASURED_TEXTS:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, MEASURED_TEXTS, replace=False))
