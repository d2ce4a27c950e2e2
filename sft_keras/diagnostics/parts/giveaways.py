"""Words, and values of other columns, that by themselves nearly settle a label.

If whoever labelled the rows put such words there, the score is too good: they are known as annotation artifacts
(Gururangan et al. 2018, NAACL, arXiv 1803.02324). A model never reads the other columns, but a column that settles the
label may make it needless, or was made from the labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
_BETWEEN = "\0"
_WORD = re.compile(r"\w+")
_EDGES = ".,;:!?…\"'()[]{}«»“”‘’。，；：！？（）【】《》、"


def examine(subject: Subject) -> Facts:
    """Looks through the words and the other columns of the training part."""
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
    classes = len(subject.labels)
    found = _apart(telling(texts, truth[chosen], classes, _runs if by_character else _words))
    subject.tell(0.9)
    values = telling(_pairs(rows.take(chosen.tolist()).groups, len(chosen)), truth[chosen], classes, list)
    subject.tell(1.0)
    names = subject.labels.names
    return {
        "rows": len(texts),
        "total": total,
        "by_character": by_character,
        "count": len(found),
        "listed": [_named(each, names) for each in found[:MOST]],
        "values": [
            {**_named(each, names), "column": column, "word": value}
            for each in values[:MOST]
            for column, value in [each["word"].split(_BETWEEN, 1)]
        ],
    }


def telling(
    documents: Sequence[Any], truth: np.ndarray, classes: int, words_of: Callable[[Any], Iterable[str]]
) -> list[dict[str, Any]]:
    """Words in at least 2 % of a label (and 5 rows) that are in it 99 times of 100, the most frequent first.

    What could be so by chance is left out: a word in n rows lies in one label with the probability of at most the
    label's share to the power of n, which times the number of words must stay under 0.01 (Bonferroni).

    Args:
        documents: One for each row.
        truth: int [rows], class indices.
        classes: Number of classes.
        words_of: Gives the words of a document.

    Returns:
        word, label (an index), rows with the word, of these those with the label (`hits`), and their share of the
        label; `place` is equal for words that stand in the same rows.
    """
    from scipy.stats import binom
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(analyzer=words_of, binary=True, min_df=FEWEST_ROWS, dtype=np.int32)
    try:
        present = vectorizer.fit_transform(documents).tocsc()
    except ValueError:  # no word is in five texts
        return []
    words = vectorizer.get_feature_names_out()
    sizes = np.bincount(truth, minlength=classes)
    best, hits = _best(present, truth, classes)
    rows = np.asarray(present.sum(axis=0)).reshape(-1)
    chance = binom.sf(hits - 1, rows, sizes[best] / len(truth)) * len(words)
    chosen = (hits >= PRECISION * rows) & (hits >= FEWEST_ROWS) & (hits >= SHARE * sizes[best]) & (chance < CHANCE)
    order = sorted(np.flatnonzero(chosen).tolist(), key=lambda w: (-hits[w] / sizes[best[w]], -len(words[w]), words[w]))
    return [
        {
            "word": str(words[word]),
            "label": int(best[word]),
            "rows": int(rows[word]),
            "hits": int(hits[word]),
            "share": float(hits[word] / sizes[best[word]]),
            "place": present.indices[present.indptr[word] : present.indptr[word + 1]].tobytes(),
        }
        for word in order
    ]


def _apart(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without pieces of a longer word that stand in the same rows as it."""
    first: dict[bytes, dict[str, Any]] = {}
    for each in found:
        first.setdefault(each["place"], each)
    return list(first.values())


def _named(each: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """With the label's name, and without its place."""
    return {key: value for key, value in each.items() if key != "place"} | {"label": names[each["label"]]}


def _pairs(groups: Mapping[str, Sequence[str]], rows: int) -> list[list[str]]:
    """For each row its column names with their values."""
    return [[f"{name}{_BETWEEN}{values[i]}" for name, values in groups.items()] for i in range(rows)]


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
    """The words and the values, and what they may mean."""
    how = [Sentence(words("giveaways.how", rows=facts["rows"]), "how")]
    if facts["rows"] < facts["total"]:
        how.append(Sentence(words("rows.drawn", rows=facts["rows"], total=facts["total"]), "how"))
    return [*_of_words(facts, words), *_of_columns(facts.get("values", []), words), *how]


def _of_words(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    listed = facts["listed"]
    if not listed:
        return [Sentence(words("giveaways.none"), "good")]
    first = listed[0]
    strong = first["share"] >= PLAIN
    title = words("giveaways.first", **_figures(first, words))
    verdict = words(f"giveaways.verdict_{'strong' if strong else 'some'}", count=facts["count"])
    return [Sentence(verdict, "warn" if strong else "say"), _table([words("giveaways.word")], listed, title, words)]


def _of_columns(values: Sequence[Mapping[str, Any]], words: Catalogue) -> list[Block]:
    if not values:
        return []
    names = list(dict.fromkeys(each["column"] for each in values))
    title = words("giveaways.first_value", column=values[0]["column"], **_figures(values[0], words))
    return [
        Sentence(words("giveaways.columns", columns=words("giveaways.and").join(names)), "warn", private=True),
        _table([words("giveaways.column"), words("giveaways.value")], values, title, words),
    ]


def _figures(each: Mapping[str, Any], words: Catalogue) -> dict[str, str]:
    return {
        "word": each["word"] or words("common.empty"),
        "label": each["label"],
        "precision": percent(words, each["hits"] / each["rows"]),
        "share": percent(words, each["share"], 0),
    }


def _table(heads: Sequence[str], listed: Sequence[Mapping[str, Any]], title: str, words: Catalogue) -> Table:
    columns = [
        *(Column(head) for head in heads),
        Column(words("giveaways.label"), "label"),
        Column(words("giveaways.share"), "meter"),
        Column(words("giveaways.precision"), "number"),
        Column(words("giveaways.rows"), "number"),
    ]
    rows = []
    for each in listed:
        told = _figures(each, words)
        named = [each["column"]] if "column" in each else []
        share = Meter(each["share"], told["share"])
        rows.append((*named, told["word"], told["label"], share, told["precision"], str(each["rows"])))
    return Table(columns, rows, title=title, private=True)


PARTS.add("giveaways", Part(37, examine, present, needs_test=False))
