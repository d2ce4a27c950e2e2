"""Labels that may be one: names that differ by a letter, and labels whose texts a classifier cannot tell apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Column, Sentence, Table, percent
from sft_keras.diagnostics.out_of_fold import out_of_fold

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

MOST = 20
CONFUSED = 0.2
"""Share of the rows of either label that must be taken for the other."""
FEWEST_ROWS = 10
"""Fewer rows of a label say nothing of how it is taken."""
SHORTEST_NAME = 5
"""In shorter names, one letter makes another word."""
_SEPARATORS = re.compile(r"[\W_]+")


def examine(subject: Subject) -> Facts:
    """Finds pairs of labels by name, and by what the out-of-fold predictions mix up."""
    names = subject.labels.names
    counts = np.bincount(subject.truth("train"), minlength=len(names))
    spelled = [
        {"labels": [names[a], names[b]], "rows": [int(counts[a]), int(counts[b])]} for a, b in similar_names(names)
    ]
    facts: Facts = {"labels": len(names), "spelled": spelled, "confused": [], "rows": 0}
    if len(names) == 2:  # of two labels that cannot be told apart nothing would be left
        return facts
    try:
        rows = out_of_fold(subject)
    except NotApplicable:
        return facts
    truth, answers = rows.truth[rows.judged], rows.probabilities[rows.judged].argmax(axis=1)
    facts["rows"] = len(truth)
    facts["confused"] = [
        {"labels": [names[a], names[b]], "shares": [first, second]}
        for a, b, first, second in confused_pairs(truth, answers, len(names))[:MOST]
    ]
    return facts


def similar_names(names: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of labels whose names differ only by case, width, punctuation, a plural or one mistyped letter.

    A first letter that is more makes an opposite (typical, atypical), and numbers name things apart: neither counts.

    Example:
        >>> similar_names(["refund", "Refunds", "delivery", "class1", "class2"])
        [(0, 1)]
    """
    from rapidfuzz import process
    from rapidfuzz.distance import DamerauLevenshtein

    plain = [_SEPARATORS.sub(" ", unicodedata.normalize("NFKC", name).casefold()).strip() for name in names]
    distances = process.cdist(plain, plain, scorer=DamerauLevenshtein.distance, score_cutoff=1, dtype=np.uint8)
    near = np.argwhere(np.triu(distances <= 1, k=1))
    return [(int(a), int(b)) for a, b in near if _same(plain[a], plain[b])]


def _same(a: str, b: str) -> bool:
    if not a or not b:  # names of punctuation only, such as + and -
        return False
    if a == b:
        return True
    digits = [re.findall(r"\d+", name) for name in (a, b)]
    return min(len(a), len(b)) >= SHORTEST_NAME and a[0] == b[0] and digits[0] == digits[1]


def confused_pairs(truth: np.ndarray, answers: np.ndarray, classes: int) -> list[tuple[int, int, float, float]]:
    """Pairs of labels of which either is taken for the other at least every fifth time, the worst first.

    Args:
        truth: int [rows], class indices.
        answers: int [rows], class indices.
        classes: Number of classes.

    Returns:
        Two class indices, the share of the first that is taken for the second, and the other way round.
    """
    matrix = np.bincount(truth * classes + answers, minlength=classes * classes).reshape(classes, classes)
    counts = matrix.sum(axis=1)
    shares = matrix / np.maximum(counts, 1)[:, None]
    enough = np.flatnonzero(counts >= FEWEST_ROWS).tolist()
    found = [
        (a, b, float(shares[a, b]), float(shares[b, a]))
        for a, b in combinations(enough, 2)
        if min(shares[a, b], shares[b, a]) >= CONFUSED
    ]
    return sorted(found, key=lambda pair: (-(pair[2] + pair[3]), pair[:2]))


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """The pairs, with the advice to merge them."""
    blocks: list[Block] = []
    head = [Column(words("close_labels.first"), "label"), Column(words("close_labels.second"), "label")]
    if facts["spelled"]:
        columns = [*head, *(Column(words(f"close_labels.rows_{place}"), "number") for place in ("first", "second"))]
        rows = [(*each["labels"], *map(str, each["rows"])) for each in facts["spelled"]]
        blocks += [Sentence(words("close_labels.spelled", count=len(rows)), "warn"), Table(columns, rows)]
    if facts["confused"]:
        columns = [*head, *(Column(words(f"close_labels.taken_{place}"), "number") for place in ("first", "second"))]
        rows = [
            (*each["labels"], *(percent(words, share, 0) for share in each["shares"])) for each in facts["confused"]
        ]
        blocks += [Sentence(words("close_labels.confused", count=len(rows)), "warn"), Table(columns, rows)]
    if not blocks:
        blocks.append(
            Sentence(
                words("close_labels.none" if facts["rows"] else "close_labels.none_names", labels=facts["labels"]),
                "good",
            )
        )
    how = words("close_labels.how", rows=facts["rows"]) if facts["rows"] else words("close_labels.how_names")
    return [*blocks, Sentence(how, "how")]


PARTS.add("close_labels", Part(36, examine, present, needs_test=False))
