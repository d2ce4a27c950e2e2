"""Explanations: all of the text comes back, words are found in any script, and the work is bounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from sft_keras.data.labels import Labels
from sft_keras.errors import InputValueError
from sft_keras.inference.base import TextPredictor
from sft_keras.inference.explain import explain, word_spans
from sft_keras.tasks.base import TASKS


class Counting(TextPredictor):
    """Knows good words and bad ones, and counts what it is asked."""

    def __init__(self) -> None:
        super().__init__(Labels(("bad", "good")), TASKS.get("classification"))
        self.asked: list[str] = []

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        score = [sum(text.count(word) for word in ("great", "好", "🎉")) - text.count("awful") for text in texts]
        return np.array([[0, each] for each in score], dtype=np.float32)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't like it, really!", ["I", "don't", "like", "it", "really"]),
        ("味道很好 🎉 ok", ["味", "道", "很", "好", "🎉", "ok"]),
        ("日本語のtext123 x", ["日", "本", "語", "の", "text123", "x"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("cafe\u0301 👍🏽", ["cafe\u0301", "👍🏽"]),
        ("a - b 'c' d-e", ["a", "b", "c", "d-e"]),
        ("... !?", []),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in word_spans(text)] == words


LONG = ["great " * 1000, "好" * 50_000]


@pytest.mark.parametrize("text", ["a great film, awful end", "味道很好!", "great", " \n", "\u0301x", *LONG])
def test_the_pieces_are_the_text_and_the_work_is_bounded(text: str) -> None:
    model = Counting()
    pieces = explain(model, text)
    assert "".join(piece.text for piece in pieces) == text
    assert len(model.asked) <= 101
    assert max(map(len, model.asked), default=0) <= 20_000
    assert all(-1 <= piece.weight <= 1 for piece in pieces)


def test_the_telling_word_weighs_most_for_its_label_and_against_the_other() -> None:
    pieces = explain(Counting(), "a great film")
    assert max(pieces, key=lambda piece: piece.weight).text == "great"
    against = explain(Counting(), "a great film", "bad")
    assert min(against, key=lambda piece: piece.weight).text == "great"
    chinese = explain(Counting(), "味道很好")
    assert max(chinese, key=lambda piece: piece.weight).text == "好"


def test_the_only_word_is_weighed_against_knowing_nothing() -> None:
    (piece,) = explain(Counting(), "great")
    assert piece.weight == pytest.approx(1 / (1 + np.exp(-1)) - 0.5)


def test_no_text_and_no_such_label() -> None:
    assert explain(Counting(), "") == []
    with pytest.raises(InputValueError, match='no label "goood"') as caught:
        explain(Counting(), "great", "goood")
    assert "good" in caught.value.fix
