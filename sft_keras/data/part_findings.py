"""What is wrong between the files for training, validation and test: texts on both sides, labels on one only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from sft_keras.data.catalogue import Names, Value
from sft_keras.data.duplicates import exact_groups
from sft_keras.data.examples import Examples
from sft_keras.data.findings import SHOWN_ROWS, Finding, some_rows

Part = Literal["validation", "test"]


def part_findings(
    texts: Sequence[str],
    labels: Sequence[str],
    rows: np.ndarray,
    parts: Mapping[str, Examples],
    near_groups: Callable[[Sequence[str], np.ndarray], np.ndarray],
) -> list[Finding]:
    """Leakage between the files, contradicting labels, and labels that one file lacks.

    Args:
        texts: The usable texts for the training.
        labels: Their labels.
        rows: Their row numbers, int64 of shape [texts].
        parts: The rows for "validation" and "test", as far as they were given.
        near_groups: Groups of nearly equal texts from the texts and the groups of equal ones.
    """
    given: list[tuple[Part, Examples]] = [(name, parts[name]) for name in ("validation", "test") if name in parts]
    if not given:
        return []
    everything = [*texts, *(text for _, part in given for text in part.texts)]
    ends = np.cumsum([len(texts), *(len(part) for _, part in given)])
    groups = exact_groups(everything)
    exact = np.split(groups, ends[:-1])
    near = np.split(near_groups(everything, groups), ends[:-1])
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
    for code, sentences, mine, theirs in (
        (f"{name}_in_{other}", "in_other_file", same, same_there),
        (f"{name}_near_{other}", "near_other_file", alike, alike_there),
    ):
        if mine.any():
            values: dict[str, Value] = {
                "n": int(mine.sum()),
                "file": name,
                "other": other,
                "there": int(theirs.sum()),
                "first": int(here[0][mine][0]),
            }
            found.append(Finding(code, "warning", some_rows(there[0][theirs]), other, values, sentences))
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
    values: dict[str, Value] = {"n": len(wrong), "file": name}
    return [Finding("contradicting_parts", "warning", some_rows(wrong), name, values)]


def _labels_apart(name: Part, labels: Sequence[str], part: Examples) -> list[Finding]:
    found = []
    known = set(labels)
    unknown = [row for row, label in zip(part.rows.tolist(), part.labels, strict=True) if label not in known]
    if unknown:
        names = sorted(set(part.labels) - known)
        found.append(Finding("unknown_labels", "error", some_rows(unknown), name, _listed(names, name)))
    absent = sorted(known - set(part.labels))
    if absent:
        found.append(Finding("absent_labels", "info", (), name, _listed(absent, name)))
    return found


def _listed(names: Sequence[str], name: Part) -> dict[str, Value]:
    shown = Names(tuple(names[:SHOWN_ROWS]), more=len(names) > SHOWN_ROWS)
    return {"n": len(names), "names": shown, "file": name}
