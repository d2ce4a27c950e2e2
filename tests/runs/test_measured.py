"""What a page reads of `metrics.jsonl`: only what is new, and in the order in which it was learned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.lines import event_line
from sft_keras.runs.measured import MOST_STEPS, Measured, measured
from sft_keras.runs.worker import RunResult


class Writer:
    """Writes events as a training does."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, kind: str, **values: Any) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(event_line(kind, values) + "\n")

    def step(self, epoch: int, step: int, **values: Any) -> None:
        fixed = {"epochs": 3, "steps": 10, "rows_per_second": 100.0, "loss": 1.0 / (epoch * 10 + step)}
        self.add("step", epoch=epoch, step=step, **{**fixed, **values})


@pytest.fixture
def events(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "metrics.jsonl")


def test_only_what_is_new_is_read(events: Writer) -> None:
    found = Measured(events.path)
    assert found.refresh().progress.steps == 0
    events.add("start", epochs=3, steps=10, rows=100, epoch=0, step=0)
    assert (found.refresh().progress.step, found.progress.steps) == (0, 30)
    events.step(1, 5, eta_seconds=25.0)
    with events.path.open("a", encoding="utf-8") as file:
        file.write('{"event": "step", "epo')  # a line that is being written
    progress = found.refresh().progress
    assert (progress.step, progress.steps, progress.epoch, progress.epochs) == (5, 30, 0, 3)
    assert (progress.rows_per_second, progress.eta_seconds) == (100.0, 25.0)
    assert len(found.shown().steps) == 1
    events.path.write_bytes(events.path.read_bytes() + b'rubbish\n[1]\n{"event": "step"}\n')
    events.step(2, 1)
    assert [row["step"] for row in found.refresh().shown().steps] == [5, 11]


def test_a_training_that_goes_on_from_a_checkpoint_takes_back_what_was_lost(events: Writer) -> None:
    events.add("start", epochs=3, steps=10, epoch=0, step=0)
    for step in range(1, 11):
        events.step(1, step)
    events.add("epoch", epoch=1, epochs=3, best=True, val_macro_f1=0.5)
    events.step(2, 4)
    events.add("start", epochs=3, steps=10, epoch=1, step=2)
    found = Measured(events.path).refresh()
    assert (found.progress.step, found.progress.epoch) == (12, 1)
    assert found.shown().steps[-1]["step"] == 10
    events.add("start", epochs=3, steps=10, epoch=0, step=3)
    assert found.refresh().shown().epochs == []
    assert found.shown().steps[-1]["step"] == 3


def test_each_weight_has_curves_of_its_own_and_the_chosen_ones_stay(events: Writer) -> None:
    for number, weight in enumerate((0.0, 0.1), start=1):
        told = {"weight": weight, "training": number, "trainings": 2}
        events.add("start", epochs=3, steps=10, epoch=0, step=0, **told)
        events.step(1, 5, eta_seconds=25.0, **told)
        found = Measured(events.path).refresh()
        assert found.progress.weight == weight
        assert (found.progress.step, found.progress.steps) == (5 + 30 * (number - 1), 60)
        # Of 25 steps that are left of the first, each takes a second; the other training has 30 more.
        assert found.progress.eta_seconds == pytest.approx(55.0 if number == 1 else 25.0)
        if number == 1:
            events.step(3, 10, eta_seconds=0.0, **told)
            assert found.refresh().progress.eta_seconds == pytest.approx(30.0)
        events.add("epoch", epoch=1, epochs=3, best=True, val_macro_f1=weight, **told)
    assert found.refresh().shown().epochs == [{"epoch": 1, "val_macro_f1": 0.1}]
    events.add("chosen", weight=0.0)
    events.add("phase", name="training")
    events.add("start", epochs=3, steps=10, epoch=1, step=0)
    assert found.refresh().shown().epochs == [{"epoch": 1, "val_macro_f1": 0.0}]
    assert found.progress.steps == 60
    events.add("phase", name="evaluating")
    assert found.refresh().progress.step == 60
    assert set(found.trainings) == {0.0, 0.1}


def test_the_vectors_of_a_frozen_backbone_are_progress_but_no_curve(events: Writer) -> None:
    events.add("step", epoch=1, epochs=1, step=3, steps=9, rows_per_second=50.0, eta_seconds=2.0)
    found = Measured(events.path).refresh()
    assert (found.progress.step, found.progress.steps, found.progress.rows_per_second) == (3, 9, 50.0)
    assert found.shown().steps == []


def test_long_trainings_stay_small_and_damage_is_passed_over(events: Writer) -> None:
    events.add("start", epochs=1, steps=3 * MOST_STEPS, epoch=0, step=0)
    with events.path.open("a", encoding="utf-8") as file:
        for step in range(1, 3 * MOST_STEPS + 1):
            values = {"epoch": 1, "epochs": 1, "step": step, "steps": 3 * MOST_STEPS, "loss": float("nan")}
            file.write(event_line("step", values) + "\n")
    found = Measured(events.path).refresh()
    assert MOST_STEPS / 3 < len(found.shown().steps) <= MOST_STEPS
    steps = [row["step"] for row in found.shown().steps]
    assert steps == sorted(steps)
    assert "loss" not in found.shown().steps[0]
    events.path.unlink()
    assert found.refresh().shown().steps == []


def test_a_real_run_is_read_to_its_end(lstm_run: RunResult) -> None:
    found = measured(lstm_run.run.path)
    assert (found.progress.step, found.progress.epoch) == (found.progress.steps, 3)
    assert [row["epoch"] for row in found.shown().epochs] == [1, 2, 3]
    written = [json.loads(line) for line in (lstm_run.run.path / "metrics.jsonl").read_text("utf-8").splitlines()]
    last = [event for event in written if event["event"] == "step"][-1]
    assert found.shown().steps[-1] == {
        "step": last["step"] + (last["epoch"] - 1) * last["steps"],
        **{name: last[name] for name in ("loss", "task_loss", "sup_loss") if name in last},
    }
    assert RunDirectory(lstm_run.run.path).is_prepared
