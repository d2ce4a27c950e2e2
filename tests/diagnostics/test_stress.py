"""Perturbations change what they say and nothing else; a model that hangs on it is found out."""

from __future__ import annotations

import unicodedata
from random import Random

import pytest

from sft_keras.diagnostics.base import NotApplicable
from sft_keras.diagnostics.blocks import Table
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.parts.class_words import examine as examine_words
from sft_keras.diagnostics.parts.class_words import present as present_words
from sft_keras.diagnostics.parts.stress import examine, present
from sft_keras.diagnostics.perturbations import PERTURBATIONS, perturbed

TEXTS = [
    "The film was great, wasn't it? John saw it in Paris!",
    "这部电影很好看，我喜欢北京的 WiFi 信号!",
    "這部電影很好看",
    "",
    "  ",
    "🎉🎉",
    "a",
    "x" * 500,
]


@pytest.mark.parametrize("name", PERTURBATIONS)
@pytest.mark.parametrize("text", TEXTS)
def test_every_perturbation_takes_any_text_and_is_the_same_each_time(name, text):
    assert perturbed(name, text, 1) == perturbed(name, text, 1)
    assert isinstance(perturbed(name, text, 2), str)


@pytest.mark.parametrize(
    ("name", "text", "after"),
    [
        ("upper_case", "Good film", "GOOD FILM"),
        ("lower_case", "Good FILM", "good film"),
        ("no_punctuation", "Well-made, isn't it?", "Well-made isn't it"),
        ("no_punctuation", "好，真的！", "好真的"),
        ("negation", "it is good", "it is not good"),
        ("negation", "it is not good", "it is not good"),
        ("negation", "it isn't good", "it isn't good"),
        ("negation", "我喜欢它", "我不喜欢它"),
        ("shortened", "one two three four", "one two"),
        ("shortened", "short", "short"),
        ("full_width", "好 ok!", "好 ｏｋ！"),
        ("full_width", "only Latin", "only Latin"),
        ("traditional", "这个电视很好", "這個電視很好"),
        ("simplified", "這個電視很好", "这个电视很好"),
        ("names", "nobody here", "nobody here"),
    ],
)
def test_it_changes_what_it_says(name, text, after):
    assert PERTURBATIONS[name](text, Random(0)) == after


def test_names_become_other_names_of_their_kind():
    after = perturbed("names", "John lives in Paris", 0)
    first, middle, last = after.split()[0], after.split()[1:3], after.split()[3]
    assert first != "John"
    assert middle == ["lives", "in"]
    assert last != "Paris"


def test_a_typo_touches_letters_of_long_words_only():
    text = "an old film was excellent and memorable"
    after = perturbed("typos", text, 3)
    assert after != text
    assert len(after.split()) == len(text.split())
    assert [w for w in after.split() if len(w) < 4] == ["an", "old", "was", "and"]


def test_homoglyphs_look_alike_and_are_others():
    after = perturbed("homoglyphs", "peace and hope", 0)
    assert after != "peace and hope"
    assert {unicodedata.name(c).split()[0] for c in after if c != " "} == {"LATIN", "CYRILLIC"}


def test_a_model_that_reads_case_alone_is_found_out(subject):
    texts = [("SHOUT this" if i % 2 else "say this") + f" number {i}" for i in range(60)]
    labels = ["loud" if i % 2 else "quiet" for i in range(60)]
    rows = {"train": (texts, labels), "test": (texts, labels)}
    facts = examine(subject(rows, answer=lambda text: int(text == text.lower())))
    found = {each["name"]: each for each in facts["perturbations"]}
    assert found["upper_case"]["before"] == 1
    assert found["upper_case"]["after"] == 0.5
    # Numbers and the small letters of loud texts are there before; half of all answers flip.
    assert found["upper_case"]["flips"] == pytest.approx(0.5)
    assert found["spaces"]["flips"] == 0
    for language in catalogue.languages:
        blocks = present(facts, catalogue(language))
        assert blocks[0].kind == "warn"
        assert [block.private for block in blocks if isinstance(block, Table)] == [False, True]


def test_texts_that_cannot_be_changed_are_told(subject):
    rows = (["1"] * 4, ["a", "b"] * 2)
    with pytest.raises(NotApplicable):
        examine(subject({"train": rows, "test": rows}))


def test_the_word_that_decides_is_found(subject):
    texts = [f"a {'wonderful' if i % 2 else 'plain'} thing, it is" for i in range(30)]
    labels = ["good" if i % 2 else "poor" for i in range(30)]
    rows = {"train": (texts, labels), "test": (texts, labels)}
    facts = examine_words(subject(rows, answer=lambda text: int("wonderful" not in text)))
    words = {each["label"]: each["words"] for each in facts["classes"]}
    assert words["good"][0][0] == "wonderful"
    assert words["good"][0][1] == pytest.approx(0.8)
    assert [word for word, weight in words["poor"] if weight < 0] == ["wonderful"]
    for language in catalogue.languages:
        assert all(getattr(block, "private", True) for block in present_words(facts, catalogue(language))[1:-1])
