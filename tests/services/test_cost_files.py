"""Costs of mistakes in files and on the command line: what is read, what is kept, and what is decided by them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sft_keras.cli import app
from sft_keras.errors import ConfigError, DataError
from sft_keras.inference.tables import predict_table
from sft_keras.runs import decided
from sft_keras.runs.decided import read_costs
from sft_keras.runs.directory import RunDirectory
from sft_keras.services import Services, Space
from sft_keras.services.decisions import A_PERSON, costs_of, decider
from sft_keras.tasks.base import Prediction
from sft_keras.ui.tabs.evaluate_costs import has_matrix
from tests.services.decided_runs import MATRIX, ROWS, made
from tests.services.made_runs import NAMES, answers


def test_what_the_page_said_outlives_a_look_from_the_command_line(space: Space):
    names = tuple(f"l{i:02}" for i in range(20))
    labels = [names[i % 20] for i in range(ROWS)]
    run = made(space, answers([i % 20 for i in range(ROWS)], 20, seed=0, right=0.5), names=names, labels=labels)
    figures = [[7.0, 2.0], *[[1.0, 0.0]] * 19]
    space.decision_costs(run, by_label=figures)
    file = space.place("runs", run) / "data" / "costs.json"
    before = file.read_bytes()
    assert CliRunner().invoke(app, ["costs", str(space.place("runs", run))]).exit_code == 0
    assert file.read_bytes() == before
    # A new price of a person leaves the figures as they are.
    Services(space.settings).decision_costs(space.place("runs", run), None, 0.5)
    assert space.saved_figures(run) == figures
    assert space.saved_costs(run)[1].hand_over == 0.5
    assert not has_matrix(space, run)
    # A full matrix of the command line is none that the page could show.
    file.write_text(json.dumps({**json.loads(file.read_text()), "by_label": None}))
    assert has_matrix(space, run)
    for wrong in ([[float("nan"), True]] * 20, [[1.0]] * 20, "x"):
        file.write_text(json.dumps({**json.loads(before), "by_label": wrong}))
        assert space.saved_figures(run) is None


def test_why_validation_rows_are_not_scored_is_told(space: Space, scores: np.ndarray, tmp_path: Path):
    run = space.place("runs", made(space, scores))
    file = tmp_path / "costs.csv"
    file.write_text("\n".join([",".join(["true", *NAMES]), *(f"{name},1,1,1" for name in NAMES)]))
    told_so = CliRunner().invoke(app, ["costs", str(run), "--costs", str(file)]).stdout
    assert "could not be scored" in told_so
    found = json.loads(CliRunner().invoke(app, ["costs", str(run), "--json"]).stdout)
    assert found["validation_missing"] == "The run has no validation part."
    assert found["test"]["single"] in NAMES


def test_a_file_of_costs_may_have_another_order(tmp_path: Path):
    file = tmp_path / "costs.csv"
    file.write_bytes("真实,好,坏\n坏,5,0\n好,0,2.5\n".encode("gb18030"))
    assert read_costs(file, ["坏", "好"]) == [[0, 5], [2.5, 0]]


@pytest.mark.parametrize(
    "text",
    [
        "t;a;b\na;0;1,5\nb;2;0\n",
        "t\ta\tb\na\t0\t1,5\nb\t2\t0\n",
        "\ufefft;a;b;\r\na;0;1.5;\r\nb;2;0;\r\n",
        "t,a,b\ra,0,1.5\rb,2,0\r",
        "t,a,b,\na,0,1.5,\nb,2,0,\n",
    ],
)
def test_a_file_of_costs_as_spreadsheets_write_it(tmp_path: Path, text: str):
    file = tmp_path / "costs.csv"
    file.write_bytes(text.encode())
    assert read_costs(file, ["a", "b"]) == [[0, 1.5], [2, 0]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "t,a,b\na,0,nan\nb,1,0\n",
        "t,a,b\na,0,-1\nb,1,0\n",
        "t,a,b\na,0,inf\nb,1,0\n",
        "t,a,b\na,0,\nb,1,0\n",
        "t,a,b\na,0,1\n",
        "t,a,c\na,0,1\nc,1,0\n",
        "t,a,b\na,0\nb,1,0\n",
        "t,a,b\na,0,x\nb,1,0\n",
        "t,a,a\na,0,1\nb,1,0\n",
    ],
)
def test_a_file_that_is_no_table_of_costs_is_refused(tmp_path: Path, text: str):
    file = tmp_path / "costs.csv"
    file.write_text(text)
    with pytest.raises(DataError):
        read_costs(file, ["a", "b"])
    with pytest.raises(DataError):
        read_costs(tmp_path / "none.csv", ["a", "b"])


def test_the_command_prints_and_shows_again_what_was_kept(space: Space, scores: np.ndarray, tmp_path: Path):
    run = space.place("runs", made(space, scores))
    assert CliRunner().invoke(app, ["costs", str(run)]).exit_code != 0
    file = tmp_path / "costs.csv"
    rows = [["true", *NAMES], *([name, *row] for name, row in zip(NAMES, MATRIX, strict=True))]
    with file.open("w", newline="") as target:
        csv.writer(target).writerows(rows)
    first = CliRunner().invoke(app, ["costs", str(run), "--costs", str(file), "--hand-over", "0.9", "--json"])
    again = CliRunner().invoke(app, ["costs", str(run), "--json"])
    assert json.loads(first.stdout) == json.loads(again.stdout)
    assert json.loads(again.stdout)["hand_over"] == 0.9
    assert "everything to a person" in CliRunner().invoke(app, ["costs", str(run)]).stdout


def test_the_price_of_a_person_can_be_taken_out_of_kept_costs(space: Space, scores: np.ndarray):
    run = space.place("runs", made(space, scores))
    decided.save_costs(RunDirectory(run), decided.decided(RunDirectory(run), MATRIX, 0.9, lambda _: scores))
    both = CliRunner().invoke(app, ["costs", str(run), "--hand-over", "1", "--no-hand-over"])
    assert "do not go together" in str(both.exception)
    assert CliRunner().invoke(app, ["costs", str(run), "--no-hand-over"]).exit_code == 0
    kept = decided.saved_costs(RunDirectory(run), NAMES)
    assert kept is not None
    assert kept.hand_over is None
    assert kept.matrix.tolist() == MATRIX


def test_costs_of_a_model_are_the_file_s_or_those_that_were_kept(space: Space, scores: np.ndarray):
    run = RunDirectory(space.place("runs", made(space, scores)))
    for none in (None, run):
        with pytest.raises(ConfigError, match="No costs were kept"):
            costs_of(none, NAMES, None, None)
    decided.save_costs(run, decided.decided(run, MATRIX, 0.9, lambda _: scores))
    assert costs_of(run, NAMES, None, None).hand_over == 0.9
    assert costs_of(run, NAMES, None, 0.2).hand_over == 0.2


def test_a_table_of_predictions_gets_a_column_of_decisions(tmp_path: Path):
    import pandas as pd

    file, target = tmp_path / "costs.csv", tmp_path / "out.csv"
    file.write_text("t,ham,spam\nham,0,5\nspam,1,0\n")

    class Planted:
        labels = type("Names", (), {"names": ("ham", "spam")})

        def predict_stream(self, texts, **_):
            for text, p in zip(texts, (0.7, 0.9, 0.1, None), strict=True):
                values = {} if p is None else {"ham": 1 - p, "spam": p}
                yield Prediction(text, max(values, key=values.get) if values else "", 0.9, values)

    frame = pd.DataFrame({"text": ["a", "b", "c", ""]})
    decide = decider(costs_of(None, ("ham", "spam"), file, 0.4), ("ham", "spam"))
    predict_table(Planted(), frame, "text", target, probabilities=False, decide=decide)
    with target.open(newline="", encoding="utf-8-sig") as source:
        assert [row["decision"] for row in csv.DictReader(source)] == [A_PERSON, A_PERSON, "ham", ""]
