"""What becomes of the answers when texts are typed badly, shortened or disguised: test texts, changed a little."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Column, Meter, Sentence, Table, percent
from sft_keras.diagnostics.draws import drawn_rows
from sft_keras.diagnostics.perturbations import ANSWER_MAY_CHANGE, PERTURBATIONS, perturbed

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

MOST_ROWS, MOST_LENGTH = 300, 2_000
FEWEST_CHANGED = 5
EXAMPLES = 3
SAMPLES = 1_000


def examine(subject: Subject) -> Facts:
    """Predicts some of the test texts as they are and after each perturbation."""
    from sft_keras.evaluation.bootstrap import accuracy_difference

    test, truth = subject.rows("test"), subject.truth("test")
    chosen = drawn_rows(len(test), MOST_ROWS, subject.seed)
    texts = [test.texts[i][:MOST_LENGTH] for i in chosen]
    labels = truth[chosen]
    names = subject.labels.names
    before = subject.predictor.probabilities(texts).argmax(axis=1)
    found = []
    for number, name in enumerate(PERTURBATIONS):
        subject.tell(number / len(PERTURBATIONS))
        changed = [perturbed(name, text, subject.seed) for text in texts]
        rows = np.array([i for i, text in enumerate(changed) if text != texts[i] and text.strip()], dtype=int)
        if len(rows) < FEWEST_CHANGED:
            continue
        after = subject.predictor.probabilities([changed[i] for i in rows]).argmax(axis=1)
        flips = np.flatnonzero(after != before[rows])
        difference = accuracy_difference(labels[rows], after, before[rows], samples=SAMPLES, seed=subject.seed)
        found.append(
            {
                "name": name,
                "rows": len(rows),
                "before": float((before[rows] == labels[rows]).mean()),
                "after": float((after == labels[rows]).mean()),
                "difference": difference.value,
                "low": difference.low,
                "high": difference.high,
                "flips": len(flips) / len(rows),
                "examples": [
                    {
                        "text": changed[rows[i]][:200],
                        "before": names[before[rows[i]]],
                        "after": names[after[i]],
                    }
                    for i in flips[:EXAMPLES]
                ],
            }
        )
    if not found:
        raise NotApplicable("too_few", rows=FEWEST_CHANGED)
    return {"rows": len(texts), "of": len(test), "perturbations": found}


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """The worst in words, all in a table, and answers that changed."""
    found: Sequence[Mapping[str, Any]] = facts["perturbations"]
    strict = [each for each in found if each["name"] not in ANSWER_MAY_CHANGE]
    worst = min(strict, key=lambda each: each["difference"], default=None)
    blocks: list[Block] = []
    if worst is not None and worst["difference"] < 0 and worst["high"] is not None and worst["high"] < 0:
        text = words(
            "stress.worst",
            name=words(f"stress.name_{worst['name']}"),
            before=percent(words, worst["before"]),
            after=percent(words, worst["after"]),
            flips=percent(words, worst["flips"], 0),
        )
        blocks.append(Sentence(text, "warn"))
        blocks.append(Sentence(words(f"stress.advice_{_advice(worst['name'])}")))
    else:
        blocks.append(Sentence(words("stress.steady"), "good"))
    columns = [
        Column(words("stress.change")),
        Column(words("stress.rows"), "number"),
        Column(words("stress.before"), "number"),
        Column(words("stress.after"), "number"),
        Column(words("stress.difference"), "number"),
        Column(words("stress.flips"), "meter"),
    ]
    ordered = sorted(found, key=lambda each: each["difference"])
    blocks.append(Table(columns, list(_rows(ordered, words)), shown=len(found)))
    examples = [
        (words(f"stress.name_{each['name']}"), example["text"], example["before"], example["after"])
        for each in ordered
        for example in each["examples"]
    ]
    if examples:
        heads = [
            Column(words("stress.change")),
            Column(words("stress.text")),
            Column(words("stress.answer_before"), "label"),
            Column(words("stress.answer_after"), "label"),
        ]
        blocks.append(Table(heads, examples, title=words("stress.examples"), shown=6, private=True))
    how = "stress.how" if facts["rows"] == facts["of"] else "stress.how_drawn"
    blocks.append(Sentence(words(how, rows=facts["rows"], of=facts["of"]), "how"))
    return blocks


def _rows(found: Sequence[Mapping[str, Any]], words: Catalogue) -> Iterator[tuple[str | Meter, ...]]:
    for each in found:
        bounds = "" if each["low"] is None else f" ({100 * each['low']:+.1f}…{100 * each['high']:+.1f})"
        star = " *" if each["name"] in ANSWER_MAY_CHANGE else ""
        yield (
            words(f"stress.name_{each['name']}") + star,
            f"{each['rows']:,}",
            percent(words, each["before"]),
            percent(words, each["after"]),
            f"{100 * each['difference']:+.1f}{bounds}",
            Meter(each["flips"], percent(words, each["flips"], 0)),
        )


def _advice(name: str) -> str:
    if name in ("upper_case", "lower_case", "homoglyphs", "full_width", "traditional", "simplified"):
        return "convert"
    return "add"


PARTS.add("stress", Part(75, examine, present))
