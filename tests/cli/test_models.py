"""`explain`, `evaluate` and `report`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sft_keras.data.examples import Examples
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.worker import RunResult
from tests.cli.commands import Cli, assert_refused
from tests.conftest import sentences, write_csv


def test_explain_says_which_words_speak_for_a_label(sft: Cli, lstm_run: RunResult) -> None:
    found = json.loads(sft("explain", lstm_run.run.path, "--text", "a great film!", "--label", "good", "--json").out)
    assert "".join(piece["text"] for piece in found["words"]) == "a great film!"
    total = sum(piece["weight"] for piece in found["words"])
    assert total == pytest.approx(found["probability"] - found["baseline"], abs=1e-3)
    shown = sft("explain", lstm_run.run.path, "--text", "a [red]great[/] film!", "--method", "occlusion").out
    assert "a [red]great[/] film!" in shown
    assert "without the word" in shown


def test_explain_shows_training_examples_that_are_like_the_text(
    sft: Cli, copied_run: RunDirectory, tmp_path: Path
) -> None:
    row = Examples.from_parquet(copied_run.data / "train.parquet").take([0])
    arguments = ("explain", copied_run.path, "--text", row.texts[0], "--method", "occlusion", "--examples", "3")
    told = json.loads(sft(*arguments, "--json").out)["examples"]
    assert (told["found"][0]["text"], told["found"][0]["label"]) == (row.texts[0], row.labels[0])
    assert len(told["found"]) == 3
    assert told["compared"] == told["drawn"] == told["rows"]
    shown = sft(*arguments).out
    assert "3 most similar training examples" in shown
    assert row.texts[0] in shown.split("similar training")[1]
    assert_refused(sft, [*map(str, arguments[:-1]), "21"], "from 1 to 20")
    away = tmp_path / "away" / "bundle"
    shutil.copytree(copied_run.bundle, away)
    assert_refused(sft, ["explain", away, "--text", "a", "--examples", "3"], "are not here")
    # A folder "data" that a person has beside such a bundle is none of a run.
    theirs = tmp_path / "away" / "data" / "features" / "notes.csv"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    shutil.copy(copied_run.data / "train.parquet", tmp_path / "away" / "data")
    assert_refused(sft, ["explain", away, "--text", "a", "--examples", "3"], "are not here")
    assert theirs.read_text() == "mine"
    empty = sft("explain", copied_run.path, "--text", " ", "--method", "occlusion", "--examples", "3", "--json")
    assert json.loads(empty.out)["examples"]["found"] == []
    assert_refused(sft, ["explain", tmp_path / "none", "--text", "a", "--examples", "3"], "none")


def test_evaluate_prints_one_json_object(sft: Cli, lstm_run: RunResult, labelled: Path) -> None:
    answer = sft("evaluate", lstm_run.run.bundle, "--data", labelled, "--json")
    report = json.loads(answer.out)
    assert answer.err == ""
    assert report["rows"] == {"test": 120}
    assert report["baselines"] == {}
    assert set(report["metrics"]["accuracy"]) == {"value", "low", "high"}
    shown = sft("evaluate", lstm_run.run.bundle, "--data", labelled)
    assert f"{report['metrics']['accuracy']['value']:.3f}" in shown.out


def test_evaluate_refuses_a_label_that_the_model_does_not_know(sft: Cli, lstm_run: RunResult) -> None:
    data = write_csv(Path("in.csv"), [*sentences(8), ("a text", "great")])
    arguments = ["evaluate", lstm_run.run.bundle, "--data", data]
    assert_refused(sft, arguments, '"great"', "Where: in.csv", "bad, good")


def test_evaluate_says_which_columns_were_used_and_which_rows_left_out(sft: Cli, lstm_run: RunResult) -> None:
    data = write_csv(Path("in.csv"), [*sentences(12), ("no label", "")])
    notes = json.loads(sft("evaluate", lstm_run.run.bundle, "--data", data, "--json").out)["notes"]
    assert 'Labels: column "label", because of its name.' in notes
    assert "1 row(s) without a label were left out, the first is row 13." in notes


def test_report_writes_one_page_and_overwrites_nothing(sft: Cli, lstm_run: RunResult) -> None:
    answer = sft("report", lstm_run.run.bundle, "--lang", "zh")
    assert (answer.code, answer.out, answer.err) == (0, "", "Wrote report.html\n")
    assert '<html lang="zh-Hans">' in Path("report.html").read_text(encoding="utf-8")
    assert_refused(sft, ["report", lstm_run.run.path], "exists already", "Where: report.html")
    assert_refused(sft, ["report", lstm_run.run.path, "--out", "no/page.html"], "cannot be written")
    assert_refused(sft, ["report", lstm_run.run.path, "--out", "b.html", "--lang", "fr"], 'language "fr"', "en, zh")
    assert_refused(sft, ["report", lstm_run.run.bundle, "--out", "b.html", "--texts"], "holds no texts")
    assert_refused(sft, ["report", "nowhere", "--out", "b.html"], "no bundle here")
