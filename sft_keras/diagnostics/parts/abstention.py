"""Answering only where it is sure enough: the threshold for a wanted accuracy, chosen on validation, tried on the test.

Selective classification (El-Yaniv and Wiener 2010, https://www.jmlr.org/papers/v11/el-yaniv10a.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Column, Meter, Sentence, Table, interval, percent

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

WANTED = (0.8, 0.9, 0.95, 0.98, 0.99)
FEWEST_ROWS, FEWEST_ANSWERED = 20, 10


def examine(subject: Subject) -> Facts:
    """The threshold for each wanted accuracy, and what it does on the test part."""
    from scipy.stats import binomtest

    parts = {}
    for part in ("validation", "test"):
        probabilities = subject.probabilities(part)
        hits = probabilities.argmax(axis=1) == subject.truth(part)
        parts[part] = (probabilities.max(axis=1), hits)
        if len(hits) < FEWEST_ROWS:
            raise NotApplicable("too_few", rows=FEWEST_ROWS)
    confidence, hits = parts["test"]
    found: list[dict[str, Any]] = []
    for wanted in WANTED:
        threshold = threshold_for(*parts["validation"], wanted)
        row: dict[str, Any] = {"wanted": wanted, "threshold": threshold}
        if threshold is not None:
            answered = confidence >= threshold
            count, right = int(answered.sum()), int(hits[answered].sum())
            row |= {"coverage": count / len(hits), "answered": count}
            if count:
                bounds = binomtest(right, count).proportion_ci(method="wilson")
                row |= {"accuracy": right / count, "low": float(bounds.low), "high": float(bounds.high)}
        found.append(row)
    return {"rows": len(hits), "accuracy": float(hits.mean()), "wanted": found}


def threshold_for(confidence: np.ndarray, hits: np.ndarray, wanted: float) -> float | None:
    """The lowest confidence from which on the answers are right as often as wanted.

    Args:
        confidence: float [rows], of each answer.
        hits: bool [rows], whether it is right.
        wanted: The accuracy that is wanted, 0 to 1.

    Returns:
        0 if all answers together are good enough; None if no threshold that leaves ten answers is.
    """
    if not len(hits):
        return None
    if hits.mean() >= wanted:
        return 0.0
    order = np.argsort(-confidence, kind="stable")
    right, sorted_confidence = np.cumsum(hits[order]), confidence[order]
    counts = np.arange(1, len(hits) + 1)
    # A threshold takes all rows of one confidence, so it can only lie where the confidence changes.
    ends = np.append(sorted_confidence[1:] < sorted_confidence[:-1], True)
    good = ends & (right / counts >= wanted) & (counts >= FEWEST_ANSWERED)
    return float(sorted_confidence[np.flatnonzero(good)[-1]]) if good.any() else None


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """A sentence for the first wanted accuracy above that of all answers, and the table."""
    reached = [each for each in facts["wanted"] if each["threshold"] and each.get("accuracy") is not None]
    blocks: list[Block] = []
    if reached:
        each = reached[0]
        text = words(
            "abstention.sentence",
            threshold=percent(words, each["threshold"], 0),
            coverage=percent(words, each["coverage"], 0),
            accuracy=percent(words, each["accuracy"]),
            all=percent(words, facts["accuracy"]),
            wanted=percent(words, each["wanted"], 0),
        )
        blocks.append(Sentence(text))
    elif facts["accuracy"] >= facts["wanted"][-1]["wanted"]:
        blocks.append(Sentence(words("abstention.always", all=percent(words, facts["accuracy"])), "good"))
    else:
        blocks.append(Sentence(words("abstention.never", all=percent(words, facts["accuracy"]))))
    columns = [
        Column(words("abstention.wanted"), "number"),
        Column(words("abstention.threshold"), "number"),
        Column(words("abstention.coverage"), "meter"),
        Column(words("abstention.accuracy"), "number"),
        Column(words("abstention.interval"), "number"),
    ]
    blocks.append(Table(columns, list(_rows(facts, words))))
    blocks.append(Sentence(words("abstention.how", rows=facts["rows"], fewest=FEWEST_ANSWERED), "how"))
    return blocks


def _rows(facts: Mapping[str, Any], words: Catalogue) -> Iterator[tuple[str | Meter, ...]]:
    for each in facts["wanted"]:
        wanted = percent(words, each["wanted"], 0)
        if each["threshold"] is None:
            yield (wanted, words("abstention.none"), Meter(0.0, "–"), "–", "–")
            continue
        yield (
            wanted,
            percent(words, each["threshold"]) if each["threshold"] else words("abstention.no_need"),
            Meter(each["coverage"], percent(words, each["coverage"], 0)),
            percent(words, each.get("accuracy")),
            interval(words, each.get("low"), each.get("high")),
        )


PARTS.add("abstention", Part(25, examine, present))
