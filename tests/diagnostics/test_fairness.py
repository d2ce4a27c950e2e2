"""Differences between groups, against counts made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sft_keras.diagnostics.base import NotApplicable
from sft_keras.diagnostics.blocks import Table
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.parts.fairness import differences, examine, present


def test_rates_are_those_counted_by_hand():
    # Group a: 20 rows truly yes, 15 said so; 20 truly no, 2 said yes. Group b: 20 and 10; 20 and 6.
    truth = np.array(([1] * 20 + [0] * 20) * 2)
    said = np.array([1] * 15 + [0] * 5 + [1] * 2 + [0] * 18 + [1] * 10 + [0] * 10 + [1] * 6 + [0] * 14)
    column = np.array(["a"] * 40 + ["b"] * 40, dtype=object)
    found = differences(said, truth, column, ["a", "b"], ["no", "yes"])
    assert found["parity"]["difference"] == pytest.approx(17 / 40 - 16 / 40)
    # The true positive rates of "yes" differ by 0.25, its false positive rates by 0.2; for "no" it is the other way.
    assert found["odds"]["difference"] == pytest.approx(15 / 20 - 10 / 20)
    assert (found["odds"]["high"], found["odds"]["low"]) in (("a", "b"), ("b", "a"))


def test_rates_over_few_rows_are_left_out():
    truth = np.array([1] * 5 + [0] * 35 + [1] * 20 + [0] * 20)
    said = np.array([0] * 5 + [0] * 35 + [1] * 20 + [0] * 20)
    column = np.array(["a"] * 40 + ["b"] * 40, dtype=object)
    found = differences(said, truth, column, ["a", "b"], ["no", "yes"])
    assert found["odds"]["difference"] == 0  # of the five rows nothing is said


def run(subject, groups):
    texts = [f"{'yes' if i % 2 else 'no'} {i}" for i in range(120)]
    labels = [text.split()[0] for text in texts]

    def answer(text: str) -> int:
        word, number = text.split()
        wrong = int(number) >= 60 and int(number) % 4 == 1
        return int((word == "yes") != wrong)

    rows = (texts, labels)
    return subject({"train": rows, "test": rows}, answer=answer, groups={"test": groups} if groups else None)


def test_a_planted_unevenness_is_told_and_private(subject):
    facts = examine(run(subject, {"shop": ["north"] * 60 + ["south"] * 60, "odd": ["x"] * 119 + ["y"]}))
    assert [each["column"] for each in facts["columns"]] == ["shop"]
    assert facts["columns"][0]["odds"]["difference"] == pytest.approx(0.5)
    assert facts["clear"]["column"] == "shop"
    for language in catalogue.languages:
        blocks = present(facts, catalogue(language))
        assert "shop" in blocks[0].text
        assert blocks[0].kind == "warn"
        assert all(block.private for block in blocks if isinstance(block, Table))


def test_without_groups_there_is_nothing_to_say(subject):
    with pytest.raises(NotApplicable):
        examine(run(subject, None))
    with pytest.raises(NotApplicable):
        examine(run(subject, {"odd": ["x"] * 115 + ["y"] * 5}))


def test_chance_is_rarely_called_uneven(subject):
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(60):
        texts = [f"t{i}" for i in range(160)]
        truth, said = rng.integers(0, 3, 160), rng.integers(0, 3, 160)
        labels = [f"l{n}" for n in truth]
        groups = {"shop": [f"s{n}" for n in rng.integers(0, 4, 160)]}
        rows = {"train": (texts, labels), "test": (texts, labels)}
        facts = examine(subject(rows, answer=lambda text, said=said: int(said[int(text[1:])]), groups={"test": groups}))
        alarms += facts["clear"] is not None
    assert alarms <= 9
