"""Corrections change training and validation rows and nothing else, and say what they could not do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sft_keras.data.corrections import (
    Correction,
    correct,
    correction_key,
    corrections_from_json,
    corrections_from_table,
    corrections_to_json,
)
from sft_keras.data.examples import Examples
from sft_keras.data.readers import Table
from sft_keras.data.splits import Splits
from sft_keras.errors import DataError


def rows(*pairs: tuple[str, str], first: int = 1) -> Examples:
    texts, labels = zip(*pairs, strict=True)
    return Examples(list(texts), list(labels), None, np.arange(first, first + len(pairs)), "f.csv")


def splits() -> Splits:
    return Splits(
        rows(("Good one", "a"), ("bad", "b"), ("好的", "a"), ("more", "b")),
        rows(("good  ONE", "a"), ("valid", "b"), first=5),
        rows(("tested", "a"), ("good one", "a"), first=7),
        notes=("before",),
    )


def table(*lines: tuple[str, str, str], names: tuple[str, ...] = ("text", "label", "new_label")) -> Table:
    return Table(pd.DataFrame(list(lines), columns=list(names), dtype=str), source="fix.csv")


def test_rows_are_relabelled_and_dropped_and_the_test_part_is_the_same_object():
    before = splits()
    after = correct(before, corrections_from_table(table(("GOOD one ", "a", "b"), ("more", "b", ""))))
    assert after.test is before.test
    assert after.train.labels == ["b", "b", "a"]
    assert after.train.texts == ["Good one", "bad", "好的"]
    assert after.train.rows.tolist() == [1, 2, 3]
    assert after.validation.labels == ["b", "b"]
    assert before.train.labels == ["a", "b", "a", "b"]
    assert after.notes[0] == "before"
    assert "2 row(s) got another label and 1 were dropped" in after.notes[1]
    assert len(after.notes) == 2


def test_what_matches_no_row_or_the_test_part_only_is_told():
    after = correct(splits(), corrections_from_table(table(("tested", "a", "b"), ("bad", "a", "b"), ("nil", "b", ""))))
    assert after.train.labels == splits().train.labels
    assert any("1 correction(s) are about rows of the test part" in note for note in after.notes)
    assert any('2 correction(s) match no row; the first is "bad" with the label "a"' in note for note in after.notes)


def test_a_label_never_vanishes_and_an_unknown_one_never_appears():
    with pytest.raises(DataError, match=r'1 label\(s\) without a training row: "a" \(2 before\)'):
        correct(splits(), corrections_from_table(table(("good one", "a", "b"), ("好的", "a", ""))))
    with pytest.raises(DataError, match='Received: "c"'):
        correct(splits(), corrections_from_table(table(("bad", "b", "c"))))
    kept = correct(splits(), corrections_from_table(table(("bad", "b", "c"))), known_labels=("a", "b", "c"))
    assert kept.train.labels[1] == "c"
    with pytest.raises(DataError, match="no row for validation"):
        correct(splits(), corrections_from_table(table(("good one", "a", ""), ("valid", "b", ""))))


def test_a_row_that_proved_right_is_left_alone():
    key = correction_key("bad", "b")
    after = correct(splits(), {key: Correction("bad", "b", "b")})
    assert after.train.labels == splits().train.labels
    assert "0 row(s) got another label and 0 were dropped" in after.notes[1]


@pytest.mark.parametrize(
    ("lines", "names", "message"),
    [
        ([("a", "b", "c")], ("text", "label", "new"), "lack the column"),
        ([("", "b", "c")], ("text", "label", "new_label"), "lacks its text or its label"),
        ([("x", " ", "c")], ("text", "label", "new_label"), "lacks its text or its label"),
        ([("x", "b", "c"), ("X", "b", "")], ("text", "label", "new_label"), "contradict each other"),
    ],
)
def test_a_wrong_file_is_told(lines, names, message):
    with pytest.raises(DataError, match=message):
        corrections_from_table(table(*lines, names=names))


def test_the_columns_are_found_whatever_their_case():
    found = corrections_from_table(table(("x", "b", " c "), names=("Text ", "LABEL", "New_Label")))
    assert found == {correction_key("x", "b"): Correction("x", "b", "c")}


def test_they_come_back_from_json_and_damage_is_told():
    made = corrections_from_table(table(("好 的", "b", "c"), ("x", "b", ""), ("y", "b", "b")))
    content = corrections_to_json(made)
    assert corrections_from_json(content, where="x.json") == made
    for damaged in (None, [], {}, {**content, "format_version": 9}, {"format_version": 1, "corrections": {"k": 1}}):
        with pytest.raises(DataError, match="damaged"):
            corrections_from_json(damaged, where="x.json")
    entry = {"text": "x", "label": "y", "new_label": 3}
    with pytest.raises(DataError, match="damaged"):
        corrections_from_json({"format_version": 1, "corrections": {"k": entry}}, where="x.json")
