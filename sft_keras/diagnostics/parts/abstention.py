"""Answering only where it is sure enough: the threshold for a wanted accuracy, chosen on validation, tried on the test.

Selective classification (El-Yaniv and Wiener 2010, https://www.jmlr.org/papers/v11/el-yaniv10a.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Column, Meter, Sentence, Table, interval, percent

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

WANTED = (0.8, 0.9, 0.95, 0.98, 0.99)


def examine(subject: Subject) -> Facts:
    """The threshold for each wanted accuracy, and what it does on the test part."""
    from sft_keras.evaluation.thresholds import FEWEST_ROWS, attained

    parts = {}
    for part in ("validation", "test"):
        probabilities = subject.probabilities(part)
        hits = probabilities.argmax(axis=1) == subject.truth(part)
        parts[part] = (probabilities.max(axis=1), hits)
        if len(hits) < FEWEST_ROWS:
            raise NotApplicable("too_few", rows=FEWEST_ROWS)
    hits = parts["test"][1]
    found: list[dict[str, Any]] = []
    for wanted in WANTED:
        each = attained(parts["validation"], parts["test"], wanted)
        row: dict[str, Any] = {"wanted": wanted, "threshold": each.threshold}
        if each.threshold is not None:
            row |= {"coverage": each.coverage, "answered": each.answered}
            if each.answered:
                row |= {"accuracy": each.accuracy, "low": each.low, "high": each.high}
        found.append(row)
    return {"rows": len(hits), "accuracy": float(hits.mean()), "wanted": found}


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
    from sft_keras.evaluation.thresholds import FEWEST_ANSWERED

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
