"""The look over the data finds what is wrong, names rows, and goes to JSON."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from sft_keras.data.checks import DataReport, check_examples
from sft_keras.data.class_findings import class_findings
from sft_keras.data.columns import choose_columns
from sft_keras.data.readers import Table
from sft_keras.settings import Settings


def report_of(texts: list[str], labels: list[str], **options: object) -> DataReport:
    frame = pd.DataFrame({"text": texts, "label": labels}, dtype=object)
    columns = choose_columns(frame, text="text", label="label")
    return check_examples(Table(frame, "a.csv"), columns, Settings(), **options)  # type: ignore[arg-type]


def found(report: DataReport) -> dict[str, tuple[int, ...]]:
    return {finding.code: finding.rows for finding in report.findings}


def plain(n: int, word: str = "text") -> list[str]:
    return [f"This {word} says {i * 7919} and then {i * 104729}." for i in range(n)]


def test_clean_data_has_no_findings() -> None:
    report = report_of(plain(40), ["a", "b"] * 20)
    assert report.findings == ()
    assert report.ok
    assert (report.rows, report.usable_rows, report.imbalance) == (40, 40, 1.0)
    assert report.characters is not None
    assert report.characters.max == max(map(len, plain(40)))
    assert report.tokens is None


def test_everything_that_is_wrong_is_found() -> None:
    texts = [*plain(100), "", "  ", "no label", *plain(1), "这个酒店很好", "这个酒店很好", "broken \ufffd text"]
    labels = ["good"] * 95 + ["Good "] * 5 + ["good", "good", " ", "good", "good", "bad", "bad"]
    report = report_of(texts, labels)
    codes = found(report)
    assert codes["missing_text"] == (101, 102)
    assert codes["missing_label"] == (103,)
    assert codes["exact_duplicates"] == (104, 106)
    assert codes["conflicting_labels"] == (105, 106)
    assert codes["tiny_class"] == (106, 107)
    assert codes["small_class"] == codes["label_spelling"] == (96, 97, 98, 99, 100)
    assert codes["damaged_characters"] == (107,)
    assert "imbalance" in codes
    assert (report.missing_texts, report.missing_labels, report.usable_rows) == (2, 1, 104)
    assert report.class_counts == {"good": 97, "Good": 5, "bad": 2}
    assert not report.ok
    assert report.findings[0].severity == "error"
    back = json.loads(json.dumps(report.to_dict(), ensure_ascii=False, allow_nan=False))
    assert back["findings"][0]["code"] == "tiny_class"


def test_near_duplicates() -> None:
    long = "The parcel arrived two days late and the box was damaged on one side, but the content was fine."
    report = report_of([*plain(20), long, long[:-1]], ["a", "b"] * 11)
    assert (report.exact_duplicates, report.near_duplicates) == (0, 1)
    assert found(report)["near_duplicates"] == (22,)


def test_tokens_and_cut_texts() -> None:
    texts = ["one two three", "word " * 30, *plain(8)]

    def count(batch: list[str]) -> np.ndarray:
        return np.array([len(text.split()) for text in batch])

    report = report_of(texts, ["a", "b"] * 5, token_counter=count, max_length=10)
    assert report.tokens is not None
    assert (report.tokens.max, report.tokens.cut, report.tokens.measured) == (30, 1, 10)
    assert "texts_cut" in found(report)


def test_classes_of_one_text_again_and_again() -> None:
    """The check said nothing, and the training ended at an empty part."""
    same = report_of(["the very same text"] * 40, ["a", "b"] * 20)
    assert {finding.code: finding.severity for finding in same.findings}["repeated_class"] == "error"
    assert not same.ok
    told = next(finding for finding in same.findings if finding.code == "repeated_class")
    assert told.message == "No class has 3 different texts: a (1), b (0)."

    some = report_of([*plain(20), *["the very same text"] * 20], ["a"] * 20 + ["b"] * 20)
    told = next(finding for finding in some.findings if finding.code == "repeated_class")
    assert (told.severity, told.message) == ("warning", "1 class(es) have fewer than 3 different texts: b (1).")
    assert told.rows[0] == 21
    assert some.ok

    # Two texts of each of many labels: each part gets some of them.
    many = report_of([text for text in plain(20) for _ in range(3)], [str(i // 6) for i in range(60)])
    assert [finding.severity for finding in many.findings if finding.code == "repeated_class"] == ["warning"]


def test_one_class_few_rows_and_nothing_at_all() -> None:
    assert {"one_class", "too_few_rows"} <= set(found(report_of(plain(5), ["a"] * 5)))
    empty = report_of(["", "x"], ["a", ""])
    assert "one_class" in found(empty)
    assert (empty.usable_rows, empty.imbalance, empty.characters) == (0, 0.0, None)
    json.dumps(empty.to_dict(), allow_nan=False)


def test_columns_that_hold_no_text_or_no_label() -> None:
    numbers = report_of([f"{i * 7919}.5" for i in range(100)], ["a", "b"] * 50)
    assert "text_not_text" in found(numbers)
    dates = report_of([f"2024-01-{i % 28 + 1:02d} 10:{i % 60:02d}" for i in range(100)], ["a", "b"] * 50)
    assert "text_not_text" in found(dates)
    swapped = report_of(plain(100), plain(100, "label"))
    assert "many_classes" in found(swapped)


def test_a_backbone_made_for_english_is_told_of_other_scripts() -> None:
    chinese, english = ["这个东西的质量非常好"] * 10, plain(10)
    for texts, languages, told in (
        (chinese, "English", True),
        (["качество очень плохое"] * 10, "English", True),
        (chinese, "Chinese", False),
        (chinese, None, False),
        (english, "English", False),
        (["Très élégant, très déçu"] * 10, "English", False),
        (["12 😀"] * 10, "English", False),
    ):
        assert ("backbone_language" in found(report_of(texts, ["a", "b"] * 5, languages=languages))) is told


def test_a_hundred_thousand_labels_are_told_at_once() -> None:
    """Each label was looked up in a set that was made anew for it: 20,000 took 38 s, 100,000 a quarter of an hour."""
    count = 100_000
    names = [f"label {i}" for i in range(count)]
    rows = np.arange(1, count + 1)
    groups = np.arange(count)
    told = class_findings(dict.fromkeys(names, 1), names, rows, groups, Settings(), cut=2)
    assert [finding.code for finding in told] == ["many_classes", "tiny_class"]
    assert {finding.severity for finding in told} == {"error"}
    told = class_findings(dict.fromkeys(names, 1), names, rows, groups, Settings(), cut=0)
    assert [finding.code for finding in told] == ["many_classes", "small_class"]


def test_labels_that_look_the_same_are_told() -> None:
    report = report_of(plain(40), ["good", "good\u200b", "bad", "\ufeffbad"] * 10)
    assert [f.values["label"] for f in report.findings if f.code == "label_spelling"] == ["good", "bad"]
