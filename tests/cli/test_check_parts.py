"""`check` with files for validation and test, and with a mended copy."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from sft_keras.config import RunConfig
from sft_keras.errors import ConfigError
from sft_keras.services import Services
from tests.cli.commands import Cli, assert_refused
from tests.conftest import sentences, write_csv

SPOILT = [
    *sentences(40),
    ("", "good"),
    ("no label", ""),
    ("says it twice", "Good"),
    ("says it twice", "bad"),
    ("one", "x"),
]


@pytest.fixture
def spoilt(sft: Cli) -> Path:
    """A file with something to mend, in the folder where the command works."""
    return write_csv(Path("in.csv"), SPOILT)


def test_the_exit_code_tells_of_errors_in_the_data(sft: Cli, spoilt: Path, labelled: Path) -> None:
    assert sft("check", labelled).code == 0
    shown = sft("check", spoilt)
    assert (shown.code, shown.err) == (1, "")
    assert "(rows: 43, 45)" in shown.out
    assert "--fix clean.csv" in shown.out
    answer = sft("check", spoilt, "--json")
    assert answer.code == 1
    assert json.loads(answer.out)["ok"] is False


def test_fix_writes_a_copy_and_a_list_and_leaves_the_file_alone(sft: Cli, spoilt: Path) -> None:
    before = spoilt.read_bytes()
    answer = sft("check", spoilt, "--fix", "clean.tsv", "--json")
    assert answer.code == 0
    fixed = json.loads(answer.out)["fixed"]
    assert (fixed["out"], fixed["changes"], fixed["ok"]) == ("clean.tsv", "clean.changes.csv", True)
    assert fixed["kinds"] == {
        "missing_text": 1,
        "missing_label": 1,
        "label_spelling": 1,
        "conflicting_labels": 2,
        "tiny_class": 1,
    }
    assert (fixed["rows"], fixed["dropped"], fixed["changed"]) == (40, 5, 1)
    assert spoilt.read_bytes() == before
    again = json.loads(sft("check", "clean.tsv", "--json").out)
    assert (again["rows"], again["ok"]) == (40, True)
    with Path("clean.changes.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert [row["row"] for row in csv.DictReader(stream)] == ["41", "42", "43", "43", "44", "45"]
    first = Path("clean.tsv").read_bytes()
    assert_refused(sft, ["check", spoilt, "--fix", "clean.tsv"], "exists already")
    shown = sft("check", spoilt, "--fix", "clean.tsv", "--force")
    assert shown.code == 0
    assert "2 × conflicting_labels" in shown.out
    assert Path("clean.tsv").read_bytes() == first


def test_fix_can_be_told_what_to_mend(sft: Cli, spoilt: Path) -> None:
    answer = sft(
        "check", spoilt, "--fix", "a.jsonl", "--fix-kind", "missing_text", "--fix-kind", "missing_label", "--json"
    )
    fixed = json.loads(answer.out)["fixed"]
    assert fixed["kinds"] == {"missing_text": 1, "missing_label": 1}
    assert answer.code == 1  # the tiny classes are still there
    assert_refused(sft, ["check", spoilt, "--fix", "b.csv", "--fix-kind", "missing_texts"], "missing_text")
    assert_refused(sft, ["check", spoilt, "--force"], "--fix clean.csv")
    assert_refused(sft, ["check", spoilt, "--fix", "in.csv", "--force"], "made from")
    assert_refused(sft, ["check", spoilt, "--fix", "b.xlsx"], ".xlsx")


def test_files_that_belong_together(sft: Cli) -> None:
    training = write_csv(Path("train.csv"), sentences(60))
    test = write_csv(Path("test.csv"), [*sentences(60)[:3], ("all new", "good")])
    validation = write_csv(Path("validation.csv"), [("also new", "good"), ("new as well", "bad")])
    answer = sft("check", training, "--test", test, "--validation", validation, "--json")
    found = json.loads(answer.out)
    codes = {finding["code"]: finding for finding in found["findings"]}
    assert (codes["test_in_training"]["rows"], codes["test_in_training"]["fixable"]) == ([1, 2, 3], True)
    assert found["part_rows"] == {"validation": 2, "test": 4}
    options = ["--test", test, "--validation", validation, "--fix", "clean.csv", "--json"]
    fixed = json.loads(sft("check", training, *options).out)["fixed"]
    assert fixed["kinds"] == {"test_in_training": 3}
    assert not any(finding["code"] == "test_in_training" for finding in fixed["findings"])
    assert_refused(sft, ["check", training, "--test", test, "--fix", "test.csv", "--force"], "made from")


def test_a_fix_can_be_looked_at_before_anything_is_written(services: Services, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", SPOILT)
    result = services.fix(str(source), RunConfig(), kinds=["label_spelling"])
    assert [(c.row, c.action, c.before, c.after) for c in result.fixed.changes] == [(43, "changed", "Good", "good")]
    assert (result.out, result.changes) == (None, None)
    assert result.to_dict()["rows"] == len(SPOILT)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
    with pytest.raises(ConfigError):
        services.fix(str(source), RunConfig(), kinds=["everything"])
