"""Whether texts differ from those that a model was made of: then its score on the test part does not tell its mistakes.

Four things are compared, each where there is something to compare with: how long the texts are (two-sample Kolmogorov-
Smirnov test); which part of their words never occurred in training (Mann-Whitney test on the share of each text, with
that of the test part); how the labels are divided (chi-square test of homogeneity; total variation says how much); and
how sure the model is (Kolmogorov-Smirnov test). The p-values are corrected after Holm (1979, *Scandinavian Journal of
Statistics* 6). Besides being clear, a difference must be large: of thousands of texts, the smallest one is clear.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.data.scripts import unspaced_runs

FEWEST_ROWS, FEWEST_KEPT = 30, 10
"""Of new texts, and of texts to compare with."""
MOST_LENGTHS = 5_000
CLEAR = 0.01
"""Chance raises an alarm for one file in a hundred."""
LARGE = {"length": 0.15, "words": 0.05, "classes": 0.15, "confidence": 0.15}
"""What is large: the distance of the Kolmogorov–Smirnov test, the difference of two shares, the total variation."""
FEWEST_EXPECTED = 5.0
_WORD = re.compile(r"\w+")

Kind = Literal["length", "words", "classes", "confidence"]


@dataclass(frozen=True, eq=False)
class Reference:
    """What is kept of the rows that a model was made of; no text, and words as hashes only.

    Attributes:
        lengths: int32 [rows], words of texts it was trained on.
        words: uint32, rising: the hashes of all words in training.
        unseen: float32 [rows], of texts it was not trained on: the share of words that are not among these.
        counts: int64 [labels], how often the model gives each label on the test part; empty without one.
        confidences: float32 [rows], its confidence on the test part; empty without one.
    """

    lengths: np.ndarray
    words: np.ndarray
    unseen: np.ndarray
    counts: np.ndarray
    confidences: np.ndarray


@dataclass(frozen=True)
class Change:
    """One of the things that are compared.

    Attributes:
        kind: Which.
        size: How large the change is, 0 to 1: see `LARGE`.
        p_value: Corrected for the number of comparisons.
        before: Median length, mean share of unknown words, share of the label that changed most, or median confidence.
        now: The same of the new texts.
        label: Index of the label that changed most.
    """

    kind: Kind
    size: float
    p_value: float
    before: float
    now: float
    label: int = -1

    @property
    def alarming(self) -> bool:
        """Whether it is clear and large."""
        return self.p_value < CLEAR and self.size >= LARGE[self.kind]


@dataclass(frozen=True)
class Drift:
    """How new texts differ.

    Attributes:
        rows: How many there are.
        changes: What was compared.
    """

    rows: int
    changes: tuple[Change, ...]

    @property
    def alarming(self) -> tuple[Change, ...]:
        """What a person should know of."""
        return tuple(change for change in self.changes if change.alarming)


def words_of(text: str) -> list[str]:
    """The words of a text, capitals folded; of scripts without spaces, pairs of neighbouring characters."""
    found: list[str] = []
    for piece in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        for run, unspaced in unspaced_runs(piece):
            if unspaced and len(run) > 1:
                found += [run[at : at + 2] for at in range(len(run) - 1)]
            else:
                found.append(run)
    return found


def hashed(words: Sequence[str]) -> np.ndarray:
    """uint32 [words]: a number for each; no text, though a dictionary can tell common words from it."""
    return np.array([zlib.crc32(word.encode("utf-8", "replace")) for word in words], dtype=np.uint32)


def reference_of(
    trained: Sequence[str], held_out: Sequence[str], probabilities: np.ndarray | None, *, seed: int = 0
) -> Reference:
    """What is kept for later comparisons.

    Args:
        trained: The texts of the training part.
        held_out: The texts of the test part, or of the validation part where there is none.
        probabilities: float [held_out, labels], what the model says of the test part; None without one.
        seed: Draws the lengths that are kept.
    """
    known_hashes: set[int] = set()
    counted = []
    for text in trained:  # one by one: the words of a million texts would not fit into memory
        words = words_of(text)
        counted.append(len(words))
        known_hashes.update(hashed(words).tolist())
    lengths = np.array(counted, dtype=np.int32)
    if len(lengths) > MOST_LENGTHS:
        lengths = np.random.default_rng(seed).choice(lengths, MOST_LENGTHS, replace=False)
    known = np.array(sorted(known_hashes), dtype=np.uint32)
    unseen = np.array([_unseen(words_of(text), known) for text in held_out], dtype=np.float32)
    counts, confidences = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    if probabilities is not None and len(probabilities):
        counts = np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1]).astype(np.int64)
        confidences = probabilities.max(axis=1).astype(np.float32)
    return Reference(lengths, known, unseen[~np.isnan(unseen)], counts, confidences)


def _unseen(words: Sequence[str], known: np.ndarray) -> float:
    """The share of words that are not known; NaN without words."""
    if not words:
        return float("nan")
    if not len(known):
        return 1.0
    found = hashed(words)
    places = np.minimum(np.searchsorted(known, found), len(known) - 1)  # far quicker than `isin`, which sorts anew
    return float(np.mean(known[places] != found))


@dataclass
class Watch:
    """Hears of each text as it is predicted, and compares them all at last.

    Args:
        reference: What they are compared with.
        names: The labels of the model, in order.
    """

    reference: Reference
    names: Sequence[str]
    _lengths: list[int] = field(default_factory=list)
    _unseen: list[float] = field(default_factory=list)
    _labels: list[int] = field(default_factory=list)
    _confidences: list[float] = field(default_factory=list)

    def add(self, text: str, label: str, confidence: float) -> None:
        """A text with its answer; one without an answer is left out."""
        if not label:
            return
        words = words_of(text)
        self._lengths.append(len(words))
        self._unseen.append(_unseen(words, self.reference.words))
        self._labels.append(self.names.index(label))
        self._confidences.append(confidence)

    def result(self) -> Drift | None:
        """How they differ; None of fewer than 30 texts, which cannot tell."""
        if len(self._lengths) < FEWEST_ROWS:
            return None
        unseen = np.array(self._unseen)
        changes = [
            _of_values("length", self.reference.lengths, np.array(self._lengths)),
            _of_words(self.reference.unseen, unseen[~np.isnan(unseen)]),
            _of_classes(self.reference.counts, np.bincount(self._labels, minlength=len(self.names))),
            _of_values("confidence", self.reference.confidences, np.array(self._confidences)),
        ]
        return Drift(len(self._lengths), _corrected([change for change in changes if change is not None]))


def _of_values(kind: Kind, before: np.ndarray, now: np.ndarray) -> Change | None:
    from scipy.stats import ks_2samp

    if len(before) < FEWEST_KEPT:
        return None
    found = ks_2samp(before, now)
    return Change(kind, float(found.statistic), float(found.pvalue), float(np.median(before)), float(np.median(now)))


def _of_words(before: np.ndarray, now: np.ndarray) -> Change | None:
    from scipy.stats import mannwhitneyu

    if len(before) < FEWEST_KEPT or len(now) < FEWEST_KEPT:
        return None
    # Only more unknown words are a reason to doubt.
    p_value = float(mannwhitneyu(now, before, alternative="greater").pvalue)
    means = float(before.mean()), float(now.mean())
    return Change("words", max(0.0, means[1] - means[0]), p_value, *means)


def _of_classes(before: np.ndarray, now: np.ndarray) -> Change | None:
    from scipy.stats import chi2_contingency

    if before.sum() < FEWEST_KEPT or len(before) != len(now):
        return None
    shares = before / before.sum(), now / now.sum()
    expected = (before + now) * min(before.sum(), now.sum()) / (before.sum() + now.sum())
    common = expected >= FEWEST_EXPECTED
    table = np.stack([[*counts[common], counts[~common].sum()] for counts in (before, now)])
    table = table[:, table.sum(axis=0) > 0]
    p_value = float(chi2_contingency(table).pvalue) if table.shape[1] > 1 else 1.0
    changed = int(np.argmax(np.abs(shares[1] - shares[0])))
    # Of the pooled table: of many rare labels, chance alone makes a large sum.
    size = 0.5 * float(np.abs(table[0] / table[0].sum() - table[1] / table[1].sum()).sum())
    return Change("classes", size, p_value, float(shares[0][changed]), float(shares[1][changed]), changed)


def _corrected(changes: Sequence[Change]) -> tuple[Change, ...]:
    """With p-values corrected after Holm, in the order given."""
    order = np.argsort([change.p_value for change in changes], kind="stable")
    corrected, highest = list(changes), 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, changes[index].p_value * (len(changes) - place)))
        corrected[index] = replace(changes[index], p_value=highest)
    return tuple(corrected)


def drift_sentence(drift: Drift, names: Sequence[str], words: Catalogue) -> str:
    """What a person should know of texts that differ; "" where they are alike.

    Args:
        drift: How they differ.
        names: The labels of the model, in order.
        words: The sentences of the report in the reader's language.
    """
    if not drift.alarming:
        return ""
    parts = words("drift.list").join(_part(change, names, words) for change in drift.alarming)
    kinds = {change.kind for change in drift.alarming}
    alone = f"drift.follows_{kinds.pop()}" if len(kinds) == 1 else ""
    follows = words(alone if alone in ("drift.follows_classes", "drift.follows_length") else "drift.follows")
    return words("drift.lead", rows=f"{drift.rows:,}", parts=parts) + words("form.gap") + follows


def _part(change: Change, names: Sequence[str], words: Catalogue) -> str:
    if change.kind == "length":
        key = "drift.longer" if change.now > change.before else "drift.shorter"
        key = "drift.lengths" if change.now == change.before else key
        return words(key, now=f"{change.now:.0f}", before=f"{change.before:.0f}")
    values: dict[str, Any] = {"now": f"{100 * change.now:.0f}", "before": f"{100 * change.before:.0f}"}
    if change.kind == "confidence":
        return words("drift.less_sure" if change.now < change.before else "drift.surer", **values)
    if change.kind == "classes":
        return words("drift.classes", name=names[change.label], **values)
    return words("drift.words", **values)
