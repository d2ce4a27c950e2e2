"""What the starter of trainings does when the process of one has ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sft_keras.config import RunConfig
from sft_keras.runs import queue
from sft_keras.runs.directory import RunDirectory
from sft_keras.training.killed import NOTE, memory_kills

pytestmark = pytest.mark.skipif(memory_kills() is None, reason="this system does not count what it kills")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.setenv("SFT_DATA_DIR", str(tmp_path / "data"))
    return RunDirectory.create(tmp_path / "run", RunConfig(), data="rows.csv", fill=lambda _: None)


def killed(run: RunDirectory, kills_before: int, place: str = "") -> None:
    """Leaves the run as a process that was killed in the midst of a training does."""
    run.update(state="running", pid=2**22, phase="training")
    folder = run.checkpoints / place
    folder.mkdir(parents=True, exist_ok=True)
    boot, kills = memory_kills() or ("", 0)
    (folder / NOTE).write_text(json.dumps([boot, kills + kills_before]), encoding="ascii")


def processes(monkeypatch: pytest.MonkeyPatch, *lives: Callable[[], Any]) -> list[str]:
    """Has one of these happen where a training process would be started; returns what was started."""
    started: list[str] = []

    def start(module: str, arguments: list[str], *_: Any) -> Any:
        lives[len(started)]()
        started.append(module)
        return SimpleNamespace(wait=lambda: -9)

    monkeypatch.setattr(queue, "start_detached", start)
    return started


@pytest.mark.parametrize("place", ["", "weight-0.1", "control"])
def test_a_training_that_was_killed_for_memory_is_started_again(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def ends() -> None:
        assert run.status().state == "queued"
        (run.checkpoints / place / NOTE).unlink()
        run.update(state="finished", pid=0)

    started = processes(monkeypatch, lambda: killed(run, -1, place), lambda: killed(run, -1, place), ends)
    queue.carry_out(str(run.path))
    assert len(started) == 3
    assert run.status().state == "finished"
    assert (run.path / "log.txt").read_text(encoding="utf-8").count("for lack of memory. It is started again") == 2


def test_one_that_something_else_killed_waits_for_a_person(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    started = processes(monkeypatch, lambda: killed(run, 0))
    queue.carry_out(str(run.path))
    assert len(started) == 1
    assert run.status().state == "interrupted"


def test_one_that_was_asked_to_stop_is_not_started_again(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped() -> None:
        killed(run, -1)
        run.cancel.touch()

    started = processes(monkeypatch, stopped)
    queue.carry_out(str(run.path))
    assert len(started) == 1
    assert run.status().state == "interrupted"
