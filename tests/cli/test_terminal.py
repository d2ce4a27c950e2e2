"""What a terminal shows: tables, commands to copy, and nothing that a file could hide in it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from sft_keras.runs.worker import RunResult
from tests.cli.commands import TINY_OPTIONS, Cli
from tests.conftest import sentences, write_csv


def test_the_searches_are_shown_on_the_terminal(lstm_run: RunResult, capsys: pytest.CaptureFixture[str]) -> None:
    from sft_keras.terminal.report import show_report

    tried = [{"weight": 0.0, "score": 0.71, "epochs": 3, "seconds": 4}, {"weight": 0.1, "score": 0.72}]
    searches = {
        "lambda_search": {"rows": tried, "chosen": 0.1, "monitor": "macro_f1"},
        "layer_search": {"rows": [{"layers": "3-6", "C": 10.0, "score": 0.7}], "chosen": "3-6"},
    }
    show_report({**lstm_run.report, **searches})
    out = " ".join(capsys.readouterr().out.split())
    assert "λ tried λ validation macro_f1 epochs time 0 0.710 3 4 s 0.1 0.720 – – chosen" in out
    assert "Layers tried layers C validation score 3-6 10 0.700 chosen" in out


def test_the_next_commands_are_on_one_line_each(sft: Cli, labelled: Path) -> None:
    out = Path("a folder with blanks") / ("long" * 30)
    answer = sft("train", "--data", labelled, "--out", out, *TINY_OPTIONS, "--set=evaluation.baselines=false")
    command = next(line for line in answer.out.splitlines() if "sft-keras evaluate" in line)
    words = shlex.split(command)
    assert words[:3] == ["sft-keras", "evaluate", str(out / "bundle")]
    assert answer.events[-1]["event"] == "phase"
    assert {event["event"] for event in answer.events} >= {"log", "start", "step", "epoch", "checkpoint"}
    assert answer.message == []


def test_escapes_and_markup_in_a_file_do_nothing_to_the_terminal(sft: Cli) -> None:
    rows = [
        (f"{text} \x1b]0;owned\x07", "[/b]\x1b[31m" if label == "good" else "[red]") for text, label in sentences(12)
    ]
    data = write_csv(Path("in.csv"), [*rows, ("rare", "[/x]\x1b[2J")])
    shown = sft("check", data)
    assert shown.code == 1  # a class has one row
    assert "\x1b" not in shown.out
    assert "[red]" in shown.out
    assert "[/b] [31m" in shown.out
    answer = sft("train", "--data", data, "--backbone", "lstm")
    assert answer.code == 2
    assert "\x1b" not in answer.out + "\n".join(answer.message)
