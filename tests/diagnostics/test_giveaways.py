"""A planted mark is found with its share; words that are in one label by chance are not."""

from __future__ import annotations

import random

import numpy as np
import pytest

from sft_keras.diagnostics.base import NotApplicable
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.parts import giveaways
from tests.diagnostics.stub import subject

WORDS = [f"word{i}" for i in range(40)]


def plain(rows: int = 300, seed: int = 0) -> tuple[list[str], list[str]]:
    draw = random.Random(seed)
    texts = [" ".join(draw.sample(WORDS, 8)) + f" n{i}" for i in range(rows)]
    return texts, ["abc"[i % 3] for i in range(rows)]


def test_a_planted_mark_is_found_with_its_share_and_precision():
    texts, labels = plain()
    for i in range(0, 240, 3):  # 80 of the 100 texts of "a"
        texts[i] += " Refund#."
    facts = giveaways.examine(subject(texts, labels))
    first = facts["listed"][0]
    assert (first["word"], first["label"], first["rows"], first["hits"]) == ("refund#", "a", 80, 80)
    assert first["share"] == pytest.approx(0.8)
    assert facts["count"] == 1  # "refund" stands in the same rows
    for language in catalogue.languages:
        for block in giveaways.present(facts, catalogue(language)):
            assert getattr(block, "private", False) or "refund" not in str(block)


def test_below_99_of_100_it_is_no_giveaway():
    texts, labels = plain()
    for i in range(0, 240, 3):
        texts[i] += " mark"
    texts[1] += " mark"  # 80 of 81
    assert giveaways.examine(subject(texts, labels))["count"] == 0


def test_nothing_is_found_in_noise_though_labels_are_few():
    for seed in range(5):
        texts, labels = plain(200, seed)
        draw = np.random.default_rng(seed)
        texts = [f"{text} r{draw.integers(30)}" for text in texts]
        assert giveaways.examine(subject(texts, labels))["count"] == 0


def test_figures_are_those_of_counting():
    texts, labels = plain(120)
    for i in range(0, 60, 3):
        texts[i] += " alpha"
    truth = np.array(["abc".index(label) for label in labels])
    (found,) = giveaways.telling(texts, truth, 3, str.split)
    have = ["alpha" in text.split() for text in texts]
    assert found["rows"] == sum(have)
    assert found["hits"] == sum(h and label == "a" for h, label in zip(have, labels, strict=True))
    assert found["share"] == found["hits"] / labels.count("a")


def test_runs_of_characters_where_there_are_no_spaces():
    draw = random.Random(0)
    signs = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏"
    texts = ["".join(draw.sample(signs, 12)) for _ in range(200)]
    labels = ["好", "坏"] * 100
    for i in range(0, 200, 2):
        texts[i] += "客服已回访"
    facts = giveaways.examine(subject(texts, labels))
    assert facts["by_character"]
    assert [(each["word"], each["label"]) for each in facts["listed"]] == [("客服已回", "好")]


def test_values_of_another_column_that_settle_a_label_are_told_with_both_names():
    texts, labels = plain(300)
    desk = [{"a": "", "b": "north", "c": "south"}[label] for label in labels]
    desk[0] = "north"  # 99 of "a" have the empty value, and "north" has one row of another label
    noise = [str(i % 7) for i in range(300)]
    groups = {"desk": desk, "code": [f"{label}1" for label in labels], "noise": noise}
    facts = giveaways.examine(subject(texts, labels, groups=groups))
    told = {(each["column"], each["word"], each["label"], each["hits"]) for each in facts["values"]}
    one = {("code", f"{label}1", label, labels[:-1].count(label)) for label in "abc"}
    assert told == one | {("desk", "", "a", 99), ("desk", "north", "b", 100), ("desk", "south", "c", 99)}
    for language in catalogue.languages:
        blocks = giveaways.present(facts, catalogue(language))
        assert blocks[0].kind == "good"  # no word does
        assert blocks[1].kind == "warn"
        assert all(block.private for block in blocks if "desk" in str(block))
        assert "desk" in blocks[1].text
    assert not giveaways.examine(subject(texts, labels, groups={"noise": noise}))["values"]


def test_copies_of_one_text_count_once():
    texts, labels = plain(60)
    texts += ["buy now special"] * 100
    labels += ["a"] * 100
    assert giveaways.examine(subject(texts, labels))["count"] == 0


def test_few_rows_are_told():
    with pytest.raises(NotApplicable, match="few_rows"):
        giveaways.examine(subject(["x y"] * 8, ["a", "b"] * 4))


def test_texts_without_words_give_nothing():
    texts = [f"{'!' * (i + 1)}" for i in range(40)]
    assert giveaways.examine(subject(texts, ["a", "b"] * 20))["count"] == 0
