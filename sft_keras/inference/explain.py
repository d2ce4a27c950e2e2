"""Which words speak for a label: each is left out in turn, and the change of the probability is its weight.

Leaving out (occlusion, Zeiler and Fergus 2014; erasure, Li et al. 2016, https://arxiv.org/abs/1612.08220) needs nothing
of a model but its answers, so that it works for every backbone and for exported graphs.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sft_keras.data.scripts import unspaced_share
from sft_keras.errors import InputValueError, did_you_mean

if TYPE_CHECKING:
    from sft_keras.inference.base import TextPredictor

MOST_PIECES = 100
# Of longer texts no model reads the rest; and each piece costs a copy of the text.
MOST_CHARACTERS = 20_000
_JOINERS = "'’-_"


Method = Literal["gradients", "occlusion"]


@dataclass(frozen=True)
class WordWeight:
    """A piece of a text and what it does for a label.

    Attributes:
        text: A word, or the space or punctuation between words; all pieces together are the text.
        weight: How much the label's probability falls without it, -1 to 1. What is between words has 0 by
            occlusion, and by gradients what its tokens have.
    """

    text: str
    weight: float


@dataclass(frozen=True)
class Explanation:
    """Why a model gives a label the probability that it gives it.

    Attributes:
        label: The label.
        method: "gradients" (integrated gradients: the weights add up to `probability - baseline`) or "occlusion" (each
            word left out in turn).
        words: All of the text in pieces.
        probability: What the model gives the label for the text.
        baseline: What it gives it where every word is replaced by a neutral token; None by occlusion.
        steps: Points on the way from the one to the other; 0 by occlusion.
        gap: By how much the sum of the weights misses `probability - baseline`; 0 by occlusion.
        note: What a person should know of it, such as why it was another method than asked for; mostly empty.
    """

    label: str
    method: Method
    words: list[WordWeight]
    probability: float
    baseline: float | None = None
    steps: int = 0
    gap: float = 0.0
    note: str = ""


def explain(
    predictor: TextPredictor, text: str, label: str | None = None, *, most_pieces: int = MOST_PIECES
) -> list[WordWeight]:
    """What each word of a text does for a label.

    Args:
        predictor: The model.
        text: The text. Of one with more than `most_pieces` words, neighbouring words are left out together.
        label: The label; the predicted one if left out.
        most_pieces: How many times the model is asked, at most.

    Returns:
        All of the text in pieces; a text without a word is one piece of weight 0, an empty one none.

    Raises:
        InputValueError: The model knows no such label.
    """
    names = predictor.labels.names
    require_label(names, label)
    if not text:
        return []
    read = text[:MOST_CHARACTERS]
    words = _grouped(word_spans(read), most_pieces)
    if not words:
        return [WordWeight(text, 0.0)]
    whole, *rest = predictor.predict([read, *(read[:start] + read[end:] for start, end in words)])
    chosen = label or whole.label
    # A model says nothing of an empty text: without its only word, every label is as likely.
    weights = [whole.probabilities[chosen] - each.probabilities.get(chosen, 1 / len(names)) for each in rest]
    pieces: list[WordWeight] = []
    at = 0
    for (start, end), weight in zip(words, weights, strict=True):
        if start > at:
            pieces.append(WordWeight(text[at:start], 0.0))
        pieces.append(WordWeight(text[start:end], weight))
        at = end
    if at < len(text):
        pieces.append(WordWeight(text[at:], 0.0))
    return pieces


def require_label(names: Sequence[str], label: str | None) -> None:
    """Raises `InputValueError` for a label that the model does not know."""
    if label is not None and label not in names:
        raise InputValueError(f'The model knows no label "{label}".', where="label", fix=did_you_mean(label, names))


def weighted_pieces(text: str, spans: np.ndarray, weights: np.ndarray) -> list[WordWeight]:
    """The pieces of a text with the weights of the tokens that they consist of.

    A token that reaches over several words counts for each by its characters; one that has none of a word counts for
    what is between words. So the weights of the pieces add up to those of the tokens.

    Args:
        text: The text.
        spans: int64 [tokens, 2], start and end of each token.
        weights: float64 [tokens].

    Returns:
        All of the text in pieces; none for an empty one.
    """
    if not text:
        return []
    words = word_spans(text)
    in_words = np.zeros(len(text), dtype=bool)
    for start, end in words:
        in_words[start:end] = True
    by_character = np.zeros(len(text))
    for (start, end), weight in zip(spans.tolist(), weights.tolist(), strict=True):
        at = np.arange(min(start, len(text) - 1), max(min(end, len(text)), min(start, len(text) - 1) + 1))
        of_words = at[in_words[at]]
        at = of_words if len(of_words) else at
        by_character[at] += weight / len(at)
    edges = sorted({0, len(text), *(edge for span in words for edge in span)})
    return [
        WordWeight(text[start:end], float(by_character[start:end].sum())) for start, end in itertools.pairwise(edges)
    ]


def word_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each word; where words are not spaced (Chinese, Japanese, Thai, …), of each character.

    An emoji or another symbol is a word of its own; punctuation is none.
    """
    spans: list[tuple[int, int]] = []
    before = ""
    for index, kind in _kinds(text):
        if spans and kind == "continues":
            spans[-1] = (spans[-1][0], index + 1) if spans[-1][1] == index else spans[-1]
            continue
        if kind in ("letter", "character", "symbol"):
            joined = kind == before == "letter" and spans and _touches(text, spans[-1][1], index)
            if joined:
                spans[-1] = (spans[-1][0], index + 1)
            else:
                spans.append((index, index + 1))
        if kind != "joiner":
            before = kind
    return spans


def _touches(text: str, end: int, index: int) -> bool:
    """Whether a letter goes on with the word that ended before it: at once, or after one apostrophe or hyphen."""
    return end == index or (end == index - 1 and text[end] in _JOINERS)


def _kinds(text: str) -> Iterator[tuple[int, str]]:
    for index, character in enumerate(text):
        category = unicodedata.category(character)
        if character in _JOINERS:
            yield index, "joiner"
        elif category[0] == "M" or category in ("Sk", "Cf"):  # accents, vowel signs, skin tones, joined emoji
            yield index, "continues"
        elif category[0] in "LN":
            yield index, "character" if unspaced_share([character]) else "letter"
        elif category[0] == "S":
            yield index, "symbol"
        else:
            yield index, "between"


def _grouped(spans: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """At most so many spans: neighbours are put together, with what is between them."""
    size = -(-len(spans) // most)
    return [(group[0][0], group[-1][1]) for group in (spans[at : at + size] for at in range(0, len(spans), size or 1))]
