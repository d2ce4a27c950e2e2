"""Rows that are far from all others, and rows in another script than the rest.

Distance: the mean distance to the ten nearest other rows (Angiulli and Pizzuti 2002, PKDD), Euclidean on standardised
vectors, cosine on TF-IDF. A row is far if the modified z-score of the logarithm of it is above 3.5 (Iglewicz and
Hoaglin 1993, *How to Detect and Handle Outliers*).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.data.scripts import script_of
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Column, Sentence, Table, percent
from sft_keras.diagnostics.out_of_fold import FEWEST_ROWS, labelled_rows
from sft_keras.diagnostics.parts.suspicious_labels import SHOWN_CHARACTERS, clipped

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

MOST_ROWS = 10_000
NEIGHBOURS = 10
FAR = 3.5
MOST = 50
CHUNK = 1_000
MAIN_SCRIPT = 0.8
"""Share of the texts that one script must have for the others to be foreign."""
FEWEST_LETTERS = 5
_LETTER = re.compile(r"[^\W\d_]")


def examine(subject: Subject) -> Facts:
    """Finds rows of the training and the validation part that stand alone."""
    rows = labelled_rows(subject, MOST_ROWS)
    if len(rows.examples) < FEWEST_ROWS:
        raise NotApplicable("rows.few_rows", rows=len(rows.examples), least=FEWEST_ROWS)
    distances = neighbour_distances(rows.features, subject)
    scores = far_scores(distances)
    far = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] > FAR]
    foreign, main = foreign_rows(rows.examples.texts)

    def listed(chosen: Sequence[int]) -> list[dict[str, Any]]:
        return [
            {
                "part": rows.parts[i],
                "row": int(rows.examples.rows[i]),
                "text": rows.examples.texts[i][: SHOWN_CHARACTERS + 1],
                "label": rows.examples.labels[i],
            }
            for i in chosen
        ]

    return {
        "rows": len(rows.examples),
        "total": rows.total,
        "neighbours": min(NEIGHBOURS, len(rows.examples) - 1),
        "far": len(far),
        "far_listed": listed(far[: MOST // 2]),
        "foreign": len(foreign),
        "foreign_listed": listed(foreign[: MOST // 2]),
        "main_script": main,
    }


def neighbour_distances(features: Any, subject: Subject) -> np.ndarray:
    """The mean distance of each row to its ten nearest others, float64 [rows].

    Args:
        features: [rows, width]; sparse for TF-IDF.
        subject: Hears how far it is.
    """
    from scipy import sparse
    from sklearn.preprocessing import StandardScaler, normalize

    lean = sparse.issparse(features)
    vectors = normalize(features) if lean else StandardScaler().fit_transform(features).astype(np.float32)
    count = vectors.shape[0]
    nearest = min(NEIGHBOURS, count - 1)
    squares = None if lean else np.einsum("ij,ij->i", vectors, vectors)
    result = np.empty(count)
    for start in range(0, count, CHUNK):
        stop = min(start + CHUNK, count)
        products = vectors[start:stop] @ vectors.T
        if squares is None:
            distances = 1 - products.toarray()
        else:
            distances = np.sqrt(np.maximum(squares[start:stop, None] + squares - 2 * products, 0))
        distances[np.arange(stop - start), np.arange(start, stop)] = np.inf
        result[start:stop] = np.partition(distances, nearest - 1, axis=1)[:, :nearest].mean(axis=1)
        subject.tell(stop / count)
    return result


def far_scores(distances: np.ndarray) -> np.ndarray:
    """Modified z-scores of the logarithms of distances: 0.6745 (x - median) / MAD, float64 [rows]; 0 without spread."""
    logarithms = np.log(np.maximum(distances, 1e-9))
    away = logarithms - np.median(logarithms)
    spread = float(np.median(np.abs(away)))
    return np.zeros(len(distances)) if spread < 1e-9 else 0.6745 * away / spread


def foreign_rows(texts: Sequence[str]) -> tuple[list[int], str | None]:
    """The texts in another script than at least 80 % of them, and that script: "latin", "unspaced", "other" or None."""
    scripts = [_script(text) for text in texts]
    counts = Counter(filter(None, scripts))
    main, number = counts.most_common(1)[0] if counts else (None, 0)
    if main is None or number < MAIN_SCRIPT * counts.total():
        return [], None
    return [i for i, script in enumerate(scripts) if script not in (None, main)], main


def _script(text: str) -> str | None:
    if len(_LETTER.findall(text[:200])) < FEWEST_LETTERS:
        return None
    return script_of(text)


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """How many rows stand alone, and which."""
    blocks: list[Block] = []
    for kind in ("far", "foreign"):
        count = facts[kind]
        if not count:
            continue
        share = percent(words, count / facts["rows"])
        blocks.append(Sentence(words(f"outliers.{kind}", count=count, rows=facts["rows"], share=share), "warn"))
        blocks.append(_table(facts[f"{kind}_listed"], words, words(f"outliers.{kind}_title")))
    if not blocks:
        blocks.append(Sentence(words("outliers.none", rows=facts["rows"]), "good"))
    blocks.append(Sentence(words("outliers.how", neighbours=facts["neighbours"]), "how"))
    if facts["rows"] < facts["total"]:
        blocks.append(Sentence(words("rows.drawn", rows=facts["rows"], total=facts["total"]), "how"))
    return blocks


def _table(listed: Sequence[Mapping[str, Any]], words: Catalogue, title: str) -> Table:
    columns = [
        Column(words("outliers.text")),
        Column(words("outliers.label"), "label"),
        Column(words("rows.row"), "number"),
    ]
    rows = [
        (clipped(each["text"]), each["label"], f"{words('rows.part_' + each['part'])} {each['row']}") for each in listed
    ]
    return Table(columns, rows, title=title, shown=5, private=True)


PARTS.add("outliers", Part(35, examine, present, needs_test=False))
