"""Looks a table over before anything is trained, and tells in plain words what is wrong and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from sft_keras.data.class_findings import class_findings
from sft_keras.data.column_findings import column_findings, telling_findings, weight_findings
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
# What a person waits for: about a second for tokens and look-alikes.
QUICK_TEXTS, QUICK_CHARACTERS = 10_000, 600_000


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
        return {**asdict(self), "findings": [finding.to_dict() for finding in self.findings], "ok": self.ok}


def check_examples(
    table: Table,
    columns: Columns,
    settings: Settings,
    *,
    token_counter: Callable[[list[str]], np.ndarray | None] | None = None,
    max_length: int | None = None,
    languages: str | None = None,
    similarity: float = 0.9,
    parts: Mapping[str, Examples] | None = None,
    quick: bool = False,
) -> DataReport:
    """Looks for what makes a model bad or a score false.

    Args:
        table: The rows.
        columns: Which columns hold texts and labels.
        settings: Gives the limits.
        token_counter: Numbers of tokens for a list of texts, int of shape [texts]; None if it cannot tell.
        max_length: Tokens the model takes; longer texts are counted as cut.
        languages: Languages of the backbone in plain words; None if they are not known.
        similarity: From here on texts count as near-duplicates; see `duplicate_groups`.
        parts: The rows of the files for "validation" and "test" that go with this one.
        quick: Of large files, look-alikes and tokens are only looked for in some rows, always the same; see
            `quick_draw`. All else is counted on all rows.
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
    near = _near_groups(texts, exact, similarity, quick=quick)
    exact_rows, near_rows = _repeats(exact), _repeats(near)
    near_only = near_rows & ~exact_rows
    conflicting = _conflicts(exact, labels)
    characters = _lengths("characters", np.array([len(text) for text in texts]), None)
    tokens = None
    cut_rows: list[int] = []
    if token_counter is not None and texts:
        drawn = quick_draw(texts) if quick else _draw(len(texts))
        numbers = token_counter([texts[i] for i in drawn])
        if numbers is not None:
            tokens = _lengths("tokens", np.asarray(numbers), max_length)
            cut_rows = [] if max_length is None else rows[drawn[numbers > max_length]].tolist()
    findings = [
        *missing_findings(no_text, no_label),
        *column_findings(table, columns),
        *telling_findings(table, columns, rows),
        *weight_findings(table, columns, rows),
        *class_findings(counts, labels, rows, near, settings, cut=2 - len(parts)),
        *duplicate_findings(rows[exact_rows], rows[near_only], rows[conflicting]),
        *language_findings(texts, languages),
        *text_findings(table, columns, texts, rows, tokens, max_length, settings, cut_rows),
        *part_findings(texts, labels, rows, parts, partial(_near_groups, similarity=similarity, quick=quick)),
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


def quick_draw(texts: Sequence[str]) -> np.ndarray:
    """The positions of the texts that a quick look measures, in order: all, or as many as it has time for.

    Args:
        texts: The texts.

    Returns:
        int64 of shape [at most QUICK_TEXTS]; drawn with a fixed seed.
    """
    order = np.arange(len(texts))
    lengths = np.fromiter(map(len, texts), np.int64, count=len(texts))
    if len(texts) <= QUICK_TEXTS and lengths.sum() <= QUICK_CHARACTERS:
        return order
    order = np.random.default_rng(0).permutation(len(texts))[:QUICK_TEXTS]
    fitting = int(np.searchsorted(np.cumsum(lengths[order]), QUICK_CHARACTERS))
    return np.sort(order[: max(1, fitting)])


def _near_groups(texts: Sequence[str], exact: np.ndarray, similarity: float, *, quick: bool) -> np.ndarray:
    """`duplicate_groups`; where the quick look leaves texts out, these only stand with their exact repeats."""
    if not quick or len(quick_draw(texts)) == len(texts):
        return duplicate_groups(texts, similarity)
    first = np.unique(exact, return_index=True)[1]
    drawn = quick_draw([texts[i] for i in first])
    near = duplicate_groups([texts[first[i]] for i in drawn], similarity)
    parents = np.arange(len(first))
    # Groups are numbered by their first text, so the first of each group is the one it is merged into.
    parents[drawn] = drawn[np.unique(near, return_index=True)[1]][near]
    return np.unique(parents[exact], return_inverse=True)[1].astype(np.int64).reshape(-1)
