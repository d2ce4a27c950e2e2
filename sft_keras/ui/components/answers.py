"""What a model says of texts, as pieces of a page: label, probabilities, and the words that mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sft_keras.services.space.predictions import Explanation, WordWeight
from sft_keras.ui.components.html import Markup, joined, tag
from sft_keras.ui.components.results import percent
from sft_keras.ui.texts import Catalogue

if TYPE_CHECKING:
    from sft_keras.tasks.base import Prediction

MOST_LABELS = 5
_LEVELS = 3
_LEAST_WEIGHT = 0.005
"""Words that move the probability by less than half a point decide nothing."""
_LEAST_PART = 0.15
"""Words with less than this part of the strongest one's weight stay unmarked."""


def answer_list(
    predictions: Sequence[Prediction],
    say: Catalogue,
    *,
    words: Mapping[int, Sequence[WordWeight]] | None = None,
    label: str = "",
    notes: Mapping[int, str] | None = None,
    examples: Mapping[int, Markup] | None = None,
) -> Markup:
    """The answers one below the other.

    Args:
        predictions: What the model says of each text.
        say: The sentences.
        words: By the number of the text, from 0: its pieces with their weight.
        label: Which label the weights are for; the one that was answered if "".
        notes: By the number of the text: what stands below its words.
        examples: By the number of the text: the training examples that are like it, below everything else.
    """
    alike = examples or {}
    found = words or {}
    below = notes or {}
    items = (
        _answer(each, say, found.get(number), label, below.get(number, ""), alike.get(number))
        for number, each in enumerate(predictions)
    )
    return tag("ol", *items, class_="a-answers")


def exact_note(found: Explanation, say: Catalogue) -> str:
    """What the weights of an exact explanation add up to."""
    if found.baseline is None:
        return say("predict.exact_not")
    return say("predict.exact_note", before=percent(found.baseline, say), now=percent(found.probability, say))


def _answer(
    prediction: Prediction,
    say: Catalogue,
    words: Sequence[WordWeight] | None,
    label: str,
    note: str,
    examples: Markup | None,
) -> Markup:
    if not prediction.label:
        return tag("li", tag("p", say("predict.answer_empty"), class_="s-subdued"), class_="a-answer")
    marked = words is not None and _strongest(words) >= _LEAST_WEIGHT
    text = _marked(words, say) if marked and words else Markup(tag("bdi", prediction.text))
    parts: list[object] = [
        tag(
            "div",
            tag("span", tag("bdi", prediction.label), class_="a-label"),
            tag("span", percent(prediction.confidence, say), class_="a-confidence"),
            class_="a-head",
        ),
        tag("p", text, class_="a-text", dir="auto"),
    ]
    if words is not None:
        none = tag("p", say("predict.words_none"), class_="a-note")
        parts.append(_legend(label or prediction.label, say) if marked else none)
        parts.append(tag("p", note, class_="a-note") if note else "")
    parts.append(_bars(prediction.probabilities, say))
    parts.append(examples or "")
    return tag("li", *parts, class_="a-answer")


def _bars(probabilities: Mapping[str, float], say: Catalogue) -> Markup:
    ordered = sorted(probabilities.items(), key=lambda each: -each[1])
    rows = (
        tag(
            "tr",
            tag("th", tag("bdi", name), scope="row", title=name),
            tag("td", tag("div", class_="a-fill", style=f"width:{100 * share:.1f}%"), class_="a-track"),
            tag("td", percent(share, say), class_="a-share"),
        )
        for name, share in ordered[:MOST_LABELS]
    )
    rest = len(ordered) - MOST_LABELS
    more = tag("p", say("predict.other_labels", count=rest), class_="a-note") if rest > 0 else Markup("")
    return joined([tag("table", tag("tbody", *rows), class_="a-bars"), more])


def _strongest(words: Sequence[WordWeight]) -> float:
    return max((abs(each.weight) for each in words), default=0.0)


def _marked(words: Sequence[WordWeight], say: Catalogue) -> Markup:
    most = _strongest(words)
    return joined(_word(each, most, say) for each in words)


def _word(word: WordWeight, most: float, say: Catalogue) -> Markup:
    part = abs(word.weight) / most
    if part < _LEAST_PART or not word.text.strip():
        return tag("span", word.text)
    level = min(_LEVELS, max(1, math.ceil(_LEVELS * part)))
    side = "for" if word.weight > 0 else "against"
    told = say("predict.words_points", points=f"{100 * word.weight:+.1f}")
    return tag("mark", word.text, class_=f"a-{side} a-{level}", title=told)


def _legend(label: str, say: Catalogue) -> Markup:
    return tag(
        "p",
        say("predict.words_legend", label=label),
        " ",
        tag("mark", say("predict.words_for"), class_="a-for a-2"),
        " ",
        tag("mark", say("predict.words_against"), class_="a-against a-2"),
        class_="a-note",
    )
