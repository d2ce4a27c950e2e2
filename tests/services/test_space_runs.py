"""The runs of an owner: what is refused, what is shown, what can be changed. No training process is started here."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sft_keras.config import RunConfig
from sft_keras.errors import ArtifactError, ConfigError, DataError, SftError
from sft_keras.runs import queue
from sft_keras.runs.about import About, write_about
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.prepare import load_splits
from sft_keras.runs.request import is_requested, prepare_requested
from sft_keras.runs.store import Index
from sft_keras.runs.train_process import Stop
from sft_keras.runs.worker import execute
from sft_keras.services import Services, Space
from sft_keras.services.space.base import new_key
from sft_keras.settings import Settings
from sft_keras.training.progress import Silent
from tests.services.queued_runs import LSTM, folder_of

pytestmark = pytest.mark.usefixtures("no_consumer")


def test_a_submitted_run_waits_and_holds_what_it_reads(space: Space, dataset: str) -> None:
    first = space.submit(dataset, LSTM, recipe="quick")
    second = space.submit(dataset, LSTM, name="  <b>第二\x00\n个</b>  " + "x" * 200)
    views = space.runs()
    assert [view.id for view in views] == [second, first]
    assert [(view.state, view.queue_place) for view in views] == [("queued", 2), ("queued", 1)]
    assert (views[1].name, views[1].dataset, views[1].backbone, views[1].recipe) == (
        "评论",
        "评论.csv",
        "lstm",
        "quick",
    )
    assert views[0].name.startswith("<b>第二 个</b> x")
    assert len(views[0].name) == 120
    space.delete_dataset(dataset)
    run = folder_of(space, first)
    assert is_requested(run)
    prepare_requested(run, space.settings, Silent())
    assert not is_requested(run)
    assert len(load_splits(run).train) == 84
    assert load_splits(run).train.source == "评论.csv"
    assert not (run.path / "input").exists()
    assert not run.config_was_changed


def test_names_are_made_and_can_be_changed(space: Space, dataset: str) -> None:
    names = [space.run(space.submit(dataset, LSTM)).name for _ in range(2)]
    assert names == ["评论", "评论 2"]
    run = space.runs()[0].id
    space.rename(run, "\ud800ok")
    assert space.run(run).name == "?ok"
    with pytest.raises(ConfigError, match="needs a name"):
        space.rename(run, " \n\u200e\u2028"[:2])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"model": {"backbone": "/etc"}}, "There is no backbone"),
        ({"model": {"backbone": "."}}, "There is no backbone"),
        ({"model": {"backbone": "~/model"}}, "There is no backbone"),
        ({"model": {"backbone": "sft_keras"}}, "There is no backbone"),
        ({"model": {"backbone": "hf://somebody/model"}}, "not allowed here"),
        ({"model": {"backbone": "hf://../../etc"}}, "There is no backbone"),
        ({"model": {"backbone": "run:../../x"}}, "There is no such run"),
        ({"model": {"backbone": "run:" + "a" * 32}}, "There is no such run"),
        ({"model": {"backbone": "lstm", "word_vectors": "/etc/passwd"}}, "a page cannot name"),
        ({"model": "lstm"}, "must be a section"),
        ({"data": ["x"]}, "must be a section"),
        ({"training": {"epochs": 0}}, "must be 1 or more"),
        ({"nonsense": {}}, "There is no setting"),
    ],
)
def test_settings_that_reach_for_more_are_refused(
    space: Space, dataset: str, settings: Mapping[str, Any], told: str
) -> None:
    with pytest.raises(SftError, match=told):
        space.submit(dataset, settings)
    assert space.runs() == []


def test_a_hub_can_be_allowed(tmp_path: Path, labelled: Path) -> None:
    space = Services(Settings(data_dir=tmp_path, allow_hub=True)).space(new_key())
    dataset = space.add_upload(labelled, "a.csv").id
    run = space.submit(dataset, {"model": {"backbone": "hf://somebody/some.model-1"}})
    assert space.run(run).backbone == "hf://somebody/some.model-1"
    for name in ("hf://../etc", "hf://../../etc", "hf:///etc/passwd", "kaggle://a/b/keras/..", "./hf://a/b"):
        with pytest.raises(SftError):
            space.submit(dataset, {"model": {"backbone": name}})


def test_a_run_goes_on_from_an_own_run_only(
    app: Services, space: Space, dataset: str, copied_run: RunDirectory
) -> None:
    first = space.submit(dataset, LSTM, name="first")
    folder = folder_of(space, first)
    shutil.copytree(copied_run.bundle, folder.bundle)
    folder.update(state="finished")
    second = space.submit(dataset, {"model": {"backbone": f"run:{first}"}})
    assert space.run(second).backbone == "first"
    assert space.settings_of(second)["model"]["backbone"] == f"run:{first}"
    prepare_requested(folder_of(space, second), space.settings, Silent())
    model = space.settings_of(second)["model"]
    assert (model["backbone"], model["bundle_sha256"], model["lstm_units"]) == (f"run:{first}", None, 8)
    other = app.space(new_key())
    for call in (other.run, other.stop, other.resume, other.delete, other.curves, other.log_tail, other.settings_of):
        with pytest.raises(ArtifactError, match="no such run"):
            call(first)
    assert other.runs() == []


def test_limits_are_told(space: Space, dataset: str, tmp_path: Path, labelled: Path) -> None:
    runs = [space.submit(dataset, LSTM) for _ in range(2)]
    with pytest.raises(ConfigError, match="2 of your runs wait or train already"):
        space.submit(dataset, LSTM)
    space.stop(runs[0])
    assert space.run(runs[0]).state == "cancelled"
    space.submit(dataset, LSTM)
    with pytest.raises(ConfigError, match="limit"):
        space.resume(runs[0])
    full = Services(Settings(data_dir=tmp_path / "other", max_owner_mib=1)).space(new_key())
    small = full.add_upload(labelled, "a.csv").id
    (full.folder / "datasets" / "blob").write_bytes(b"x" * 2**20)
    with pytest.raises(ConfigError, match="the limit is 1 MiB"):
        full.submit(small, LSTM)


def test_stopping_and_going_on_keeps_one_place(space: Space, dataset: str) -> None:
    run = space.submit(dataset, LSTM)
    space.stop(run)
    space.stop(run)
    assert space.run(run).state == "cancelled"
    assert not space.run(run).stopping
    space.resume(run)
    assert (space.run(run).state, space.run(run).queue_place) == ("queued", 1)
    assert not folder_of(space, run).cancel.exists()
    assert len(queue.waiting(space.settings)) == 1
    with pytest.raises(ConfigError, match="under way already"):
        space.resume(run)
    folder_of(space, run).update(state="finished")
    with pytest.raises(ConfigError, match="finished"):
        space.resume(run)


def test_deleting_takes_the_link_with_it(space: Space, dataset: str) -> None:
    run = space.submit(dataset, LSTM)
    folder = folder_of(space, run).path
    (folder / "link.json").write_text(json.dumps({"id": "link-1"}), encoding="utf-8")
    Index(space.settings).put("link-1", folder)
    space.delete(run)
    assert Index(space.settings).find("link-1") is None
    assert space.runs() == []
    assert not [path for path in (space.folder / "runs").iterdir() if path.name.startswith(f".{run}")]
    with pytest.raises(ArtifactError, match="no such run"):
        space.delete(run)


def test_a_wish_to_stop_is_heard_from_a_file_a_signal_or_the_clock(space: Space, dataset: str) -> None:
    run = folder_of(space, space.submit(dataset, LSTM))
    stop = Stop(run, seconds=3600)
    assert not stop()
    run.cancel.touch()
    assert stop()
    run.cancel.unlink()
    assert not stop()
    stop.terminate(15, None)
    assert stop()
    assert not stop.timed_out
    late = Stop(run, seconds=-1)
    assert late()
    assert late.timed_out


def test_a_stop_while_the_rows_are_read_is_heard_before_anything_is_loaded(space: Space, dataset: str) -> None:
    run = folder_of(space, space.submit(dataset, LSTM))
    result = execute(run, Silent(), lambda: True, space.settings)
    assert not result.complete
    assert not result.has_bundle
    assert run.status().state == "cancelled"
    assert "Phase: loading." not in "\n".join(space.log_tail(run.path.name))


def test_two_hundred_runs_are_listed_quickly(space: Space, dataset: str) -> None:
    first = folder_of(space, space.submit(dataset, LSTM))
    for number in range(200):
        run = RunDirectory.create(first.path.with_name(f"{number:032x}"), RunConfig(), data="a.csv")
        write_about(run.path, About(name=f"run {number}", backbone="lstm"))
        run.update(state="finished", summary={"accuracy": 0.9})
    space.runs()
    times = []
    for _ in range(5):
        began = time.process_time()  # a machine that does something else as well is no slower listing
        assert len(space.runs()) == 201
        times.append(time.process_time() - began)
    assert min(times) < 0.1


def test_runs_that_wait_no_more_are_not_counted_before_others(space: Space, dataset: str) -> None:
    first, second = space.submit(dataset, LSTM), space.submit(dataset, LSTM)
    space.stop(first)
    assert space.run(second).queue_place == 1
    third = space.submit(dataset, LSTM)
    space.delete(second)
    assert space.run(third).queue_place == 1


def test_all_owners_together_have_a_limit(tmp_path: Path, labelled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser can be a new owner at will, and has the limits of an owner anew."""
    app = Services(Settings(data_dir=tmp_path / "data", max_queued=1, max_queued_all=2))
    spaces = [app.space(new_key()) for _ in range(3)]
    data = [space.add_upload(labelled, "a.csv").id for space in spaces]
    first, _ = (space.submit(chosen, {}) for space, chosen in zip(spaces[:2], data[:2], strict=True))
    with pytest.raises(ConfigError, match="2 runs of all users"):
        spaces[2].submit(data[2], {})
    spaces[0].stop(first)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
        with pytest.raises(DataError, match="disk of this server"):
            spaces[2].submit(data[2], {})
    assert spaces[2].submit(data[2], {})
