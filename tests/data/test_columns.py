"""Columns are found by choice, by name, then by content; what cannot be found is said clearly."""

from __future__ import annotations

import pandas as pd
import pytest

from sft_keras.data.columns import choose_columns, choose_text_column
from sft_keras.errors import DataError

TEXTS = [f"This is the sentence with the number {i}, and some more." for i in range(20)]
MARKS = ["good", "bad"] * 10


def frame(**columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(columns, dtype=object)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("text", "label"),
        ("Review", "Sentiment"),
        (" TEXT ", "Category"),
        ("message_body", "class_name"),
        ("文本", "标签"),
        ("评论", "情感"),
        ("内容", "类别"),
        ("留言", "分类"),
    ],
)
def test_known_names(text: str, label: str) -> None:
    ids = [str(i) for i in range(20)]
    found = choose_columns(pd.DataFrame({"id": ids, label: MARKS, text: TEXTS, "city": ["x", "y"] * 10}))
    assert (found.text, found.label, found.weight) == (text, label, None)
    assert all("because of its name" in reason for reason in found.reasons)


def test_content_decides_when_names_say_nothing() -> None:
    found = choose_columns(frame(col1=[str(i) for i in range(20)], col2=MARKS, col3=TEXTS, col4=["2024-01-01"] * 20))
    assert (found.text, found.label) == ("col3", "col2")
    assert "longest and most varied" in found.reasons[0]
    assert "2 values that repeat" in found.reasons[1]


def test_words_are_likelier_labels_than_numbers() -> None:
    assert choose_columns(frame(a=["0", "1"] * 10, b=["x", "y", "z", "w"] * 5, c=TEXTS)).label == "b"
    assert choose_columns(frame(a=["0", "1"] * 10, c=TEXTS)).label == "a"


def test_choice_of_the_person_comes_first() -> None:
    data = frame(text=MARKS, label=TEXTS, w=["1"] * 20)
    found = choose_columns(data, text="label", label="text", weight="w")
    assert (found.text, found.label, found.weight) == ("label", "text", "w")
    assert choose_columns(data, text="label").label == "text"


def test_wrong_name_lists_the_columns() -> None:
    with pytest.raises(DataError) as caught:
        choose_columns(frame(review=TEXTS, stars=MARKS), text="reviw", source="a.csv")
    assert 'no text column "reviw"' in caught.value.problem
    assert caught.value.fix == 'Did you mean "review"? Known: review, stars.'
    assert caught.value.where == "a.csv"


def test_one_column_cannot_have_two_roles() -> None:
    with pytest.raises(DataError, match="two roles"):
        choose_columns(frame(a=TEXTS, b=MARKS), text="a", label="a")


@pytest.mark.parametrize("columns", [{"text": TEXTS}, {"label": MARKS}, {"a": TEXTS}])
def test_one_column_is_not_enough(columns: dict[str, list[str]]) -> None:
    with pytest.raises(DataError) as caught:
        choose_columns(pd.DataFrame(columns))
    assert caught.value.fix


def test_no_label_candidate() -> None:
    with pytest.raises(DataError, match="looks like the labels"):
        choose_columns(
            frame(a=TEXTS, b=[f"other words {i}" for i in range(20)], c=[f"more words {i}" for i in range(20)])
        )


def test_empty_named_columns_are_passed_over() -> None:
    assert choose_columns(frame(text=[""] * 20, review=TEXTS, label=MARKS)).text == "review"


def test_text_column_of_a_file_without_labels() -> None:
    assert choose_text_column(frame(**{"column 1": TEXTS})) == "column 1"
    assert choose_text_column(frame(id=MARKS, 评论=TEXTS)) == "评论"
    assert choose_text_column(frame(a=TEXTS, b=TEXTS), text="b") == "b"
    with pytest.raises(DataError, match="no text column"):
        choose_text_column(frame(a=TEXTS), text="b")
