"""Which rows are drawn, and which part each goes to: by chance, with the same share of every class."""

from __future__ import annotations

from collections import Counter

import numpy as np

from sft_keras.data.examples import Examples

TRAIN, VALIDATION, TEST = range(3)


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
