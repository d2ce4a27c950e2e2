"""Mended copies: each remedy does what it says, tells every row, repeats, and leaves the original alone."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sft_keras.data.checks import check_examples
from sft_keras.data.columns import Columns
from sft_keras.data.examples import Examples
from sft_keras.data.findings import FIXABLE
from sft_keras.data.fixed_copy import changes_path, require_free, write_copy
from sft_keras.data.fixes import _REMEDIES, Change, Fixed, fix_table
from sft_keras.data.readers import Table, read_table
from sft_keras.errors import ConfigError, DataError, SftError
from sft_keras.settings import Settings
from tests.data.conftest import examples_of

COLUMNS = Columns("text", "label", None, ())


def table_of(rows: list[tuple[str, str]]) -> Table:
    return Table(pd.DataFrame(rows, columns=["text", "label"], dtype=object), "a.csv")


def fixed(rows: list[tuple[str, str]], *kinds: str, **parts: Examples) -> Fixed:
    return fix_table(table_of(rows), COLUMNS, kinds=kinds or None, parts=parts)


def left(result: Fixed) -> list[tuple[str, str]]:
    return list(map(tuple, result.table.frame.to_numpy().tolist()))


def told(result: Fixed) -> list[tuple[int, str, str, str]]:
    return [(c.row, c.action, c.before, c.after) for c in result.changes]


def test_there_is_a_remedy_for_each_fixable_finding() -> None:
    assert tuple(_REMEDIES) == FIXABLE


def test_rows_without_a_text_or_a_label_are_dropped() -> None:
    rows = [("好", "a"), (" \n", "a"), ("no label", " "), ("", "")]
    assert left(fixed(rows, "missing_text")) == [("好", "a"), ("no label", " ")]
    assert left(fixed(rows, "missing_label")) == [("好", "a"), (" \n", "a")]
    assert told(fixed(rows, "missing_text", "missing_label")) == [
        (2, "dropped", "a", ""),
        (3, "dropped", "", ""),
        (4, "dropped", "", ""),
    ]


def test_the_most_frequent_spelling_wins_and_the_first_of_equals() -> None:
    rows = [("1", "Good"), ("2", "good"), ("3", "ｇｏｏｄ"), ("4", "good "), ("5", "差 评"), ("6", "差  评")]
    result = fixed(rows, "label_spelling")
    assert [label for _, label in left(result)] == ["good", "good", "good", "good ", "差 评", "差 评"]
    assert told(result) == [
        (1, "changed", "Good", "good"),
        (3, "changed", "ｇｏｏｄ", "good"),
        (6, "changed", "差  评", "差 评"),
    ]


def test_repeats_are_dropped_but_not_those_with_another_label() -> None:
    rows = [("Nice film", "a"), ("nice  FILM", "a"), ("nice film", "b"), ("nice film", "b"), ("", "a"), ("", "a")]
    assert left(fixed(rows, "exact_duplicates")) == [("Nice film", "a"), ("nice film", "b"), ("", "a"), ("", "a")]


@pytest.mark.parametrize(
    ("labels", "kept"),
    [("aab", "aa"), ("aaab", "aaa"), ("ab", ""), ("aaabb", ""), ("aabc", ""), ("aaaabc", "aaaa"), ("aaa", "aaa")],
)
def test_conflicts_keep_a_clear_majority_only(labels: str, kept: str) -> None:
    result = fixed([*(("same text", label) for label in labels), ("other", "z")], "conflicting_labels")
    assert "".join(label for _, label in left(result)) == kept + "z"
    assert len(result.changes) == len(labels) - len(kept)


def test_spellings_are_merged_before_conflicts_are_looked_for() -> None:
    rows = [
        ("same", "Good"),
        ("same", "good"),
        ("other", "good"),
        ("third", "good"),
        *[(f"t{i}", "bad") for i in "123"],
    ]
    assert len(left(fixed(rows))) == 6
    assert fixed(rows).counts() == {"label_spelling": 1, "exact_duplicates": 1}


def test_rows_of_the_test_file_are_dropped_from_the_training() -> None:
    rows = [("one", "a"), ("Two ", "a"), ("three", "b")]
    test = examples_of(["new", "two", "two"], ["a", "b", "a"])
    result = fixed(rows, "test_in_training", "validation_in_training", test=test)
    assert left(result) == [("one", "a"), ("three", "b")]
    assert result.changes[0].reason == "The text is row 2 of the test file."
    assert left(fixed(rows, "test_in_training")) == rows


def test_tiny_classes_are_dropped_last_and_only_if_rows_are_to_be_divided() -> None:
    rows = [(f"a{i}", "a") for i in range(3)] + [("b", "b"), ("b", "b"), ("b", "b"), ("c", "c")]
    assert {label for _, label in left(fixed(rows))} == {"a"}
    assert {label for _, label in left(fixed(rows, "tiny_class"))} == {"a", "b"}
    part = examples_of(["x", "y"], ["a", "b"])
    assert {label for _, label in left(fixed(rows, "tiny_class", validation=part, test=part))} == {"a", "b", "c"}


def test_nothing_left_and_unknown_kinds_are_refused() -> None:
    with pytest.raises(DataError, match="No row would be left"):
        fixed([("a", "x"), ("b", "y")])
    with pytest.raises(ConfigError, match="spelings") as caught:
        fixed([("a", "x")], "label_spelings")
    assert "label_spelling" in caught.value.fix


CELL = st.sampled_from(["好", "好 ", "Good", "good", "bad", "a,b", '"q"', "x\ny", "", " ", "=1", "🙂"])


@given(rows=st.lists(st.tuples(CELL, st.sampled_from(["a", "A", "b", "b ", "", "标签", "标 签"])), max_size=25))
@settings(
    derandomize=True,
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_table(rows: list[tuple[str, str]], tmp_path: Path) -> None:
    table = table_of(rows)
    try:
        once = fix_table(table, COLUMNS)
    except DataError:
        return
    assert list(map(tuple, table.frame.to_numpy().tolist())) == rows
    again = fix_table(table, COLUMNS)
    assert left(again) == left(once)
    assert again.changes == once.changes
    assert fix_table(once.table, COLUMNS).changes == ()
    dropped = {change.row for change in once.changes if change.action == "dropped"}
    assert len(dropped) + len(once.table.frame) == len(rows)
    assert [text for i, (text, _) in enumerate(rows, start=1) if i not in dropped] == [text for text, _ in left(once)]
    codes = {finding.code for finding in check_examples(once.table, COLUMNS, Settings()).findings}
    assert not codes & set(FIXABLE)
    for ending in ("csv", "tsv", "jsonl"):
        out = tmp_path / f"out.{ending}"
        write_copy(once, out, force=True)
        assert read_table(out, Settings()).frame.equals(once.table.frame)


def test_the_list_of_changes_lies_beside_the_copy(tmp_path: Path) -> None:
    result = fixed([("a", "x"), ("b,\n", ""), ("c", "X"), ("d", "x")], "missing_label", "label_spelling")
    listed = write_copy(result, tmp_path / "clean.csv")
    assert listed == tmp_path / "clean.changes.csv"
    with listed.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["row"], r["kind"], r["action"], r["before"], r["after"], r["text"]) for r in rows] == [
        ("2", "missing_label", "dropped", "", "", "b,\n"),
        ("3", "label_spelling", "changed", "X", "x", "c"),
    ]


def test_what_is_there_or_read_is_not_replaced(tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "clean.csv"
    source.write_text("text,label\na,x\n")
    link = tmp_path / "link.csv"
    os.link(source, link)
    (tmp_path / "in.changes.csv").write_text("mine")
    for path in (source, link):
        with pytest.raises(DataError, match="made from"):
            require_free(path, [str(source)], force=True)
    with pytest.raises(DataError, match="made from"):  # the list of changes would replace the test file
        require_free(tmp_path / "in.tsv", ["sample:x", str(tmp_path / "in.changes.csv")], force=True)
    with pytest.raises(DataError, match="exists already"):
        require_free(tmp_path / "in.jsonl", [str(source)], force=False)
    with pytest.raises(DataError, match=r"\.xlsx"):
        require_free(tmp_path / "clean.xlsx", [str(source)], force=True)
    require_free(out, [str(source)], force=False)
    out.mkdir()
    with pytest.raises(SftError, match="exists already"):
        require_free(out, [str(source)], force=True)
    assert source.read_text() == "text,label\na,x\n"
    assert changes_path(out).name == "clean.changes.csv"


def test_a_copy_without_names_can_be_read_again(tmp_path: Path) -> None:
    source = tmp_path / "in.tsv"
    source.write_text("".join(f"positive\tI love it, {i}\nnegative\tI hate it, {i}\n" for i in range(3)))
    table = read_table(source, Settings())
    result = fix_table(table, Columns("column 2", "column 1", None, ()))
    write_copy(result, tmp_path / "out.csv")
    assert read_table(tmp_path / "out.csv", Settings()).frame.equals(table.frame)


def test_names_that_nobody_could_tell_from_a_row_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"1": ["a b", "c d"], "2": ["x", "y"]}, dtype=object)
    result = fix_table(Table(frame, "a.json"), Columns("1", "2", None, ()), kinds=[])
    with pytest.raises(DataError, match=r"column names"):
        write_copy(result, tmp_path / "out.csv")
    write_copy(result, tmp_path / "out.jsonl")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.changes.csv", "out.jsonl"]


def test_changes_are_frozen() -> None:
    change = Change(1, "missing_text", "dropped", "a", "", "", "")
    with pytest.raises(AttributeError):
        change.row = 2  # type: ignore[misc]
    assert isinstance(hash(change), int)


@pytest.mark.parametrize("out", [".", ""])
def test_a_copy_without_a_name_is_refused(out: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs a name"):
        require_free(Path(out), [str(tmp_path / "a.csv")], force=False)
