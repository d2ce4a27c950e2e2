"""Names that differ by a slip, and labels that are mixed up both ways."""

from __future__ import annotations

import numpy as np
import pytest

from sft_keras.diagnostics.blocks import Table
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.parts import close_labels
from tests.diagnostics.stub import subject


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["refund", "refunds", "delivery"], [(0, 1)]),
        (["Card payment", "card_payment", "ｃａｒｄ-payment"], [(0, 1), (0, 2), (1, 2)]),
        (["positive", "negative", "neutral"], []),
        (["typical", "atypical"], []),
        (["class1", "class2", "class 10"], []),
        (["good", "food"], []),
        (["+", "-"], []),
        (["recieved", "received"], [(0, 1)]),
        (["好评", "差评"], []),
    ],
)
def test_names_that_differ_by_a_slip(names, pairs):
    assert close_labels.similar_names(names) == pairs


def test_a_thousand_names_are_quick():
    names = [f"topic {chr(97 + i % 26)}{chr(97 + i // 26 % 26)}{chr(97 + i // 676)} thing{i}" for i in range(1000)]
    assert close_labels.similar_names([*names, "topic aaa thing0s"]) == [(0, 1000)]


def test_pairs_that_are_mixed_up_both_ways_with_their_shares():
    truth = np.repeat([0, 1, 2, 3], [20, 10, 20, 4])
    answers = truth.copy()
    answers[:6] = 1  # 30 % of 0 are taken for 1
    answers[20:24] = 0  # 40 % the other way
    answers[30:40] = 0  # half of 2 are taken for 0, and none the other way
    answers[50:54] = 2  # too few rows
    answers[40:49] = 3
    assert close_labels.confused_pairs(truth, answers, 4) == [(0, 1, 0.3, 0.4)]


def test_labels_with_the_same_texts_are_found_and_others_are_not():
    draw = np.random.default_rng(0)
    labels = ["a", "b", "c"] * 40
    centres = {"a": np.full(4, 3.0), "b": np.full(4, 3.0), "c": np.full(4, -3.0)}
    vectors = np.array([centres[label] + draw.normal(0, 1, 4) for label in labels], np.float32)
    facts = close_labels.examine(subject([f"{i} words {i * 31}" for i in range(120)], labels, vectors))
    assert [each["labels"] for each in facts["confused"]] == [["a", "b"]]
    for language in catalogue.languages:
        blocks = close_labels.present(facts, catalogue(language))
        assert [row[:2] for block in blocks if isinstance(block, Table) for row in block.rows] == [("a", "b")]


def test_two_labels_are_compared_by_name_only_and_few_rows_as_well():
    facts = close_labels.examine(subject([f"t {i}" for i in range(30)], ["yes", "no"] * 15, np.zeros((30, 2))))
    assert (facts["confused"], facts["rows"]) == ([], 0)
    facts = close_labels.examine(subject(list("abcdefghi"), ["query", "querys", "z"] * 3, np.zeros((9, 2))))
    assert [each["labels"] for each in facts["spelled"]] == [["query", "querys"]]
    assert facts["rows"] == 0
