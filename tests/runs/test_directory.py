"""The run folder: its life, its death, and what is told of both."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sft_keras.config import RunConfig
from sft_keras.errors import ArtifactError, ConfigError, TrainingError
from sft_keras.runs import heartbeat
from sft_keras.runs.directory import RunDirectory, find_runs
from sft_keras.runs.status import DEAD_AFTER_SECONDS
from sft_keras.services import Services


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path / "run", RunConfig(), data="in.csv")


@pytest.fixture
def other_process() -> int:
    """The pid of a process that lives as long as the test."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_new_run_is_queued(run: RunDirectory) -> None:
    status = run.status()
    assert (status.state, status.pid, status.data) == ("queued", 0, "in.csv")
    assert status.created.endswith("+00:00")
    assert run.config() == RunConfig()
    assert RunDirectory.open(run.path).status() == status


def test_what_fills_the_folder_fails_before_it_is_seen(tmp_path: Path) -> None:
    def full(half: RunDirectory) -> None:
        half.data.mkdir()
        (half.data / "train.parquet").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(ConfigError, match="No space left on device"):
        RunDirectory.create(tmp_path / "run", RunConfig(), fill=full)
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_may_become_the_run(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert RunDirectory.create(tmp_path / "run", RunConfig()).status().state == "queued"
    with pytest.raises(ConfigError, match="exists already") as caught:
        RunDirectory.create(tmp_path / "run", RunConfig())
    assert "--resume" in caught.value.fix


def test_it_is_running_while_it_is_worked_on(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "SECONDS", 0.02)
    with run.working():
        first = run.status()
        assert (first.state, first.pid) == ("running", os.getpid())
        deadline = time.monotonic() + 10
        while run.status().heartbeat <= first.heartbeat:
            assert time.monotonic() < deadline, "no heartbeat"
            time.sleep(0.02)
    last = run.status().heartbeat
    time.sleep(0.1)
    assert run.status().heartbeat == last
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]


def test_an_old_heartbeat_means_interrupted(run: RunDirectory, other_process: int) -> None:
    run.update(state="running", pid=other_process, heartbeat=time.time())
    assert run.status().state == "running"
    run.update(heartbeat=time.time() - DEAD_AFTER_SECONDS - 1)
    assert (run.status().state, run.status().pid) == ("interrupted", 0)


def test_a_process_that_is_gone_means_interrupted(run: RunDirectory) -> None:
    run.update(state="running", pid=dead_pid(), heartbeat=time.time())
    assert run.status().state == "interrupted"
    with run.working():  # and may be taken over
        assert run.status().pid == os.getpid()


WORK = """
import sys
from pathlib import Path
from sft_keras.runs.directory import RunDirectory
with RunDirectory(Path(sys.argv[1])).working():
    print("working", flush=True)
    input()
"""


