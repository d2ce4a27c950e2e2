"""What can be wrong with the labels: too few rows, texts or classes, unequal classes, one class under two spellings."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from sft_keras.config import DataConfig
from sft_keras.data.assignment import assign_parts, groups_by_class
from sft_keras.data.catalogue import Names, Value
from sft_keras.data.duplicates import normal_text
from sft_keras.data.examples import FEWEST_ROWS, FEWEST_ROWS_PER_CLASS
from sft_keras.data.findings import SHOWN_ROWS, Finding, Severity, some_rows
from sft_keras.settings import Settings

SHOWN_SPELLINGS = 20
SMALL_CLASS = 8
IMBALANCE = 10
# Soft hyphens, spaces without width and marks of the byte order, as web pages leave them behind; no joiners of emoji.
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")


def class_findings(
    counts: dict[str, int], labels: list[str], rows: np.ndarray, groups: np.ndarray, settings: Settings, *, cut: int
) -> list[Finding]:
    """Too few rows, different texts or classes, unequal classes, and spellings that make one class two.

    Args:
        counts: Usable rows of each class.
        labels: The label of each usable row.
        rows: Their row numbers, int64 of shape [rows].
        groups: A number for each usable row, the same for texts that stay on one side of a division, int64 [rows].
        settings: Gives the limit on classes.
        cut: How many parts are still to be taken out of the rows: validation, test, or none. If any, every class needs
            three rows, and a text of its own for each part and for what is left.
    """
    usable = len(labels)
    found: list[Finding] = []

    def rows_of(names: Sequence[str]) -> tuple[int, ...]:
        wanted = set(names)
        return some_rows([row for row, label in zip(rows.tolist(), labels, strict=True) if label in wanted])

    if len(counts) < 2:
        sentences = "one_class" if counts else "no_class"
        found.append(Finding("one_class", "error", values={"label": "".join(counts)}, sentences=sentences))
    if usable < FEWEST_ROWS:
        found.append(Finding("too_few_rows", "error", values={"n": usable, "fewest": FEWEST_ROWS}))
    if len(counts) > settings.max_classes or (len(counts) > 50 and len(counts) > usable / 2):
        severity: Severity = "error" if len(counts) > settings.max_classes else "warning"
        found.append(Finding("many_classes", severity, values={"classes": len(counts), "n": usable}))
    tiny = [name for name, n in counts.items() if cut and n < FEWEST_ROWS_PER_CLASS]
    fewest = FEWEST_ROWS_PER_CLASS if cut else 0  # fewer are told above
    small = [name for name, n in counts.items() if fewest <= n < SMALL_CLASS]
    if tiny:
        values: dict[str, Value] = {"n": len(tiny), "fewest": FEWEST_ROWS_PER_CLASS, "names": _named(tiny, counts)}
        found.append(Finding("tiny_class", "error", rows_of(tiny), values=values))
    if small:
        values = {"n": len(small), "fewest": SMALL_CLASS, "names": _named(small, counts)}
        found.append(Finding("small_class", "warning", rows_of(small), values=values))
    texts = {label: len(members) for label, members in groups_by_class(labels, groups).items()}
    alike = {name: texts.get(name, 0) for name, n in counts.items() if n >= fewest and texts.get(name, 0) <= cut}
    if cut and alike:
        # Where no class has enough, a part can stay empty, and there is no training.
        severity = "error" if max(texts.values()) <= cut and _leaves_a_part_empty(labels, groups, cut) else "warning"
        values = {"n": len(alike), "fewest": cut + 1, "names": _named(list(alike), alike)}
        sentences = "" if severity == "warning" else "no_texts_to_divide"
        found.append(Finding("repeated_class", severity, rows_of(list(alike)), values=values, sentences=sentences))
    if len(counts) > 1 and max(counts.values()) >= IMBALANCE * min(counts.values()):
        names = list(counts)
        found.append(Finding("imbalance", "warning", values={"names": _named([names[0], names[-1]], counts)}))
    return found + _spelling_findings(counts, labels, rows)


def _leaves_a_part_empty(labels: list[str], groups: np.ndarray, cut: int) -> bool:
    """Whether the usual division of these rows has fewer parts than it should."""
    usual = DataConfig()
    fractions = {
        "validation_fraction": usual.validation_fraction,
        "test_fraction": usual.test_fraction if cut > 1 else 0,
    }
    return len(np.unique(assign_parts(labels, groups, seed=0, **fractions))) <= cut


def spelling_groups(counts: dict[str, int]) -> list[list[str]]:
    """The labels that differ only by case, space, width or invisible characters; the most frequent spelling first.

    Args:
        counts: Rows of each label; of equally frequent ones the earlier comes first.
    """
    spellings: dict[str, list[str]] = {}
    for name in counts:
        spellings.setdefault(normal_text(_INVISIBLE.sub("", name)), []).append(name)
    return [sorted(group, key=lambda name: -counts[name]) for group in spellings.values() if len(group) > 1]


def _spelling_findings(counts: dict[str, int], labels: list[str], rows: np.ndarray) -> list[Finding]:
    groups = spelling_groups(counts)
    positions: dict[str, list[int]] = {}
    other = {name for group in groups for name in group[1:]}
    for row, label in zip(rows.tolist(), labels, strict=True):
        if label in other:
            positions.setdefault(label, []).append(row)
    found = [
        Finding(
            "label_spelling",
            "warning",
            some_rows(sorted(row for name in group[1:] for row in positions[name])),
            values={"names": _named(group, counts, quoted=True), "label": group[0]},
        )
        for group in groups[:SHOWN_SPELLINGS]
    ]
    if len(groups) > SHOWN_SPELLINGS:
        further = groups[SHOWN_SPELLINGS:]
        found.append(
            Finding(
                "label_spelling",
                "warning",
                some_rows(sorted(row for group in further for name in group[1:] for row in positions[name])),
                values={"n": len(further)},
                sentences="further_spellings",
            )
        )
    return found


def _named(names: list[str], counts: dict[str, int], *, quoted: bool = False) -> Names:
    shown = tuple(names[:SHOWN_ROWS])
    return Names(shown, tuple(counts[name] for name in shown), quoted, len(names) > SHOWN_ROWS)
