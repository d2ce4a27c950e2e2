"""Divides examples into training, validation and test so that no text, nor its near-twin, is on two sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from sft_keras.data.duplicates import duplicate_groups, exact_groups
from sft_keras.data.examples import Examples
from sft_keras.errors import DataError

if TYPE_CHECKING:
    from sft_keras.data.corrections import Corrections

TRAIN, VALIDATION, TEST = range(3)


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


def limit_rows(examples: Examples, max_rows: int, seed: int) -> Examples:
    """Draws at most so many examples, each class in proportion but with three rows if it has them.

    Returns:
        The drawn examples in the order of the file.
    """
    if len(examples) <= max_rows:
        return examples
    rng = np.random.default_rng(seed)
    by_class = _positions_by_class(examples.labels)
    sizes = np.array([len(positions) for positions in by_class.values()])
    least = np.minimum(sizes, min(3, max(1, max_rows // len(sizes))))
    # Largest remainders on top of the least that each class gets.
    share = np.maximum(least, sizes * max_rows / sizes.sum())
    quota = np.maximum(least, np.floor(share).astype(int))
    order = np.argsort(-(share - np.floor(share)), kind="stable")
    for i in order:
        if quota.sum() < max_rows and quota[i] < sizes[i]:
            quota[i] += 1
    while quota.sum() > max_rows:
        spare = np.where(quota > least, quota, 0) if (quota > least).any() else quota
        quota[int(np.argmax(spare))] -= 1
    chosen = [
        rng.permutation(positions)[:n] for positions, n in zip(by_class.values(), quota.tolist(), strict=True) if n
    ]
    return examples.take(np.sort(np.concatenate(chosen)))


def assign_parts(
    labels: list[str], groups: np.ndarray, *, validation_fraction: float, test_fraction: float, seed: int
) -> np.ndarray:
    """The part of each row: 0 training, 1 validation, 2 test; int64 of shape [rows]."""
    rng = np.random.default_rng(seed)
    sizes = np.bincount(groups)
    group_part = np.full(len(sizes), TRAIN)
    fractions = {p: f for p, f in ((TEST, test_fraction), (VALIDATION, validation_fraction)) if f}
    owed = dict.fromkeys(fractions, 0.0)
    # Small classes first: what rounding takes from or gives to them, the large ones even out.
    classes = sorted(groups_by_class(labels, groups).items(), key=lambda item: (int(sizes[item[1]].sum()), item[0]))
    for _, members in classes:
        chosen = _assign_class(rng.permutation(members), sizes, fractions, owed)
        total = int(sizes[members].sum())
        for part, ids in chosen.items():
            group_part[ids] = part
            owed[part] += fractions[part] * total - float(sizes[ids].sum())
    return _with_every_class_in_train(labels, groups, group_part[groups])


def _assign_class(
    members: np.ndarray, sizes: np.ndarray, fractions: dict[int, float], owed: dict[int, float]
) -> dict[int, list[int]]:
    """Which groups of one class leave the training part: the same share of the large and of the small groups."""
    chosen: dict[int, list[int]] = {part: [] for part in fractions}
    missing = {part: owed[part] for part in fractions}
    ordered = members[np.argsort(-sizes[members], kind="stable")]
    for size in np.unique(sizes[members])[::-1].tolist():
        alike = members[sizes[members] == size].tolist()
        # What cannot be divided among a few large groups is made up for by the smaller ones after them.
        wanted = {part: missing[part] + fraction * size * len(alike) for part, fraction in fractions.items()}
        for part, rows in wanted.items():
            take = min(len(alike), max(0, round(rows / size)))
            chosen[part] += alike[:take]
            alike = alike[take:]
            missing[part] = rows - take * size
    _at_least_one_group(chosen, ordered, sizes)
    return chosen


def _at_least_one_group(chosen: dict[int, list[int]], ordered: np.ndarray, sizes: np.ndarray) -> None:
    """Sees to it that the training part, then each other part, has a group, as far as there are enough."""
    taken = {group for ids in chosen.values() for group in ids}
    left = [group for group in ordered.tolist() if group not in taken]
    if not left:
        left.append(max(chosen.values(), key=len).pop())
    for ids in chosen.values():
        donor = max((left, *chosen.values()), key=len)
        if not ids and len(donor) > 1:
            smallest = min(donor, key=lambda group: (sizes[group], group))
            donor.remove(smallest)
            ids.append(smallest)


def groups_by_class(labels: list[str], groups: np.ndarray) -> dict[str, np.ndarray]:
    """For each class the groups that belong to it, by the most frequent label of their rows."""
    counts: dict[int, Counter[str]] = {}
    for group, label in zip(groups.tolist(), labels, strict=True):
        counts.setdefault(group, Counter())[label] += 1
    members: dict[str, list[int]] = {}
    for group, found in counts.items():
        members.setdefault(max(sorted(found), key=lambda name: found[name]), []).append(group)
    return {label: np.array(ids, dtype=np.int64) for label, ids in members.items()}


def _with_every_class_in_train(labels: list[str], groups: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Moves groups back if a class stands only outside the training part: it could not be learned."""
    learned = {label for label, p in zip(labels, part.tolist(), strict=True) if p == TRAIN}
    for label in sorted(set(labels) - learned):
        row = labels.index(label)
        part = np.where(groups == groups[row], TRAIN, part)
    return part


def _positions_by_class(labels: list[str]) -> dict[str, np.ndarray]:
    positions: dict[str, list[int]] = {}
    for i, label in enumerate(labels):
        positions.setdefault(label, []).append(i)
    return {label: np.array(positions[label]) for label in sorted(positions)}


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
