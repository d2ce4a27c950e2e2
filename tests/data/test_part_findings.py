"""Files for training, validation and test that belong together are checked together."""

from __future__ import annotations

import pandas as pd

from sft_keras.data.checks import DataReport, check_examples
from sft_keras.data.columns import Columns
from sft_keras.data.examples import Examples
from sft_keras.data.findings import Finding
from sft_keras.data.readers import Table
from sft_keras.settings import Settings
from tests.data.conftest import examples_of

LONG = "The parcel arrived two days late and the box was damaged on one side, but the content was fine."
COLUMNS = Columns("text", "label", None, ())


def report_of(rows: list[tuple[str, str]], columns: Columns = COLUMNS, **parts: Examples) -> DataReport:
    frame = pd.DataFrame(rows, dtype=object)
    frame.columns = ["text", "label", "extra", "more"][: frame.shape[1]]
    return check_examples(Table(frame, "a.csv"), columns, Settings(), parts=parts)


def found(report: DataReport) -> dict[str, Finding]:
    return {finding.code: finding for finding in report.findings}


def rows_of(n: int) -> list[tuple[str, str]]:
    return [(f"This text says {i * 7919} and then {i * 104729}.", "ab"[i % 2]) for i in range(n)]


def test_texts_on_both_sides_are_found_exactly_and_nearly() -> None:
    training = [("", "a"), *rows_of(20), (LONG, "a")]
    validation = examples_of(["quite new", training[3][0].upper()], ["a", "b"])
    test = examples_of(["another", "quite  new", LONG[:-1], training[5][0]], ["a", "a", "b", training[5][1]])
    codes = found(report_of(training, validation=validation, test=test))
    assert codes["validation_in_training"].rows == (4,)
    assert "the first is row 2 of the validation file" in codes["validation_in_training"].message
    assert codes["test_in_training"].rows == (6,)
    assert codes["test_near_training"].rows == (22,)
    assert (codes["test_in_validation"].rows, codes["test_in_validation"].part) == ((1,), "validation")
    assert "validation_near_training" not in codes
    assert codes["contradicting_parts"].part == "validation"
    assert {codes[code].severity for code in ("test_in_training", "test_near_training")} == {"warning"}
    assert codes["test_in_training"].fixable
    assert not codes["test_near_training"].fixable


def test_labels_that_one_file_lacks() -> None:
    report = report_of(rows_of(20), test=examples_of(["x", "y", "z"], ["a", "c", "c"]))
    codes = found(report)
    assert (codes["unknown_labels"].severity, codes["unknown_labels"].rows) == ("error", (2, 3))
    assert codes["unknown_labels"].part == codes["absent_labels"].part == "test"
    assert not report.ok
    assert report.part_rows == {"test": 3}


def test_separate_files_have_no_findings_and_tiny_classes_are_no_error() -> None:
    training = [*rows_of(40), ("lonely words here", "c")]
    part = examples_of(["one", "two", "three"], ["a", "b", "c"])
    assert found(report_of(training, validation=part))["tiny_class"].severity == "error"
    test = examples_of(["four", "five", "six"], ["a", "b", "c"])
    both = report_of(training, validation=part, test=test)
    assert both.ok
    assert set(found(both)) == {"small_class", "imbalance"}


def test_body_beside_title_and_a_bad_weight() -> None:
    bodies = [(*row, f"物流很快，包装也不错，给第{i}个好评", str(i)) for i, row in enumerate(rows_of(20))]
    codes = found(report_of(bodies))
    assert '"extra"' in codes["other_text_column"].message
    assert '"more"' not in codes["other_text_column"].message
    keys = [(*row, f"{i:x}" * 20, f"https://example.org/{i}/and/so/on") for i, row in enumerate(rows_of(20), start=10)]
    assert "other_text_column" not in found(report_of(keys))
    weighted = [(*row, weight) for row, weight in zip(rows_of(20), ["1", "-1", "x", "", *["2"] * 16], strict=True)]
    report = report_of(weighted, Columns("text", "label", "extra", ()))
    assert found(report)["bad_weight"].rows == (2, 3, 4)
    assert not report.ok


def test_thousands_of_spellings_give_few_findings() -> None:
    rows = [(f"text {i} of many", f"Label{i // 2}" if i % 2 else f"label{i // 2}") for i in range(4000)]
    frame = pd.DataFrame(rows, columns=["text", "label"], dtype=object)
    report = check_examples(Table(frame, "a.csv"), COLUMNS, Settings(), similarity=1.0)
    spellings = [finding for finding in report.findings if finding.code == "label_spelling"]
    assert len(spellings) == 21
    assert "1980 further groups" in spellings[-1].message
    assert all(len(finding.rows) <= 10 for finding in report.findings)


def test_columns_that_settle_the_label_are_named_and_ids_and_noise_are_not() -> None:
    labels = [("good", "bad")[i % 2] for i in range(60)]
    frame = pd.DataFrame(
        {
            "text": [f"a sentence that nobody wrote before, number {i}" for i in range(60)],
            "label": labels,
            "stars": ["5" if label == "good" else str(1 + i % 4) for i, label in enumerate(labels)],
            "id": [str(i) for i in range(60)],
            "shop": [str(i // 2 % 3) for i in range(60)],
        },
        dtype=str,
    )
    codes = found(check_examples(Table(frame, "a.csv"), COLUMNS, Settings()))
    assert codes["telling_column"].severity == "info"
    assert '"stars"' in codes["telling_column"].message
    assert '"id"' not in codes["telling_column"].message
    assert '"shop"' not in codes["telling_column"].message
    rare = frame.assign(label=["bad"] * 3 + ["good"] * 57, stars="5")
    assert "telling_column" not in found(check_examples(Table(rare, "a.csv"), COLUMNS, Settings()))
