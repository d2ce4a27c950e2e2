"""What the tab Evaluate shows, without a browser."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sft_keras.errors import ArtifactError, DataError
from sft_keras.services import Services, Space
from sft_keras.services.space.base import new_key
from sft_keras.services.space.evaluation import ThresholdView
from sft_keras.services.space.runs import RunView
from sft_keras.settings import Settings
from sft_keras.ui.components.results import threshold_effect, threshold_picture
from sft_keras.ui.tabs import evaluate, evaluate_more
from sft_keras.ui.texts import catalogue
from tests.services.made_runs import NAMES, answers, made_run
from tests.ui.pieces import ATTACK, Tags

EN, ZH = catalogue("en"), catalogue("zh")
TRUTH = [i % 3 for i in range(30)]
LABELS = [NAMES[i] for i in TRUTH]
TEXTS = [f"{ATTACK} {i}" for i in range(30)]


@pytest.fixture
def space(tmp_path: Path) -> Space:
    return Services(Settings(data_dir=tmp_path / "data")).space(new_key())


@pytest.fixture
def run(space: Space) -> str:
    return made_run(space, TEXTS, LABELS, answers(TRUTH, 3, seed=1, right=0.5))


@pytest.mark.parametrize("say", [EN, ZH], ids=["en", "zh"])
def test_the_page_of_a_run_has_every_part_and_shows_texts_as_text(space, run, say):
    page = evaluate.page_of(space, run, say)
    assert (page.scored, page.rows, page.watched) == (True, True, False)
    assert {name for name, part in page.parts.items() if not part} == {"rows"}
    everything = Tags("".join(page.parts.values()))
    assert everything.count("img") == 0
    assert ATTACK in everything.text
    assert say("evaluate.mistakes_title") in everything.text
    assert everything.count("svg") == 2
    if say is ZH:
        assert not re.search(r"[a-z]{4,} [a-z]{3,} [a-z]{3,}", everything.text.replace(ATTACK, ""))


def test_a_cell_of_the_matrix_shows_its_rows(space, run):
    matrix = space.report(run)["confusion_matrix"]
    for i, row in enumerate(matrix):
        for j, count in enumerate(row):
            panel = Tags(evaluate.rows_of(space, run, f"{i},{j}", EN))
            assert (panel.count("li"), panel.count("img")) == (count, 0)
    tags = Tags(evaluate.page_of(space, run, EN).parts["confusions"]).tags
    buttons = {attributes["data-value"] for tag, attributes in tags if tag == "button"}
    assert buttons == {f"{i},{j}" for i in range(3) for j in range(3) if matrix[i][j]}


@pytest.mark.parametrize("cell", ["", "9,0", "0", "0,0,0", "-1,0", "²,1", "a,b", ",", ATTACK, "0," + "9" * 30])
def test_a_forged_cell_shows_nothing(space, run, cell):
    assert EN("evaluate.rows_none") in evaluate.rows_of(space, run, cell, EN)


def test_an_older_run_says_what_it_lacks(space):
    run = made_run(space, TEXTS, LABELS, answers(TRUTH, 3, seed=1, right=0.5), predictions=False)
    page = evaluate.page_of(space, run, EN)
    assert (page.scored, page.rows) == (True, False)
    assert "older version" in page.parts["rows"]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"state": "queued"}, "waiting_title"),
        ({"state": "running"}, "running_title"),
        ({"state": "finished"}, "no_test_title"),
        ({"state": "failed", "message": ATTACK}, "failed_title"),
        ({"state": "cancelled", "has_bundle": True}, "stopped_title"),
        ({"state": "interrupted"}, "stopped_title"),
    ],
)
def test_without_a_report_the_page_says_why_and_what_to_do(space, monkeypatch, changes, key):
    view = replace(RunView(id="r" * 32, name=f"N{ATTACK}", state="", created=""), **changes)
    monkeypatch.setattr(Space, "run", lambda _self, _run: view)
    page = evaluate.page_of(space, view.id, EN)
    head = Tags(page.parts["head"])
    assert EN(f"evaluate.{key}", name=view.name) in head.text
    assert head.count("img") == 0
    assert page.watched == (view.state in ("queued", "running"))
    assert page.usable == view.has_bundle
    assert not page.scored


def test_nothing_chosen_and_somebody_elses_run(space, run):
    other = Services(space.settings).space(new_key())
    assert EN("evaluate.gone") in evaluate.page_of(other, run, EN).parts["head"]
    assert EN("evaluate.empty") in evaluate.page_of(other, "", EN).parts["head"]
    with pytest.raises(ArtifactError):
        evaluate.rows_of(other, run, "0,0", EN)


def test_two_runs_side_by_side_or_why_not(space, run):
    better = made_run(space, TEXTS, LABELS, np.eye(3)[TRUTH])
    assert [each[1] for each in evaluate_more.choices(space, run)] == [better]
    shown = Tags(evaluate_more.compared(space, better, run, EN))
    assert "100.0%" in shown.text
    assert "more accurate than" in shown.text
    far = made_run(space, ["a", "b", "c"] * 5, [*NAMES] * 5, np.eye(3)[[0, 1, 2] * 5])
    assert "share only 0 test row(s)" in evaluate_more.compared(space, run, far, EN)
    assert evaluate_more.compared(space, run, None, EN) == ""


def test_another_file_is_scored_with_progress(space, run, monkeypatch):
    def score(_self, _run, _path, name, *, progress):
        progress(1, 2)
        assert name == "last month.csv"
        return space.report(run)

    monkeypatch.setattr(Space, "evaluate_file", score)
    pieces = list(evaluate_more.scored(space, run, Path("/x/last month.csv"), EN))
    assert "progressbar" in pieces[0]
    assert "1 of 2 texts" in "".join(pieces)
    assert "last month.csv" in pieces[-1]
    assert 'data-action="cell"' not in pieces[-1]


def test_a_file_that_cannot_be_scored_is_told_in_place(space, run, monkeypatch):
    def refuse(*_given, **_named):
        raise DataError(ATTACK)

    monkeypatch.setattr(Space, "evaluate_file", refuse)
    assert "&lt;img" in list(evaluate_more.scored(space, run, Path("x.csv"), EN))[-1]


def test_the_threshold_in_words_and_as_a_picture():
    curve = [ThresholdView(i / 10, 1 - i / 10, 0.5 + i / 20 if i < 10 else None, 10 - i) for i in range(11)]
    assert "answers 20.0% of the test texts (2 of 10) and is right on 90.0%" in threshold_effect(curve[8], EN)
    assert "其余 8 条交给人工" in threshold_effect(curve[8], ZH)
    assert "all 10 test texts" in threshold_effect(curve[0], EN)
    for chosen in curve:
        assert Tags(threshold_picture(curve, chosen, EN)).count("circle") == (1 if chosen.accuracy is None else 2)
