"""A training that the system killed for lack of memory is told from one that something else ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sft_keras.config import RunConfig
from sft_keras.errors import TrainingError
from sft_keras.training import killed
from sft_keras.training.adaptation import FILE, settled
from sft_keras.training.killed import NOTE, memory_kills, noted, was_killed
from tests.training.tiny_trainings import Recorder, run, stop_after


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has killed three processes; its folder holds what it says of itself."""
    monkeypatch.setattr(killed, "COUNTERS", tmp_path / "counters")
    monkeypatch.setattr(killed, "BOOT", tmp_path / "boot")
    (tmp_path / "boot").write_text("first\n", encoding="ascii")
    has_killed(tmp_path, 3)
    return tmp_path


def has_killed(machine: Path, number: int) -> None:
    (machine / "counters").write_text(f"pgfault 12\noom_kill {number}\nswap_ra 0\n", encoding="ascii")


def test_a_training_is_called_killed_only_if_the_machine_killed_while_it_lasted(machine: Path, tmp_path: Path) -> None:
    assert not was_killed(tmp_path)
    with noted(tmp_path):
        note = (tmp_path / NOTE).read_text(encoding="ascii")
        has_killed(machine, 4)
        assert was_killed(tmp_path)
    assert not was_killed(tmp_path)  # it came to an end of its own

    (tmp_path / NOTE).write_text(note, encoding="ascii")  # it did not
    assert was_killed(tmp_path)
    has_killed(machine, 3)
    assert not was_killed(tmp_path)
    has_killed(machine, 4)
    (machine / "boot").write_text("second\n", encoding="ascii")
    assert not was_killed(tmp_path)


@pytest.mark.parametrize("note", ["", "[]", "null", '["first"]', '["first", "x"]', '{"first": 3}', "[1, 2, 3]"])
def test_a_spoilt_note_says_nothing(machine: Path, tmp_path: Path, note: str) -> None:
    has_killed(machine, 9)
    (tmp_path / NOTE).write_text(note, encoding="ascii")
    assert not was_killed(tmp_path)


def test_where_the_machine_counts_nothing_nothing_is_noted(machine: Path, tmp_path: Path) -> None:
    (machine / "counters").unlink()
    assert memory_kills() is None
    with noted(tmp_path):
        assert not (tmp_path / NOTE).exists()
    (tmp_path / NOTE).write_text('["first", 0]', encoding="ascii")
    assert not was_killed(tmp_path)


def test_a_killed_training_goes_on_from_its_checkpoint_with_half_the_rows(machine: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run(folder, {"training": {"epochs": 2}}, should_stop=stop_after(8))
    assert not (folder / NOTE).exists()
    (folder / NOTE).write_text('["first", 2]', encoding="ascii")
    recorder = Recorder()
    trained = run(folder, {"training": {"epochs": 2}}, sink=recorder)
    assert trained.complete
    assert trained.config.training.accumulation_steps == 2
    messages = [each["message"] for each in recorder.of("log")]
    assert any(message.startswith("There is not enough memory for 16 rows at once") for message in messages)
    assert any("Resuming" in message for message in messages)
    assert not (folder / NOTE).exists()


def test_one_that_was_killed_with_a_single_row_fails_and_may_be_tried_again(machine: Path, tmp_path: Path) -> None:
    config = RunConfig.parse({"training": {"batch_size": 1, "mixed_precision": "none"}})
    (tmp_path / NOTE).write_text('["first", 2]', encoding="ascii")
    with pytest.raises(TrainingError, match="single row"):
        settled(config, tmp_path, Recorder())
    assert settled(config, tmp_path, Recorder()).training.accumulation_steps == 1
    assert json.loads((tmp_path / FILE).read_text(encoding="utf-8"))["accumulation_steps"] == 1
