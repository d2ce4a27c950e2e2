"""Trainings in real processes: nothing that is killed takes anything else with it, and nothing is lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sft_keras.runs.queue import ensure_consumer, has_consumer, recover
from sft_keras.services import Services, Space
from sft_keras.services.space.base import new_key
from sft_keras.services.space.runs import RunView
from sft_keras.settings import Settings
from tests.conftest import TINY, merged, sentences, write_csv

PATIENCE = 240.0
CHINESE = re.compile("[\u4e00-\u9fff]")
LSTM = merged(TINY, {"model": {"backbone": "lstm"}, "training": {"patience": None}})


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Services]:
    """The use cases over a folder of their own, whose processes end with the test."""
    settings = Settings(data_dir=tmp_path / "data", diagnose=False)
    yield Services(settings)
    for process in processes(settings):
        process.kill()


def processes(settings: Settings, module: str = "sft_keras.runs") -> list[psutil.Process]:
    """The processes of this package that work on this data folder."""
    found = []
    for process in psutil.process_iter():
        try:
            is_ours = process.environ().get("SFT_DATA_DIR") == str(settings.data_dir)
            if is_ours and any(part.startswith(module) for part in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def only(settings: Settings, module: str) -> psutil.Process:
    """The one process of this kind: of two consumers that start together, one ends after a moment."""
    ends = time.monotonic() + 30
    while len(found := processes(settings, module)) != 1 and time.monotonic() < ends:
        time.sleep(0.1)
    (process,) = found
    return process


def wait(space: Space, run: str, until: Callable[[RunView], bool]) -> RunView:
    """Polls a run as a page does."""
    ends = time.monotonic() + PATIENCE
    while not until(view := space.run(run)):
        if time.monotonic() > ends:
            pytest.fail(f"Waited too long: {view}; {space.log_tail(run)}")
        if view.state in ("failed",):
            pytest.fail(f"{view}; {space.log_tail(run)}")
        time.sleep(0.1)
    return view


def dataset_of(space: Space, tmp_path: Path) -> str:
    return space.add_upload(write_csv(tmp_path / "rows.csv", sentences(120)), "评论.csv").id


def test_nothing_that_is_killed_takes_anything_with_it(app: Services, tmp_path: Path) -> None:
    first_owner, second_owner = app.space(new_key()), app.space(new_key())
    settings = app.settings
    first = first_owner.submit(dataset_of(first_owner, tmp_path), LSTM)
    second = second_owner.submit(
        dataset_of(second_owner, tmp_path), merged(LSTM, {"training": {"epochs": 60, "checkpoint_minutes": 0.01}})
    )
    wait(first_owner, first, lambda view: view.state == "running")
    assert second_owner.run(second).queue_place == 1

    # The consumer is killed, and another started beside the training, which goes on: still one at a time.
    consumer = only(settings, "sft_keras.runs.consumer")
    consumer.kill()
    consumer.wait(10)
    assert not has_consumer(settings)
    for _ in range(2):
        ensure_consumer(settings)
    recover(settings)
    assert first_owner.run(first).state == "running"
    while (view := first_owner.run(first)).state == "running":
        assert second_owner.run(second).state == "queued"
        time.sleep(0.1)
    assert view.state == "finished"
    assert view.has_bundle
    assert view.has_report
    assert set(view.summary) == {"accuracy", "macro_f1", "baseline_accuracy", "baseline_macro_f1"}
    in_chinese = first_owner.log_tail(first, 100, language="zh")
    assert len(in_chinese) > 12
    assert not [line for line in in_chinese if not CHINESE.search(line)]
    assert (view.step, view.steps, view.epoch, view.epochs) == (0, 0, 2, 2) or view.step == view.steps == 12

    # The training is killed: that is seen at once, and it goes on from its checkpoint when it is asked to.
    wait(second_owner, second, lambda view: view.epoch >= 2)
    only(settings, "sft_keras.runs.consumer")
    training = only(settings, "sft_keras.runs.train_process")
    training.kill()
    began = time.monotonic()
    wait(second_owner, second, lambda view: view.state == "interrupted")
    assert time.monotonic() - began < 5
    done = second_owner.run(second).epoch
    second_owner.resume(second)
    wait(second_owner, second, lambda view: view.epoch > done)

    # SIGTERM is a wish to stop: the best so far is kept.
    training = only(settings, "sft_keras.runs.train_process")
    os.kill(training.pid, signal.SIGTERM)
    stopped = wait(second_owner, second, lambda view: view.state == "cancelled")
    assert stopped.has_bundle
    assert 2 <= stopped.epoch < 60
    epochs = [row["epoch"] for row in second_owner.curves(second).epochs]
    assert epochs == list(range(1, len(epochs) + 1))
    steps = [row["step"] for row in second_owner.curves(second, most=50).steps]
    assert steps == sorted(set(steps))
    assert len(steps) <= 50

    # Stop by hand, in the middle of the preparation or after it.
    second_owner.resume(second)
    wait(second_owner, second, lambda view: view.state == "running")
    second_owner.stop(second)
    assert wait(second_owner, second, lambda view: view.state == "cancelled").has_bundle
    second_owner.resume(second)
    wait(second_owner, second, lambda view: view.state == "running")
    second_owner.delete(second)
    assert second_owner.runs() == []
    ends = time.monotonic() + 10
    while processes(settings, "sft_keras.runs.train_process") and time.monotonic() < ends:
        time.sleep(0.1)
    assert not processes(settings, "sft_keras.runs.train_process")


def test_the_web_process_never_loads_tensorflow(tmp_path: Path, labelled: Path) -> None:
    """Everything that a page asks of runs, in a fresh process; the consumer is left out, since nothing shall train."""
    program = """
import sys
from pathlib import Path
from sft_keras.runs import queue, speed
queue.ensure_consumer = lambda settings: None
speed.start_detached = lambda *arguments: None
from sft_keras.services import Services
from sft_keras.settings import Settings
services = Services(Settings(data_dir=Path(sys.argv[1]), diagnose=False))
space = services.space("a" * 40)
dataset = space.add_upload(Path(sys.argv[2]), "a.csv").id
while speed._asked == {}:
    space.estimate(dataset, {"model": {"backbone": "lstm"}})
run = space.submit(dataset, {"model": {"backbone": "lstm"}})
space.runs(), space.run(run), space.curves(run), space.log_tail(run), space.settings_of(run)
space.stop(run), space.resume(run), space.rename(run, "b"), space.delete(run)
services.attend()
print(sorted({"tensorflow", "keras", "keras_hub"} & set(sys.modules)))
"""
    found = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "data"), str(labelled)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert found.stdout.strip() == "[]"
