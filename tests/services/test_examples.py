"""What similar training examples say of an answer, in words."""

from __future__ import annotations

import pytest

from sft_keras.services.examples import Neighbour, Neighbours, verdict_of


def found(*labels: str, compared: int = 9, drawn: int = 9, rows: int = 9, texts: int = 9) -> Neighbours:
    """Neighbours with these labels; of the answer "a", so many different texts were compared."""
    return Neighbours([Neighbour(label, 0.5, "text") for label in labels], compared, drawn, rows, {"a": texts})


@pytest.mark.parametrize(
    ("labels", "english", "chinese", "doubtful"),
    [
        ("a", "is labelled “a”, as the model says", "与模型的答案一致", False),
        ("b", "labelled “b”, and the model says “a”", "而模型的答案是“a”", True),
        (
            "aaaaa",
            "The 5 most similar training examples (different texts): all of them are labelled “a”",
            "5 条训练样本（文本各不相同）全部标为“a”",
            False,
        ),
        ("aaaab", "4 of them are labelled “a”, as the model says", "有 4 条标为“a”", False),
        ("bbbbb", "all of them are labelled “b”, and the model says “a”", "全部标为“b”", True),
        ("bbbba", "4 of them are labelled “b”, and only 1 “a”", "有 4 条标为“b”，只有 1 条", True),
        ("bbbcc", "3 of them are labelled “b”, and none “a”", "有 3 条标为“b”，没有一条", True),
        ("aabcd", "do not agree: 2 of them are labelled “a”", "其中 2 条与", True),
        ("aabbc", "do not agree: 2 of them are labelled “a”", "标签不一，其中 2 条", True),
        ("bcdef", "none of them is labelled “a”", "标签不一，没有一条", True),
        ("aabb", "do not agree: 2 of them", "标签不一，其中 2 条", True),
    ],
)
def test_the_verdict_counts_labels_and_doubts_where_they_disagree(labels, english, chinese, doubtful):
    for language, expected, twice in (("en", english, "look twice"), ("zh", chinese, "再仔细看")):
        verdict = verdict_of(found(*labels), "a", language)
        assert verdict is not None
        assert expected in verdict.sentence
        assert (twice in verdict.sentence) == verdict.doubtful == doubtful


def test_with_how_many_rows_a_text_was_compared():
    for sizes, expected in (
        ({}, "all 9 training"),
        ({"compared": 20_000, "drawn": 20_000, "rows": 50_000}, "20,000 of the 50,000"),
        ({"compared": 256, "drawn": 20_000, "rows": 50_000}, "256 training examples so far"),
    ):
        verdict = verdict_of(found("a", **sizes), "a", "en")
        assert verdict is not None
        assert expected in verdict.compared


def test_no_doubt_is_cast_by_the_first_few_of_many_rows():
    for compared, doubtful in ((256, False), (1_999, False), (2_000, True)):
        verdict = verdict_of(found("b", "b", compared=compared, drawn=7_000, rows=7_000), "a", "en")
        assert verdict is not None
        assert verdict.doubtful == ("look twice" in verdict.sentence) == doubtful


@pytest.mark.parametrize(
    ("labels", "texts", "doubtful", "english", "chinese"),
    [
        ("abbbb", 1, False, "labelled “a” that were compared: 1.", "标为“a”的不同文本有 1 条"),
        ("aabbb", 3, False, "that were compared: 3.", "有 3 条"),
        ("abbbb", 2, True, "compared: 2. That is a reason to look twice.", "有 2 条。建议"),
        ("bbbbb", 1, True, "compared: 1. That is a reason", "有 1 条。建议"),
        ("bbbbb", 0, False, "model says “a”. No training example labelled “a” was compared.", "没有标为“a”的"),
        ("aabbb", 5, True, "says. That is a reason", "一致。建议"),
    ],
)
def test_of_a_label_with_few_texts_no_more_can_agree_than_there_are(labels, texts, doubtful, english, chinese):
    for language, expected in (("en", english), ("zh", chinese)):
        verdict = verdict_of(found(*labels, texts=texts), "a", language)
        assert verdict is not None
        assert verdict.doubtful == doubtful
        assert expected in verdict.sentence


def test_there_is_no_verdict_without_examples_or_an_answer():
    assert verdict_of(found(), "a", "en") is None
    assert verdict_of(found("a"), "", "en") is None
