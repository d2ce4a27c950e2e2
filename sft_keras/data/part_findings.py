"""What is wrong between the files for training, validation and test: texts on both sides, labels on one only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from sft_keras.data.duplicates import duplicate_groups, exact_groups
from sft_keras.data.examples import Examples
from sft_keras.data.findings import SHOWN_ROWS, Finding, some_rows

Part = Literal["validation", "test"]


def part_findings(
    texts: Sequence[str], labels: Sequence[str], rows: np.ndarray, parts: Mapping[str, Examples], similarity: float
) -> list[Finding]:
    """Leakage between the files, contradicting labels, and labels that one file lacks.

    Args:
        texts: The usable texts for the training.
        labels: Their labels.
        rows: Their row numbers, int64 of shape [texts].
        parts: The rows for "validation" and "test", as far as they were given.
        similarity: From here on texts count as nearly equal; see `duplicate_groups`.
    """
    given: list[tuple[Part, Examples]] = [(name, parts[name]) for name in ("validation", "test") if name in parts]
    if not given:
        return []
    everything = [*texts, *(text for _, part in given for text in part.texts)]
    ends = np.cumsum([len(texts), *(len(part) for _, part in given)])
    exact = np.split(exact_groups(everything), ends[:-1])
    near = np.split(duplicate_groups(everything, similarity), ends[:-1])
    found: list[Finding] = []
    for i, (name, part) in enumerate(given, start=1):
        found += _leaks(name, "training", (rows, exact[0], near[0]), (part.rows, exact[i], near[i]))
        found += _contradictions(name, labels, exact[0], part, exact[i])
        found += _labels_apart(name, labels, part)
    if len(given) == 2:
        validation, test = given[0][1], given[1][1]
        found += _leaks("test", "validation", (validation.rows, exact[1], near[1]), (test.rows, exact[2], near[2]))
    return found


Side = tuple[np.ndarray, np.ndarray, np.ndarray]


def _leaks(name: Part, other: Literal["training", "validation"], there: Side, here: Side) -> list[Finding]:
    """Rows of one file that also stand in another one, exactly or nearly; the rows told are those of the other."""
    found = []
    same = np.isin(here[1], there[1])
    alike = np.isin(here[2], there[2]) & ~same
    same_there = np.isin(there[1], here[1])
    alike_there = np.isin(there[2], here[2]) & ~same_there
    for code, how, mine, theirs in (
        (f"{name}_in_{other}", "also", same, same_there),
        (f"{name}_near_{other}", "nearly", alike, alike_there),
    ):
        if mine.any():
            found.append(
                Finding(
                    code,
                    "warning",
                    f"{int(mine.sum())} row(s) of the {name} file stand {how} in the {other} file, where"
                    f" {int(theirs.sum())} row(s) are concerned; the first is row {int(here[0][mine][0])} of the"
                    f" {name} file.",
                    f"The score will look better than it is; take them out of the {other} file.",
                    some_rows(there[0][theirs]),
                    other,
                )
            )
    return found


def _contradictions(
    name: Part, labels: Sequence[str], groups: np.ndarray, part: Examples, part_groups: np.ndarray
) -> list[Finding]:
    """Rows whose text stands in the training file, but only with other labels."""
    learned: dict[int, set[str]] = {}
    for group, label in zip(groups.tolist(), labels, strict=True):
        learned.setdefault(group, set()).add(label)
    wrong = [
        row
        for row, group, label in zip(part.rows.tolist(), part_groups.tolist(), part.labels, strict=True)
        if group in learned and label not in learned[group]
    ]
    if not wrong:
        return []
    message = f"{len(wrong)} row(s) of the {name} file have another label than the same text in the training file."
    consequence = "The model is taught one label and scored on the other; correct the labels."
    return [Finding("contradicting_parts", "warning", message, consequence, some_rows(wrong), name)]


def _labels_apart(name: Part, labels: Sequence[str], part: Examples) -> list[Finding]:
    found = []
    known = set(labels)
    unknown = [row for row, label in zip(part.rows.tolist(), part.labels, strict=True) if label not in known]
    if unknown:
        names = sorted(set(part.labels) - known)
        message = f"The {name} file has {len(names)} label(s) that the training file lacks: {_listed(names)}."
        consequence = "Correct the spelling, or add examples of these classes to the training file."
        found.append(Finding("unknown_labels", "error", message, consequence, some_rows(unknown), name))
    absent = sorted(known - set(part.labels))
    if absent:
        message = f"The {name} file has no row of {len(absent)} label(s): {_listed(absent)}."
        consequence = "Nothing is measured for them, and they count as 0 in macro-F1."
        found.append(Finding("absent_labels", "info", message, consequence, (), name))
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN_ROWS]) + (", …" if len(names) > SHOWN_ROWS else "")
