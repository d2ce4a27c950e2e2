"""Rows in memory: what is taken, what is refused, and how it is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sft_keras.data.label_values import names_of, targets_of, with_names
from sft_keras.data.memory import examples_from_lists, table_from_frame, texts_of
from sft_keras.errors import InputTypeError, InputValueError, SftError
from sft_keras.settings import Settings

TEXTS = ["one", "two", "three"]


@pytest.mark.parametrize(
    "texts", [TEXTS, tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, dtype=object), pd.Series(TEXTS, index=[7, 8, 9])]
)
def test_sequences_of_texts(texts: Any) -> None:
    found = texts_of(texts)
    assert found == TEXTS
    assert {type(text) for text in found} == {str}


@pytest.mark.parametrize(
    ("texts", "kind", "told"),
    [
        ("one text", ValueError, "one text"),
        ([], ValueError, "0 sample(s)"),
        (np.array([["a"], ["b"]]), ValueError, "shape (2, 1)"),
        (pd.DataFrame({"text": TEXTS}), ValueError, "One dimension"),
        (["a", None], ValueError, "position 1"),
        (np.array(["a", np.nan], dtype=object), ValueError, "Received: nan"),
        (pd.Series(["a", pd.NA]), ValueError, "missing"),
        ([1.5, 2.5], TypeError, "Received: float"),
        ([["a"], ["b"]], TypeError, "Received: list"),
        ([b"a"], TypeError, "Received: bytes"),
        (None, TypeError, "NoneType"),
        ({"a": 1}, TypeError, "dict"),
        ((text for text in TEXTS), TypeError, "generator"),
    ],
)
def test_texts_that_cannot_be_used(texts: Any, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind) as caught:
        texts_of(texts)
    assert isinstance(caught.value, SftError)
    assert told in str(caught.value)
    assert caught.value.where.startswith("texts")
    assert caught.value.fix


def test_examples_from_lists() -> None:
    texts, labels, weights = ["a", " ", "c"], [1, 2, 2], np.array([0.5, 1, 2], np.float32)
    examples, notes = examples_from_lists(texts, labels, weights, Settings())
    assert (examples.texts, examples.labels, examples.rows.tolist()) == (["a", "c"], ["1", "2"], [1, 3])
    assert examples.weights is not None
    assert examples.weights.tolist() == [0.5, 2]
    assert "row 2" in notes[0]


@pytest.mark.parametrize(
    ("labels", "weights", "told"),
    [
        (["x", "y"], None, "inconsistent numbers of samples, 3 of text, 2 of label"),
        (["x", "y", "x"], [1.0], "1 of weight"),
        (["x", None, "y"], None, "labels, position 1"),
        (["x", "y", "x"], [1, -1, 1], "from 0 up"),
        (["x", "y", "x"], [1, float("nan"), 1], "from 0 up"),
        (["x", "y", "x"], [0, 0, 0], "All weights are zero"),
    ],
)
def test_lists_that_cannot_be_used(labels: Any, weights: Any, told: str) -> None:
    with pytest.raises(InputValueError) as caught:
        examples_from_lists(TEXTS, labels, weights, Settings())
    assert told in str(caught.value)


def test_a_data_frame_reads_like_a_file() -> None:
    frame = pd.DataFrame({"text": ["a", None], "label": [1, 2], "score": [3, None], 4: [True, False]})
    table = table_from_frame(frame)
    assert table.frame.to_dict("list") == {
        "text": ["a", ""],
        "label": ["1", "2"],
        "score": ["3", ""],
        "4": ["true", "false"],
    }
    with pytest.raises(InputValueError, match="no rows"):
        table_from_frame(frame.iloc[:0])


@pytest.mark.parametrize(
    ("labels", "classes", "dtype"),
    [
        (["b", "a", "b"], ["a", "b"], "<U1"),
        (np.array(["b", "a"], dtype=object), ["a", "b"], "|O"),
        ([10, 9, 10], [9, 10], "<i8"),
        (np.array([2, 1], dtype=np.int32), [1, 2], "<i4"),
        ([True, False], [False, True], "|b1"),
        (np.array([1.0, 0.0]), [0.0, 1.0], "<f8"),
        (pd.Series(["b", "a"], dtype="category"), ["a", "b"], "|O"),
        (pd.Series([2, 1], dtype="Int64"), [1, 2], "<i8"),
    ],
)
def test_labels_keep_their_type(labels: Any, classes: list[Any], dtype: str) -> None:
    found = np.unique(targets_of(labels))
    assert found.tolist() == classes
    assert found.dtype.str == dtype
    assert names_of(found) == [str(value) for value in classes]


@pytest.mark.parametrize(
    ("labels", "kind", "told"),
    [
        ([1, "a"], TypeError, "int at position 0, str at position 1"),
        ([True, 2], TypeError, "bool at position 0"),
        ([None, "a"], ValueError, "missing"),
        ([1.0, float("nan")], ValueError, "missing"),
        ([0.1, 0.2, 0.3], ValueError, "continuous"),
        ([1.0, float("inf")], ValueError, "labels"),
        ([["a"], ["b"]], TypeError, "list at position 0"),
        (np.zeros((2, 2)), ValueError, "One dimension"),
        (None, TypeError, "NoneType"),
    ],
)
def test_labels_that_cannot_be_used(labels: Any, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind) as caught:
        targets_of(labels)
    assert told in str(caught.value)


def test_names_must_differ() -> None:
    for labels in (["a", "a "], ["", "a"]):
        with pytest.raises(InputValueError, match="white space"):
            names_of(np.array(labels))


def test_further_names_get_the_type_of_the_labels() -> None:
    assert with_names(np.array([10, 2]), ["9", "2"]).tolist() == [2, 9, 10]
    assert with_names(np.array([True]), ["False"]).tolist() == [False, True]
    assert with_names(np.array(["b"]), ["longer"]).tolist() == ["b", "longer"]
    assert with_names(np.array(["b"], dtype=object), ["a"]).dtype == object
    for names in (["x"], ["03"]):
        with pytest.raises(InputValueError, match="no int"):
            with_names(np.array([1, 2]), names)


def test_input_errors_are_what_programs_expect() -> None:
    assert issubclass(InputValueError, ValueError)
    assert issubclass(InputTypeError, TypeError)
