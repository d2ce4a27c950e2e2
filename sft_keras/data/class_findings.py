"""What can be wrong with the labels: too few rows or classes, unequal classes, one class under two spellings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sft_keras.data.duplicates import normal_text
from sft_keras.data.examples import FEWEST_ROWS, FEWEST_ROWS_PER_CLASS
from sft_keras.data.findings import SHOWN_ROWS, Finding, some_rows
from sft_keras.settings import Settings

SHOWN_SPELLINGS = 20
SMALL_CLASS = 8
IMBALANCE = 10


def class_findings(
    counts: dict[str, int], labels: list[str], rows: np.ndarray, settings: Settings, *, divided: bool
) -> list[Finding]:
    """Too few rows or classes, unequal classes, and spellings that make one class two.

    Args:
        counts: Usable rows of each class.
        labels: The label of each usable row.
        rows: Their row numbers, int64 of shape [rows].
        settings: Gives the limit on classes.
        divided: The rows are still to be divided into parts, for which every class needs three rows.
    """
    usable = len(labels)
    found: list[Finding] = []

    def rows_of(names: Sequence[str]) -> tuple[int, ...]:
        wanted = set(names)
        return some_rows([row for row, label in zip(rows.tolist(), labels, strict=True) if label in wanted])

    if len(counts) < 2:
        message = f"All rows have one label: {next(iter(counts))}." if counts else "No row has a text and a label."
        found.append(Finding("one_class", "error", message, "At least two classes are needed to learn anything."))
    if usable < FEWEST_ROWS:
        found.append(
            Finding("too_few_rows", "error", f"Only {usable} row(s) are usable.", f"At least {FEWEST_ROWS} are needed.")
        )
    if len(counts) > settings.max_classes or (len(counts) > 50 and len(counts) > usable / 2):
        found.append(
            Finding(
                "many_classes",
                "error" if len(counts) > settings.max_classes else "warning",
                f"There are {len(counts)} different labels in {usable} rows.",
                "Check that the right column was chosen for the labels.",
            )
        )
    tiny = [name for name, n in counts.items() if divided and n < FEWEST_ROWS_PER_CLASS]
    small = [name for name, n in counts.items() if n < SMALL_CLASS and name not in set(tiny)]
    if tiny:
        found.append(
            Finding(
                "tiny_class",
                "error",
                f"{len(tiny)} class(es) have fewer than {FEWEST_ROWS_PER_CLASS} rows: {_named(tiny, counts)}.",
                "They cannot be divided into training, validation and test: add rows, merge or delete the class.",
                rows_of(tiny),
            )
        )
    if small:
        found.append(
            Finding(
                "small_class",
                "warning",
                f"{len(small)} class(es) have fewer than {SMALL_CLASS} rows: {_named(small, counts)}.",
                "The model hardly learns them, and their scores rest on one or two rows.",
                rows_of(small),
            )
        )
    if len(counts) > 1 and max(counts.values()) >= IMBALANCE * min(counts.values()):
        names = list(counts)
        found.append(
            Finding(
                "imbalance",
                "warning",
                f"The classes are unequal: {_named([names[0], names[-1]], counts)}.",
                "Accuracy will mislead; look at macro-F1, and try class weights.",
            )
        )
    return found + _spelling_findings(counts, labels, rows)


def spelling_groups(counts: dict[str, int]) -> list[list[str]]:
    """The labels that differ only by case, space or width; in each group the most frequent spelling first.

    Args:
        counts: Rows of each label; of equally frequent ones the earlier comes first.
    """
    spellings: dict[str, list[str]] = {}
    for name in counts:
        spellings.setdefault(normal_text(name), []).append(name)
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
            "Labels that differ only by case, space or width: "
            + ", ".join(f'"{name}" ({counts[name]})' for name in group[:SHOWN_ROWS])
            + (", …." if len(group) > SHOWN_ROWS else "."),
            f'They are learned as different classes; write all of them "{group[0]}".',
            some_rows(sorted(row for name in group[1:] for row in positions[name])),
        )
        for group in groups[:SHOWN_SPELLINGS]
    ]
    if len(groups) > SHOWN_SPELLINGS:
        further = groups[SHOWN_SPELLINGS:]
        found.append(
            Finding(
                "label_spelling",
                "warning",
                f"{len(further)} further groups of labels differ only by case, space or width.",
                "They are learned as different classes; give each one spelling.",
                some_rows(sorted(row for group in further for name in group[1:] for row in positions[name])),
            )
        )
    return found


def _named(names: list[str], counts: dict[str, int]) -> str:
    shown = ", ".join(f"{name} ({counts[name]})" for name in names[:SHOWN_ROWS])
    return shown + (", …" if len(names) > SHOWN_ROWS else "")
