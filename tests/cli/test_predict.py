"""`predict`: texts, standard input and files."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from sft_keras.runs.worker import RunResult
from tests.cli.commands import Cli, assert_refused
from tests.conftest import sentences, write_csv


def test_predict_prints_a_json_line_a_text(sft: Cli, lstm_run: RunResult) -> None:
    texts = ["a great film", "an awful film", "  "]
    answer = sft("predict", lstm_run.run.bundle, *(f"--text={text}" for text in texts), "--json")
    lines = [json.loads(line) for line in answer.out.splitlines()]
    assert [line["text"] for line in lines] == texts
    for line in lines[:2]:
        assert set(line) == {"text", "label", "confidence", "probabilities"}
        assert set(line["probabilities"]) == {"good", "bad"}
        assert sum(line["probabilities"].values()) == pytest.approx(1)
        assert line["confidence"] == line["probabilities"][line["label"]] == max(line["probabilities"].values())
    assert lines[2] == {"text": "  ", "label": "", "confidence": 0.0, "probabilities": {}}
    assert answer.err == ""
    from_run = sft("predict", lstm_run.run.path, "--text", texts[0], "--json")
    assert json.loads(from_run.out)["probabilities"] == pytest.approx(lines[0]["probabilities"], abs=1e-6)


def test_predict_reads_standard_input(sft: Cli, lstm_run: RunResult) -> None:
    texts = [f"{text} été 正面 🙂" for text, _ in sentences(5)]
    answer = sft("predict", lstm_run.run.bundle, "--json", stdin="\ufeff" + "\r\n".join([*texts, "", "last"]))
    assert [json.loads(line)["text"] for line in answer.out.splitlines()] == [*texts, "", "last"]


def test_predict_refuses_what_is_no_utf_8(sft: Cli, lstm_run: RunResult) -> None:
    answer = sft("predict", lstm_run.run.bundle, stdin="un été\n".encode("latin-1"))
    assert answer.code == 2
    assert "not UTF-8" in answer.message[0]


def test_predict_survives_half_a_character(sft: Cli, lstm_run: RunResult) -> None:
    answer = sft("predict", lstm_run.run.bundle, "--json", "--text", "great \udcff film")
    assert answer.code == 0
    assert json.loads(answer.out)["text"] == "great \udcff film"


def test_predict_for_people_is_one_line_a_text(sft: Cli, lstm_run: RunResult) -> None:
    texts = ["great\nfilm [/bold] with a \\", "awful " * 60, ""]
    answer = sft("predict", lstm_run.run.bundle, *(f"--text={text}" for text in texts))
    lines = answer.out.splitlines()
    assert len(lines) == 3
    assert "great film [/bold] with a \\" in lines[0]
    assert lines[1].endswith("…")
    assert lines[2].startswith("(empty)")
    shown = sft("predict", lstm_run.run.bundle, "--text=great", "--probabilities")
    assert len(shown.out.splitlines()) == 2
    assert "good 0." in shown.out


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_predict_keeps_every_row_and_column_of_a_file(sft: Cli, lstm_run: RunResult, ending: str) -> None:
    rows = [(str(i), text, 'a "quoted", cell\nwith a break', "old") for i, (text, _) in enumerate(sentences(9))]
    rows[4] = ("4", "", "no text here", "old")
    write_csv(Path("in.csv"), rows, header=("id", "review", "note", "prediction"))
    out = Path(f"out.{ending}")
    answer = sft("predict", lstm_run.run.bundle, "--file", "in.csv", "--out", out, "--probabilities")
    assert answer.code == 0
    assert "9 rows" in answer.out
    if ending == "jsonl":
        frame = pd.DataFrame([json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()])
    else:
        frame = pd.read_csv(
            out, sep="," if ending == "csv" else "\t", dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    added = ["prediction (2)", "confidence", "probability_bad", "probability_good"]
    assert list(frame.columns) == ["id", "review", "note", "prediction", *added]
    assert [tuple(row) for row in frame.iloc[:, :4].itertuples(index=False)] == rows
    assert list(frame.loc[4, added]) == ["", "", "", ""]
    filled = frame.drop(index=4)
    assert set(filled["prediction (2)"]) <= {"good", "bad"}
    direct = sft("predict", lstm_run.run.bundle, "--text", rows[0][1], "--json")
    assert float(frame.loc[0, "confidence"]) == pytest.approx(json.loads(direct.out)["confidence"], abs=1e-5)
    assert not list(Path().glob(".*"))


def test_predict_file_as_json(sft: Cli, lstm_run: RunResult) -> None:
    write_csv(Path("in.csv"), sentences(8))
    arguments = ["predict", lstm_run.run.bundle, "--file", "in.csv", "--text-column", "text", "--json"]
    assert json.loads(sft(*arguments, "--out", "out.csv").out) == {"rows": 8, "out": "out.csv"}


def test_predict_file_decides_by_what_mistakes_cost(sft: Cli, lstm_run: RunResult) -> None:
    write_csv(Path("in.csv"), sentences(8))
    Path("costs.csv").write_text("true,bad,good\nbad,0,1000000\ngood,0,0\n", encoding="utf-8")
    file = ["predict", lstm_run.run.path, "--file", "in.csv", "--text-column", "text"]
    assert sft(*file, "--out", "one.csv", "--costs", "costs.csv").code == 0
    assert set(pd.read_csv("one.csv")["decision"]) == {"bad"}
    Path("costs.csv").write_text("true,bad,good\nbad,0,1\ngood,1,0\n", encoding="utf-8")
    assert sft(*file, "--out", "two.csv", "--costs", "costs.csv", "--hand-over", "0").code == 0
    assert set(pd.read_csv("two.csv")["decision"]) == {"(a person)"}
    assert_refused(sft, [*file, "--out", "no.csv", "--decide"], "No costs were kept", "--costs FILE")
    assert_refused(sft, [*file, "--out", "no.csv", "--hand-over", "1"], "--hand-over with one of them")
    assert_refused(sft, ["predict", lstm_run.run.path, "--text", "x", "--decide"], "go with --file")
    assert not Path("no.csv").exists()


def test_what_predict_refuses(sft: Cli, lstm_run: RunResult) -> None:
    write_csv(Path("in.csv"), sentences(8))
    bundle = lstm_run.run.bundle
    assert_refused(sft, ["predict", "nothing", "--text", "x"], "no bundle here", "Where: nothing")
    assert_refused(sft, ["predict", ".", "--text", "x"], "no manifest.json")
    file = ["predict", bundle, "--file", "in.csv"]
    assert_refused(sft, file, "--out")
    assert_refused(sft, ["predict", bundle, "--out", "x.csv"], "--out goes with --file")
    assert_refused(sft, [*file, "--out", "x.csv", "--text", "y"], "no --text")
    assert_refused(sft, [*file, "--out", "out.xlsx"], '".xlsx"', ".csv, .tsv or .jsonl")
    assert_refused(sft, [*file, "--out", "in.csv"], "exists already")
    assert_refused(sft, [*file, "--out", "no/such/folder.csv"], "no folder", "no/such")
    assert_refused(sft, [*file, "--out", "in.csv/out.csv"], "no folder")
    assert_refused(sft, [*file, "--out", f"{'x' * 300}.csv"], "cannot be written")
    assert_refused(sft, [*file, "--out", "o.csv", "--text-column", "txt"], 'no text column "txt"', "label, text")
    assert_refused(sft, ["predict", bundle, "--file", "missing.csv", "--out", "o.csv"], "does not exist")
