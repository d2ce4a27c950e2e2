"""What is nobody's mistake: bugs, what the machine refuses, Ctrl-C, a training that fails."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from sft_keras import cli
from sft_keras.errors import TrainingError
from sft_keras.services import Services
from tests.cli.commands import TINY_OPTIONS, Cli, assert_refused


def test_errors_as_json(sft: Cli) -> None:
    answer = sft("check", "missing.csv", "--json")
    assert (answer.code, answer.out) == (2, "")
    assert json.loads(answer.err) == {
        "error": "DataError",
        "problem": "The file does not exist.",
        "where": "missing.csv",
        "fix": "Check the path and the spelling.",
    }


@pytest.mark.parametrize(
    "error", [RuntimeError("unforeseen"), FileNotFoundError(errno.ENOENT, "unforeseen", str(cli.PACKAGE / "part.json"))]
)
def test_a_bug_of_ours_is_told_apart(
    sft: Cli, labelled: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Services, "check", broken)
    answer = sft("check", labelled)
    assert (answer.code, answer.out) == (1, "")
    assert type(error).__name__ in answer.err
    assert "unforeseen" in answer.err
    assert "This is a bug in sft-keras" in answer.err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300), "File name too long"),
        (PermissionError(errno.EACCES, "Permission denied", b"a.csv"), "Permission denied"),
        (OSError("the device is gone"), "the device is gone"),
        (MemoryError(), "not enough memory"),
    ],
)
def test_what_the_machine_refuses_is_no_bug(
    sft: Cli, labelled: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Services, "check", refused)
    assert_refused(sft, ["check", labelled], told)


def test_ctrl_c_outside_a_training(sft: Cli, labelled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Services, "check", interrupted)
    answer = sft("check", labelled)
    assert (answer.code, answer.out, answer.err) == (130, "", "")


def test_a_failure_in_training_is_told_and_can_be_resumed(
    sft: Cli, labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sft_keras.training.strategies as strategies

    def failing(*_: object, **__: object) -> None:
        raise TrainingError("The loss is no longer a number (step 3).", fix="Lower optimizer.learning_rate.")

    with monkeypatch.context() as patch:
        patch.setattr(strategies, "train", failing)
        answer = sft("train", "--data", labelled, "--out", "run", *TINY_OPTIONS)
    assert answer.code == 2
    assert answer.message == [
        "Error: The loss is no longer a number (step 3).",
        "What to do: Lower optimizer.learning_rate.",
    ]
    status = json.loads(Path("run/status.json").read_text(encoding="utf-8"))
    assert (status["state"], status["pid"]) == ("failed", 0)
    assert status["message"] == "The loss is no longer a number (step 3)."
    assert "no longer a number" in Path("run/log.txt").read_text(encoding="utf-8")
    assert not Path("run/bundle").exists()
    assert sft("train", "--resume", "run").code == 0
    resumed = json.loads(Path("run/status.json").read_text(encoding="utf-8"))
    assert (resumed["state"], resumed["message"]) == ("finished", "")
