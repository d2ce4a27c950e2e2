"""Labels that look wrong: confident learning (Northcutt, Jiang and Chuang 2021, JAIR 70, arXiv 1911.00068).

A row is suspected if a classifier that did not see it is surer of another label than it usually is where that other
label was given, and the noise that this estimates for the pair of labels leaves room for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.data.corrections import correction_key, text_key
from sft_keras.diagnostics.base import PARTS, Facts, Part
from sft_keras.diagnostics.blocks import Block, Column, Meter, Sentence, Table, percent
from sft_keras.diagnostics.out_of_fold import OutOfFold, out_of_fold

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

MOST = 500
MOST_CHARACTERS = 1_000
SHOWN_CHARACTERS = 300


def examine(subject: Subject) -> Facts:
    """Lists the rows whose label is suspected, the most suspicious first."""
    rows = out_of_fold(subject)
    found = suspects(rows)
    names = subject.labels.names
    suggested = _others(rows).argmax(axis=1)
    return {
        "rows": int(rows.judged.sum()),
        "drawn": len(rows.examples),
        "total": rows.total,
        "suspected": len(found),
        "right": float((rows.probabilities.argmax(axis=1) == rows.truth)[rows.judged].mean()),
        "frozen": subject.quick_is_frozen,
        "listed": [
            {
                "key": correction_key(rows.examples.texts[i], rows.examples.labels[i]),
                "text_key": text_key(rows.examples.texts[i]),
                "part": rows.parts[i],
                "row": int(rows.examples.rows[i]),
                "text": rows.examples.texts[i][:MOST_CHARACTERS],
                "label": rows.examples.labels[i],
                "suggested": names[suggested[i]],
                "suspicion": round(float(suspicion), 4),
            }
            for i, suspicion in found[:MOST]
        ],
    }


def suspects(rows: OutOfFold) -> list[tuple[int, float]]:
    """Positions of the suspected rows and their suspicion (1 less the normalised margin), the highest first.

    The normalised margin is (p(given) - max p(other) + 1) / 2.
    """
    from cleanlab.filter import find_label_issues

    judged = np.flatnonzero(rows.judged)
    classes, truth = np.unique(rows.truth[judged], return_inverse=True)
    probabilities = rows.probabilities[np.ix_(judged, classes)].astype(np.float64)
    probabilities += 1e-12  # a fold may lack a label
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    flagged = find_label_issues(truth.reshape(-1), probabilities, filter_by="prune_by_noise_rate", n_jobs=1)
    given = rows.probabilities[np.arange(len(rows.truth)), rows.truth].astype(np.float64)
    suspicion = (1 - given + _others(rows).max(axis=1)) / 2
    chosen = judged[flagged]
    order = np.lexsort((chosen, -suspicion[chosen]))
    return [(int(i), float(np.clip(suspicion[i], 0, 1))) for i in chosen[order]]


def _others(rows: OutOfFold) -> np.ndarray:
    """The probabilities of the labels that were not given; that of the given one is -1."""
    others = rows.probabilities.copy()
    others[np.arange(len(rows.truth)), rows.truth] = -1
    return others


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """How many labels are suspected, and which."""
    count, rows = facts["suspected"], facts["rows"]
    drawn = []
    if facts["drawn"] < facts["total"]:
        drawn.append(Sentence(words("rows.drawn", rows=facts["drawn"], total=facts["total"]), "how"))
    how = Sentence(words("suspicious_labels.how", right=percent(words, facts["right"])), "how")
    if not count:
        return [Sentence(words("suspicious_labels.none", rows=rows), "good"), how, *drawn]
    verdict = words("suspicious_labels.verdict", count=count, rows=rows, share=percent(words, count / rows))
    columns = [
        Column(words("suspicious_labels.text")),
        Column(words("suspicious_labels.given"), "label"),
        Column(words("suspicious_labels.suggested"), "label"),
        Column(words("suspicious_labels.suspicion"), "meter"),
        Column(words("rows.row"), "number"),
    ]
    table = [
        (
            clipped(each["text"]),
            each["label"],
            each["suggested"],
            Meter(each["suspicion"], percent(words, each["suspicion"], 0)),
            f"{words('rows.part_' + each['part'])} {each['row']}",
        )
        for each in facts["listed"]
    ]
    return [Sentence(verdict, "warn"), Table(columns, table, private=True), how, *drawn]


def clipped(text: str) -> str:
    """The beginning of a text, with an ellipsis where more follows."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


PARTS.add("suspicious_labels", Part(30, examine, present, needs_test=False))
