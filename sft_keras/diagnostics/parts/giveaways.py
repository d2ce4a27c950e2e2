"""Words that by themselves nearly settle a label: if whoever labelled the rows put them there, the score is too good.

Such words are known as annotation artifacts (Gururangan et al. 2018, NAACL, arXiv 1803.02324).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.data.duplicates import exact_groups, normal_text
from sft_keras.data.scripts import mostly_unspaced
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Column, Meter, Sentence, Table, percent
from sft_keras.diagnostics.out_of_fold import FEWEST_ROWS as FEWEST_TOTAL

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

MOST_ROWS = 30_000
MOST_CHARACTERS = 2_000
MOST_ROWS_RUNS = 6_000
MOST_CHARACTERS_RUNS = 200
"""Runs of characters are many: these bounds keep them under a gibibyte."""
MOST = 50
PRECISION = 0.99
SHARE = 0.02
FEWEST_ROWS = 5
CHANCE = 0.01
"""Highest probability, over all words, of a word that is in one label by chance."""
PLAIN = 0.5
"""A word in so large a share of a label settles the label as a whole."""
LONGEST = 4
_WORD = re.compile(r"\w+")
_EDGES = ".,;:!?…\"'()[]{}«»“”‘’。，；：！？（）【】《》、"


def examine(subject: Subject) -> Facts:
    """Looks through the words of the training part."""
    rows = subject.rows("train")
    truth = subject.truth("train")
    # A text that was copied many times must not make all its words telling.
    _, chosen = np.unique(exact_groups(rows.texts), return_index=True)
    total = len(chosen)
    by_character = mostly_unspaced(rows.texts)
    most = MOST_ROWS_RUNS if by_character else MOST_ROWS
    if total > most:
        chosen = np.sort(np.random.default_rng(subject.seed).choice(chosen, most, replace=False))
    if len(chosen) < FEWEST_TOTAL:
        raise NotApplicable("rows.few_rows", rows=len(chosen), least=FEWEST_TOTAL)
    texts = [rows.texts[i][: MOST_CHARACTERS_RUNS if by_character else MOST_CHARACTERS] for i in chosen]
    found = telling(texts, truth[chosen], len(subject.labels), by_character=by_character)
    subject.tell(1.0)
    names = subject.labels.names
    return {
        "rows": len(texts),
        "total": total,
        "by_character": by_character,
        "count": len(found),
        "listed": [{**each, "label": names[each["label"]]} for each in found[:MOST]],
    }


def telling(texts: Sequence[str], truth: np.ndarray, classes: int, *, by_character: bool) -> list[dict[str, Any]]:
    """Words in at least 2 % of a label (and 5 rows) that are in it 99 times of 100, the most frequent first.

    What could be so by chance is left out: a word in n rows lies in one label with the probability of at most the
    label's share to the power of n, which times the number of words must stay under 0.01 (Bonferroni).

    Args:
        texts: The texts.
        truth: int [texts], class indices.
        classes: Number of classes.
        by_character: Runs of one to four characters in place of words.

    Returns:
        word, label (an index), rows with the word, of these those with the label, and their share of the label.
    """
    from scipy.stats import binom
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(
        analyzer=_runs if by_character else _words, binary=True, min_df=FEWEST_ROWS, dtype=np.int32
    )
    try:
        present = vectorizer.fit_transform(texts).tocsc()
    except ValueError:  # no word is in five texts
        return []
    words = vectorizer.get_feature_names_out()
    sizes = np.bincount(truth, minlength=classes)
    best, hits = _best(present, truth, classes)
    rows = np.asarray(present.sum(axis=0)).reshape(-1)
    chance = binom.sf(hits - 1, rows, sizes[best] / len(truth)) * len(words)
    chosen = (hits >= PRECISION * rows) & (hits >= FEWEST_ROWS) & (hits >= SHARE * sizes[best]) & (chance < CHANCE)
    order = sorted(np.flatnonzero(chosen).tolist(), key=lambda w: (-hits[w] / sizes[best[w]], -len(words[w]), words[w]))
    found: list[dict[str, Any]] = []
    seen: set[bytes] = set()
    for word in order:
        place = present.indices[present.indptr[word] : present.indptr[word + 1]].tobytes()
        if place in seen:  # a piece of a longer one, in the same rows
            continue
        seen.add(place)
        label = int(best[word])
        found.append(
            {
                "word": str(words[word]),
                "label": label,
                "rows": int(rows[word]),
                "hits": int(hits[word]),
                "share": float(hits[word] / sizes[label]),
            }
        )
    return found


def _best(present: Any, truth: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """For each word the label that it is in most often, and how often."""
    best = np.zeros(present.shape[1], np.int64)
    hits = np.full(present.shape[1], -1, np.int64)
    by_row = present.tocsr()
    for label in range(classes):
        counts = np.asarray(by_row[truth == label].sum(axis=0)).reshape(-1)
        better = counts > hits
        best[better], hits[better] = label, counts[better]
    return best, hits


def _words(text: str) -> set[str]:
    """The words, also with the signs that are tied to them."""
    plain = normal_text(text)
    return {*_WORD.findall(plain), *filter(None, (piece.strip(_EDGES) for piece in plain.split()))}


def _runs(text: str) -> set[str]:
    plain = normal_text(text)
    return {plain[i : i + n] for n in range(1, LONGEST + 1) for i in range(len(plain) - n + 1)} - {" "}


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """The words, and what they may mean."""
    how = [Sentence(words("giveaways.how", rows=facts["rows"]), "how")]
    if facts["rows"] < facts["total"]:
        how.append(Sentence(words("rows.drawn", rows=facts["rows"], total=facts["total"]), "how"))
    listed = facts["listed"]
    if not listed:
        return [Sentence(words("giveaways.none"), "good"), *how]
    first = listed[0]
    kind = "strong" if first["share"] >= PLAIN else "some"
    first_words = words(
        "giveaways.first",
        word=first["word"],
        label=first["label"],
        precision=percent(words, first["hits"] / first["rows"]),
        share=percent(words, first["share"], 0),
    )
    columns = [
        Column(words("giveaways.word")),
        Column(words("giveaways.label"), "label"),
        Column(words("giveaways.share"), "meter"),
        Column(words("giveaways.precision"), "number"),
        Column(words("giveaways.rows"), "number"),
    ]
    table = [
        (
            each["word"],
            each["label"],
            Meter(each["share"], percent(words, each["share"], 0)),
            percent(words, each["hits"] / each["rows"]),
            str(each["rows"]),
        )
        for each in listed
    ]
    return [
        Sentence(words(f"giveaways.verdict_{kind}", count=facts["count"]), "warn" if kind == "strong" else "say"),
        Table(columns, table, title=first_words, private=True),
        *how,
    ]


PARTS.add("giveaways", Part(37, examine, present, needs_test=False))
