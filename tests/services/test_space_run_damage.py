"""The runs of an owner after damage: what survives, and what is told. No training process is started here."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path

import pytest

from sft_keras.errors import ArtifactError, ConfigError, SftError
from sft_keras.runs import queue
from sft_keras.runs.about import About, change_about
from sft_keras.runs.request import is_requested, prepare_requested
from sft_keras.runs.worker import execute
from sft_keras.services import Space
from sft_keras.training.progress import Silent
from tests.conftest import sentences, write_csv
from tests.services.queued_runs import LSTM, folder_of

pytestmark = pytest.mark.usefixtures("no_consumer")


@pytest.mark.parametrize("damage", ["deleted", "rubbish", "empty"])
def test_a_lost_queue_is_made_again_in_order(space: Space, dataset: str, damage: str) -> None:
    runs = [space.submit(dataset, LSTM) for _ in range(2)]
    file = space.settings.queue_file
    for ending in ("-wal", "-shm"):
        Path(f"{file}{ending}").unlink(missing_ok=True)
    if damage == "deleted":
        file.unlink()
    else:
        file.write_bytes(b"rubbish" * 1000 if damage == "rubbish" else b"")
    assert queue.waiting(space.settings) == []
    assert space.run(runs[1]).state == "queued"
    queue.put_back(space.settings)
    assert [path.name for path in queue.waiting(space.settings)] == runs
    assert queue.put_back(space.settings) == 0


def test_a_run_whose_process_is_gone_is_interrupted_at_once(space: Space, dataset: str) -> None:
    run = space.submit(dataset, LSTM)
    folder = folder_of(space, run)
    with folder.working():
        assert space.run(run).state == "running"
        assert queue.recover(space.settings) == 0
        space.stop(run)
        assert space.run(run).stopping
    assert space.run(run).state == "interrupted"
    assert queue.recover(space.settings) == 1
    assert json.loads((folder.path / "status.json").read_text(encoding="utf-8"))["state"] == "interrupted"
    space.resume(run)
    assert space.run(run).state == "queued"


def test_a_preparation_that_fails_says_why_and_leaves_the_file_name(space: Space, tmp_path: Path) -> None:
    bad = write_csv(tmp_path / "bad.csv", [(text, "good") for text, _ in sentences(40)])
    run = space.submit(space.add_upload(bad, "只有一类.csv").id, LSTM)
    with pytest.raises(SftError):
        execute(folder_of(space, run), Silent(), lambda: False, space.settings)
    view = space.run(run)
    assert view.state == "failed"
    assert "label" in view.message
    assert str(space.folder) not in view.message
    assert not view.has_bundle


def test_a_full_disk_is_told_and_what_was_there_stays(
    space: Space, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = space.submit(dataset, LSTM)

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(space.folder))

    with monkeypatch.context() as patched:
        patched.setattr("sft_keras.runs.request.save_splits", full)
        with pytest.raises(SftError, match="No space left"):
            execute(folder_of(space, run), Silent(), lambda: False, space.settings)
    view = space.run(run)
    assert (view.state, view.message) == (
        "failed",
        "The run could not write or read its files: No space left on device",
    )
    assert is_requested(folder_of(space, run))
    space.resume(run)
    prepare_requested(folder_of(space, run), space.settings, Silent())
    monkeypatch.setattr("sft_keras.runs.request.write_json", full)
    with pytest.raises(ConfigError, match="folder of the run cannot be made: No space left"):
        space.submit(dataset, LSTM)
    assert len(space.runs()) == 1


def test_a_damaged_run_does_not_break_the_list(space: Space, dataset: str) -> None:
    good, damaged = (space.submit(dataset, LSTM) for _ in range(2))
    folder = folder_of(space, damaged).path
    (folder / "status.json").write_text("{", encoding="utf-8")
    (folder / "about.json").write_text("[1]", encoding="utf-8")
    (space.folder / "runs" / "stray.txt").write_text("x", encoding="utf-8")
    views = {view.id: view for view in space.runs()}
    assert views[good].state == "queued"
    assert views[damaged].state == "failed"
    assert "cannot be read" in views[damaged].message
    assert space.curves(good).steps == ()
    assert space.log_tail(good) == []
    space.delete(damaged)


def test_what_is_known_of_a_run_survives_damage(tmp_path: Path) -> None:
    (tmp_path / "about.json").write_text(json.dumps({"name": 3, "recipe": "quick", "queued": "x"}), encoding="utf-8")
    assert change_about(tmp_path, name="a") == About(name="a", recipe="quick")


def test_a_queue_that_cannot_be_written_leaves_a_stopped_run_as_it_was(
    space: Space, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = space.submit(dataset, LSTM)
    space.stop(run)

    def full(*_: object) -> None:
        raise ArtifactError("The queue cannot be written.")

    monkeypatch.setattr(queue, "enqueue", full)
    with pytest.raises(ArtifactError, match="queue"):
        space.resume(run)
    assert space.run(run).state == "cancelled"


def test_what_a_kill_left_half_made_is_swept(space: Space, dataset: str) -> None:
    from sft_keras.runs.removal import sweep

    run = space.submit(dataset, LSTM)
    old, new, gone = (
        space.folder / kind / name
        for kind, name in (("datasets", ".a.part"), ("predictions", ".b.part"), ("datasets", ".c.gone"))
    )
    for folder in (old, new, gone):
        folder.mkdir(parents=True)
    os.utime(old, (time.time() - 7200,) * 2)
    sweep(space.settings)
    assert [folder.exists() for folder in (old, new, gone)] == [False, True, False]
    assert space.run(run).state == "queued"


def test_two_changes_at_the_same_time_both_count(space: Space, dataset: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from sft_keras.runs.about import read_about

    folder = folder_of(space, space.submit(dataset, LSTM)).path
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: change_about(folder, **({"name": "n"} if n % 2 else {"recipe": "r"})), range(40)))
    assert (read_about(folder).name, read_about(folder).recipe) == ("n", "r")
