"""Divides examples into training, validation and test so that no text, nor its near-twin, is on two sides."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from sft_keras.data.assignment import TEST, TRAIN, VALIDATION, assign_parts
from sft_keras.data.duplicates import duplicate_groups, exact_groups
from sft_keras.data.examples import Examples
from sft_keras.errors import DataError

if TYPE_CHECKING:
    from sft_keras.data.corrections import Corrections


@dataclass(frozen=True, eq=False)
class Splits:
    """The three parts, or two where nothing is to be scored, and notes on how they came about.

    Attributes:
        train: What the model learns from.
        validation: What its settings are chosen by.
        test: What it is scored on.
        notes: What a reader of the score should know of the division.
        corrections: The corrections of labels that were laid over the first two, by `correction_key`.
    """

    train: Examples
    validation: Examples
    test: Examples | None
    notes: tuple[str, ...] = ()
    corrections: Corrections = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, Examples]:
        """The parts that there are, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}


def split_examples(
    examples: Examples, *, validation_fraction: float, test_fraction: float, seed: int, similarity: float
) -> Splits:
    """Divides by chance, with the same share of every class in each part and duplicates kept together.

    A class with at least three groups of distinct texts gets a row in each part. A group whose rows have
    different labels goes with the most frequent of them.

    Args:
        examples: All examples.
        validation_fraction: Share of the rows for validation.
        test_fraction: Share of the rows for the test; 0 makes no such part.
        seed: The same seed gives the same parts.
        similarity: Texts at least this alike stay together; see `duplicate_groups`.
    """
    groups = duplicate_groups(examples.texts, similarity)
    part = assign_parts(
        examples.labels, groups, validation_fraction=validation_fraction, test_fraction=test_fraction, seed=seed
    )
    notes = []
    together = len(examples) - len(np.unique(groups))
    if together:
        notes.append(f"{together} row(s) repeat another text, exactly or nearly, and stay on one side with it.")
    notes += _absent_classes(examples.labels, part, ("validation", "test") if test_fraction else ("validation",))
    train, validation, test = (examples.take(np.flatnonzero(part == p)) for p in (TRAIN, VALIDATION, TEST))
    splits = Splits(train, validation, test if test_fraction else None, tuple(notes))
    _require_parts(splits)
    return splits


def split_given(
    train: Examples,
    validation: Examples | None,
    test: Examples | None,
    *,
    validation_fraction: float,
    test_fraction: float,
    seed: int,
    similarity: float,
    known_labels: Collection[str] = (),
) -> Splits:
    """Takes the parts from files of their own; what is not given is taken out of the training file.

    Rows of a given part that also stand in the training file are kept and reported in the notes: the person
    decided on that division, and published scores depend on it.

    Args:
        train: The training file.
        validation: The validation file, or None.
        test: The test file, or None.
        validation_fraction: Share of the training file for validation, if none is given.
        test_fraction: Share of the training file for the test, if none is given; 0 makes no such part.
        seed: The same seed gives the same parts.
        similarity: Texts at least this alike stay together; see `duplicate_groups`.
        known_labels: Labels that a given part may have although the training file lacks them.

    Raises:
        DataError: A given part has a label that the training file lacks.
    """
    if validation is None and test is None:
        return split_examples(
            train,
            validation_fraction=validation_fraction,
            test_fraction=test_fraction,
            seed=seed,
            similarity=similarity,
        )
    given = {"validation": validation, "test": test}
    known = {*train.labels, *known_labels}
    for name, part in given.items():
        if part is not None:
            _require_known_labels(name, part, known)
    notes: list[str] = []
    rest = train
    cut_test = test is None and test_fraction > 0
    if validation is None or cut_test:
        groups = duplicate_groups(train.texts, similarity)
        numbers = assign_parts(
            train.labels,
            groups,
            validation_fraction=validation_fraction if validation is None else 0,
            test_fraction=test_fraction if cut_test else 0,
            seed=seed,
        )
        rest = train.take(np.flatnonzero(numbers == TRAIN))
        if validation is None:
            validation = train.take(np.flatnonzero(numbers == VALIDATION))
            notes.append(f"{len(validation)} rows of the training file were taken for validation.")
        if cut_test:
            test = train.take(np.flatnonzero(numbers == TEST))
            notes.append(f"{len(test)} rows of the training file were taken for the test.")
        cut = {"validation": given["validation"] is None, "test": cut_test}
        notes += _absent_classes(train.labels, numbers, [name for name, is_cut in cut.items() if is_cut])
    splits = Splits(rest, validation, test)
    _require_parts(splits)
    for name, part in given.items():
        if part is not None:
            notes += _overlap_notes(name, part, "training", train, similarity)
    if given["validation"] is not None and given["test"] is not None:
        notes += _overlap_notes("test", given["test"], "validation", given["validation"], similarity)
    return replace(splits, notes=tuple(notes))


def _absent_classes(labels: list[str], part: np.ndarray, names: Sequence[str]) -> list[str]:
    """Which labels the named parts lack."""
    notes = []
    for name in names:
        number = {"validation": VALIDATION, "test": TEST}[name]
        present = {label for label, p in zip(labels, part.tolist(), strict=True) if p == number}
        absent = sorted(set(labels) - present)
        if absent:
            notes.append(f"The {name} part holds no row of: {', '.join(absent[:10])}; too few different texts.")
    return notes


def _require_known_labels(name: str, part: Examples, known: set[str]) -> None:
    unknown = sorted(set(part.labels) - known)
    if unknown:
        row = int(part.rows[next(i for i, label in enumerate(part.labels) if label == unknown[0])])
        raise DataError(
            f"The {name} file has {len(unknown)} label(s) that the training file lacks."
            f" Received: {', '.join(unknown[:10])}",
            where=f"{part.source}, row {row}",
            fix="Correct the spelling, or add examples of these classes to the training file.",
        )


def _require_parts(splits: Splits) -> None:
    for name, part in splits.parts.items():
        if not len(part):
            raise DataError(
                f"No row is left for the {'training' if name == 'train' else name} part.",
                where=splits.train.source or part.source,
                fix="Add rows with different texts; repeated texts stay together on one side.",
            )


def _overlap_notes(name: str, part: Examples, other_name: str, other: Examples, similarity: float) -> list[str]:
    """How many rows of a given part also stand in another file."""
    texts = [*other.texts, *part.texts]
    notes = []
    exact = _shared(exact_groups(texts), len(other))
    near = _shared(duplicate_groups(texts, similarity), len(other)) & ~exact
    for found, how in ((exact, "exactly"), (near, "nearly")):
        rows = part.rows[found]
        if len(rows):
            notes.append(
                f"{len(rows)} row(s) of the {name} file also stand in the {other_name} file, {how}; the first is row"
                f" {int(rows[0])}. The score will look better than it is."
            )
    return notes


def _shared(groups: np.ndarray, boundary: int) -> np.ndarray:
    return np.isin(groups[boundary:], groups[:boundary])
