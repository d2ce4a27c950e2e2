"""Checkpoints: which are written and kept, and what is done about one that is damaged or lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sft_keras.errors import ArtifactError, TrainingError
from sft_keras.training.checkpoints import Checkpoints
from tests.training.tiny_trainings import Recorder, logits, run, stop_after


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(tmp_path: Path) -> None:
    unbroken = run(tmp_path / "unbroken", {"training": {"epochs": 3}})
    run(tmp_path / "broken", {"training": {"epochs": 3}}, should_stop=stop_after(14))
    newest = max((tmp_path / "broken").glob("epoch-*"))
    state = newest / "state.safetensors"
    state.write_bytes(state.read_bytes()[: state.stat().st_size // 2])
    recorder = Recorder()
    (tmp_path / "broken" / ".epoch-00009-step-00000001.part").mkdir()  # left by a kill while it was written
    resumed = run(tmp_path / "broken", {"training": {"epochs": 3}}, sink=recorder)
    np.testing.assert_array_equal(logits(resumed), logits(unbroken))
    assert any(f"{newest.name} was left out" in values["message"] for values in recorder.of("log"))
    assert not list((tmp_path / "broken").glob(".*"))


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("spoil", [Path.unlink, flip_a_bit])
def test_best_weights_that_are_lost_are_made_anew_from_a_checkpoint(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """Without them the training would end with the weights of the last epoch, and call them the best."""
    settings = {"training": {"epochs": 3}}
    expected = logits(run(tmp_path / "unbroken", settings))
    trained = run(tmp_path / "broken", settings, should_stop=stop_after(16))
    assert trained.position.best_epoch == 2
    assert [path.name[6:] for path in sorted((tmp_path / "broken").glob("epoch-*"))] == [
        *("00002-step-00000000", "00002-step-00000002")
    ]
    spoil(tmp_path / "broken" / "best.safetensors")
    recorder = Recorder()
    np.testing.assert_array_equal(logits(run(tmp_path / "broken", settings, sink=recorder)), expected)
    assert any("the checkpoint holds the same" in values["message"] for values in recorder.of("log"))


def test_best_weights_that_no_checkpoint_holds_are_missed(tmp_path: Path) -> None:
    often = {"training": {"checkpoint_minutes": 1e-6}}
    run(tmp_path, often, should_stop=stop_after(10))
    (tmp_path / "best.safetensors").unlink()
    with pytest.raises(ArtifactError, match="cannot be read") as caught:
        run(tmp_path, often)
    assert f"delete the folder {tmp_path} and resume" in caught.value.fix


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"colour": 1}, "written by another version of sft-keras (unknown: colour)"),
        ({"epoch": "three"}, "a count is no number"),
        ({"history": 5}, "cannot be read"),
        ({"best_score": "high"}, "cannot be read"),
    ],
)
def test_a_position_that_cannot_be_understood(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    run(tmp_path, should_stop=stop_after(3))
    for path in tmp_path.glob("epoch-*/position.json"):
        path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    with pytest.raises(ArtifactError) as caught:
        run(tmp_path)
    assert told in caught.value.problem
    assert caught.value.fix


def test_no_readable_checkpoint_is_an_error_not_a_new_start(tmp_path: Path) -> None:
    run(tmp_path, should_stop=stop_after(3))
    for state in tmp_path.glob("epoch-*/state.safetensors"):
        state.write_bytes(b"rubbish")
    with pytest.raises(ArtifactError, match="checkpoint cannot be read"):
        run(tmp_path)


def test_a_full_disk_keeps_the_checkpoints_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, should_stop=stop_after(3))
    before = sorted(path.name for path in tmp_path.iterdir())

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sft_keras.training.state_files.save_file", full)
    with pytest.raises(TrainingError, match="No space left"):
        run(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    monkeypatch.undo()
    assert run(tmp_path).complete


def test_only_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    run(tmp_path, {"training": {"epochs": 4, "checkpoint_minutes": 0.00001, "patience": None}})
    assert len(list(tmp_path.glob("epoch-*"))) == 2
    assert not list(tmp_path.glob(".*"))
    assert Checkpoints(tmp_path).folder == tmp_path


class Killer(Recorder):
    """Breaks the training off after an epoch, when nothing can be saved any more."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._epoch = epoch

    def event(self, kind: str, **values: Any) -> None:
        super().event(kind, **values)
        if kind == "epoch" and values["epoch"] == self._epoch:
            raise KeyboardInterrupt


def test_short_epochs_go_without_checkpoints_and_are_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sft_keras.training.callbacks.CHECKPOINT_BYTES_A_SECOND", 1)
    settings = {"training": {"epochs": 4, "patience": None}}
    recorder = Recorder()
    unbroken = run(tmp_path / "unbroken", settings, sink=recorder)
    assert [values["epoch"] for values in recorder.of("checkpoint")] == [1, 4]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", settings, sink=Killer(3))
    again = Recorder()
    resumed = run(tmp_path / "broken", settings, sink=again)
    assert [values["epoch"] for values in again.of("epoch")] == [2, 3, 4]
    assert resumed.position.best_epoch == unbroken.position.best_epoch > 1
    np.testing.assert_array_equal(logits(resumed), logits(unbroken))


def test_a_training_that_is_stopped_after_a_short_epoch_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sft_keras.training.callbacks.CHECKPOINT_BYTES_A_SECOND", 1)
    stopped = run(tmp_path, {"training": {"epochs": 3}}, should_stop=stop_after(14))  # an epoch asks seven times
    assert (stopped.position.epoch, stopped.position.step) == (2, 0)
    assert max(path.name for path in tmp_path.glob("epoch-*")) == "epoch-00002-step-00000000"