def test_two_processes_cannot_work_on_one_run_and_a_killed_one_lets_go(run: RunDirectory, tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", WORK, str(run.path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        with pytest.raises(TrainingError, match=f"pid {process.pid} on ") as caught, run.working():
            pytest.fail("it was taken over")
        assert "Wait for it" in caught.value.fix
        assert (run.status().state, run.status().pid) == ("running", process.pid)
        # However old the heartbeat of a laptop that slept: who holds the lock lives.
        run.update(heartbeat=time.time() - 2 * DEAD_AFTER_SECONDS)
        assert run.status().state == "running"
        shutil.copytree(run.path, tmp_path / "copied to another disk")
        process.kill()
        process.communicate()
        # The number of the dead process was given to one that lives.
        for folder in (run.path, tmp_path / "copied to another disk"):
            left = RunDirectory(folder)
            left.update(pid=os.getppid(), heartbeat=time.time())
            assert left.status().state == "interrupted"
            with left.working():
                assert left.status().pid == os.getpid()


def test_threads_of_one_process_cannot_work_on_one_run_either(run: RunDirectory) -> None:
    failures: list[TrainingError] = []

    def work() -> None:
        try:
            with RunDirectory(run.path).working():
                pass
        except TrainingError as error:
            failures.append(error)

    with run.working():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert [error.problem.startswith("Another process works on this run") for error in failures] == [True]
    with run.working():
        pass


def test_a_process_on_another_machine_is_known_by_its_heartbeat(run: RunDirectory) -> None:
    run.lock.touch()
    run.update(state="running", pid=dead_pid(), host="another machine", heartbeat=time.time())
    assert run.status().state == "running"
    with pytest.raises(TrainingError, match="on another machine"), run.working():
        pytest.fail("it was taken over")
    for beat in (-DEAD_AFTER_SECONDS - 1, 7200):  # it died, or was copied from a machine whose clock is ahead
        run.update(heartbeat=time.time() + beat)
        assert run.status().state == "interrupted"
    with run.working():
        assert run.status().host != "another machine"


def test_a_damaged_status_is_made_anew_when_the_run_goes_on(run: RunDirectory) -> None:
    services = Services()
    for content in ("", "rubbish", "[]", "[" * 100_000):
        (run.path / "status.json").write_text(content, encoding="utf-8")
        assert services.runs([run.path])[0].status.state == "unreadable"
        assert services.open_run(run.path).status().state == "interrupted"
    assert run.status().created.endswith("+00:00")
    assert "was made anew" in (run.path / "log.txt").read_text(encoding="utf-8")
    (run.path / "status.json").write_text('{"state": "running", "colour": "of a later version"}', encoding="utf-8")
    with pytest.raises(ArtifactError, match="colour"):
        services.open_run(run.path)
    (run.path / "status.json").write_text("", encoding="utf-8")
    run.bundle.mkdir()
    (run.bundle / "manifest.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="finished"):
        services.open_run(run.path)


def test_half_a_line_from_a_kill_does_not_spoil_the_next(run: RunDirectory) -> None:
    run.event("step", step=1)
    with (run.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"event": "st')
    run.event("step", step=2)
    lines = (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in (lines[0], lines[2])] == [1, 2]


def test_a_link_to_an_empty_folder_becomes_the_run(tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "big disk")
    RunDirectory.create(tmp_path / "run", RunConfig())
    run = RunDirectory.open(tmp_path / "run")
    with run.working():
        assert RunDirectory.open(tmp_path / "big disk").status().state == "running"
    assert (tmp_path / "run").is_symlink()
    assert len(find_runs([tmp_path])) == 1


def test_the_status_is_never_half_written(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (run.path / "status.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            run.update(state="running")
    assert (run.path / "status.json").read_bytes() == before
    assert not list(run.path.glob(".*"))
    run.update(message="après")
    assert run.status().message == "après"


def test_readers_see_whole_statuses_while_it_changes(run: RunDirectory) -> None:
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            run.update(state="queued", message="x" * 3000)
            run.update(state="queued", message="")

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(500):
            assert len(run.status().message) in (0, 3000)
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize(
    "content",
    [
        *("", "rubbish", "[]", '{"nonsense": 1}', '{"state": "running", "heartbeat": "soon", "pid": 1}'),
        *('{"state": "finished", "created": 5}', '{"state": "finished", "summary": [1]}', '{"data": null}'),
    ],
)
def test_a_status_that_cannot_be_read(run: RunDirectory, content: str) -> None:
    (run.path / "status.json").write_text(content, encoding="utf-8")
    with pytest.raises(ArtifactError, match="status cannot be read"):
        run.status()


def test_events_are_kept(run: RunDirectory) -> None:
    run.event("log", message="été")
    run.event("phase", name="training")
    run.event("step", loss=float("nan"), step=1)
    run.event("epoch", epoch=1, epochs=3, loss=0.5)
    lines = (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()

    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    events = [json.loads(line, parse_constant=no_constant) for line in lines]
    assert [event["event"] for event in events] == ["phase", "step", "epoch"]
    assert events[1]["loss"] is None
    log = (run.path / "log.txt").read_text(encoding="utf-8")
    assert "été" in log
    assert "Phase: training." in log
    status = run.status()
    assert (status.phase, status.epoch, status.epochs) == ("training", 1, 3)


def test_runs_are_found_once_each(run: RunDirectory, tmp_path: Path) -> None:
    second = RunDirectory.create(tmp_path / "second", RunConfig())
    (tmp_path / "no run").mkdir()
    (tmp_path / "file").write_text("x", encoding="utf-8")
    found = find_runs([tmp_path, run.path, tmp_path / "missing"])
    assert {r.path for r in found} == {run.path, second.path}
    assert len(found) == 2


def test_runs_are_listed_in_the_order_they_were_made(tmp_path: Path) -> None:
    for name, created in (("b", "2024-01-01T00:00:00+00:00"), ("a", "2025-01-01T00:00:00+00:00")):
        RunDirectory.create(tmp_path / name, RunConfig()).update(created=created)
    RunDirectory(tmp_path / "b").event("log", message="touched last")
    assert [info.path.name for info in Services().runs([tmp_path])] == ["b", "a"]


def test_a_configuration_that_was_edited_is_noticed(run: RunDirectory) -> None:
    assert not run.config_was_changed
    config = run.path / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("seed: 0", "seed: 1"), encoding="utf-8")
    assert run.config_was_changed
    run.update(config_sha256="")  # a run of a version that did not keep it
    assert not run.config_was_changed


def test_a_run_that_ended_while_another_process_waited_for_it_is_not_trained_again(run: RunDirectory) -> None:
    """Its checkpoints are gone: it would have begun anew, and a Ctrl-C would have replaced the scored bundle."""
    run.update(state="finished")
    with pytest.raises(ConfigError, match="finished"), run.working():
        pass
    assert run.status().state == "finished"
