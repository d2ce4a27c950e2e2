"""What similar training examples say of an answer, in words."""

from __future__ import annotations

import pytest

from sft_keras.services.examples import Neighbour, Neighbours, verdict_of


def found(*labels: str, compared: int = 9, drawn: int = 9, rows: int = 9) -> Neighbours:
    return Neighbours([Neighbour(label, 0.5, "text") for label in labels], compared, drawn, rows)


@pytest.mark.parametrize(
    ("labels", "english", "chinese", "doubtful"),
    [
        ("a", "is labelled “a”, as the model says", "与模型的答案一致", False),
        ("b", "labelled “b”, and the model says “a”", "而模型的答案是“a”", True),
        (
            "aaaaa",
            "The 5 most similar training examples: all of them are labelled “a”",
            "5 条训练样本全部标为“a”",
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


def test_there_is_no_verdict_without_examples_or_an_answer():
    assert verdict_of(found(), "a", "en") is None
    assert verdict_of(found("a"), "", "en") is None
