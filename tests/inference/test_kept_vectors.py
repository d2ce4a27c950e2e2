"""The vectors of training rows: computed once, part by part while nobody waits too long, and kept on disk."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sft_keras.errors import DataError
from sft_keras.inference import training_features as module
from tests.conftest import sentences
from tests.inference.letters import Letters, features, ready, rows_of


def test_vectors_are_computed_once_and_anew_for_another_model(tmp_path: Path) -> None:
    file, predictor = rows_of(tmp_path, sentences(600)), Letters()
    expected = ready(file, predictor).nearest("a great film")
    assert len(predictor.asked) == 601
    again = Letters()
    assert ready(file, again).nearest("a great film") == expected
    assert len(again.asked) == 1
    kept = sorted((file.parent / module.FOLDER).glob("*/*.npy"))
    assert [path.name for path in kept] == ["000.npy", "001.npy", "002.npy"]
    assert not list(file.parent.rglob("*.part"))
    kept[1].write_bytes(b"rubbish")
    mended = Letters()
    assert ready(file, mended).nearest("a great film") == expected
    assert len(mended.asked) == module.CHUNK + 1
    other = Letters()
    ready(file, other, model="another")
    assert len(other.asked) == 600
    assert not kept[0].exists()
    assert len(list((file.parent / module.FOLDER).iterdir())) == 1


def test_a_question_waits_no_longer_than_allowed_and_the_next_goes_on(tmp_path: Path) -> None:
    rows = sentences(600)
    file, told = rows_of(tmp_path, rows), []
    made = features(file)
    made.prepare(0.0)
    found = made.nearest("a great film")
    assert (found.compared, found.drawn, found.rows, len(found.found)) == (module.SLICE, 600, 600, 5)
    made.prepare(tell=lambda done, all_rows: told.append((done, all_rows)))
    assert told == [(256, 600), (512, 600), (600, 600)]  # of a quick model a part is one piece
    assert made.nearest("a great film").compared == 600
    # What is ready first is a draw, not the beginning of the file.
    numbers = [int(re.findall(r"n(\d+)", text)[0]) for text in features(file)._drawn.texts[: module.CHUNK]]
    assert max(numbers) > 500
    assert features(file)._drawn.texts == made._drawn.texts != features(file, seed=4)._drawn.texts


def test_a_full_disk_costs_the_keeping_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    file = rows_of(tmp_path, sentences(20))
    monkeypatch.setattr(module.np, "save", full)
    assert len(ready(file).nearest("a great film").found) == 5
    assert not list(file.parent.rglob("*.npy"))
    assert not list(file.parent.rglob("*.part"))


class Slow(Letters):
    """Takes a while for each text, as a large model does."""

    def outputs(self, texts: list[str]) -> np.ndarray:
        time.sleep(0.004 * len(texts))
        return super().outputs(texts)


def test_a_part_that_takes_longer_than_allowed_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE_SECONDS", 0.1)
    file, predictor = rows_of(tmp_path, sentences(300)), Slow()
    made, ready_rows, parts = features(file, predictor), 0, 0
    while ready_rows < module.CHUNK:
        made.prepare(0.1)
        parts += 1
        found = made.nearest("a great film")
        assert ready_rows < found.compared == sum(found.texts_by_label.values())
        assert len(found.found) == 5
        ready_rows = found.compared
    assert parts > 1
    made.prepare()
    assert made.nearest("a great film") == ready(file).nearest("a great film")
    assert len([text for text in predictor.asked if text != "a great film"]) == 300  # each once
    # A part that another process finished meanwhile is taken from it.
    begun = features(file, Letters(), seed=5)
    begun.prepare(0.0)
    ready(file, seed=5)
    begun.prepare(0.0)
    assert begun.nearest("a").compared == 300


def test_a_run_that_is_deleted_meanwhile_does_not_come_back(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()

    class Deleting(Letters):
        def outputs(self, texts: list[str]) -> np.ndarray:
            shutil.rmtree(run)
            return super().outputs(texts)

    for rows in (600, 5):  # also where what is computed then would be kept
        made = features(rows_of(run, sentences(rows)), Deleting())
        with pytest.raises(DataError, match="deleted") if rows == 600 else contextlib.nullcontext():
            made.prepare()
        assert not run.exists()
        run.mkdir()


def test_what_a_person_keeps_beside_the_vectors_stays(tmp_path: Path) -> None:
    file = rows_of(tmp_path, sentences(20))
    ready(file)
    folder = file.parent / module.FOLDER
    own, old = folder / "mine" / "notes.csv", next(folder.iterdir())
    own.parent.mkdir()
    own.write_text("mine")
    ready(file, model="another")
    assert own.read_text() == "mine"
    assert not old.exists()


def test_two_that_prepare_at_once_lose_no_part(tmp_path: Path) -> None:
    file = rows_of(tmp_path, sentences(600))
    threads = [threading.Thread(target=ready, args=(file, Slow())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(file.parent.rglob("*.npy"))) == 3


def test_a_part_whose_header_is_damaged_is_computed_once_more(tmp_path: Path) -> None:
    file = rows_of(tmp_path, sentences(20))
    expected = ready(file).nearest("a great film")
    (kept,) = file.parent.rglob("*.npy")
    whole = kept.read_bytes()
    kept.write_bytes(whole.replace(b"}", b" ", 1))
    mended = Letters()
    assert ready(file, mended).nearest("a great film") == expected
    assert len(mended.asked) == 21
    assert kept.read_bytes() == whole


def test_what_a_kill_left_is_removed_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    file = rows_of(tmp_path, sentences(600))
    ready(file)
    folder = next((file.parent / module.FOLDER).iterdir())
    old, new = folder / ".000.npy.1.abc.part", folder / ".001.npy.2.abc.part"
    for left in (old, new):
        left.write_bytes(b"half")
    os.utime(old, (0, 0))
    (folder / "002.npy").unlink()
    ready(file)
    assert (old.exists(), new.exists()) == (False, True)


def test_where_space_is_short_nothing_is_kept(tmp_path: Path) -> None:
    file = rows_of(tmp_path, sentences(20))
    assert ready(file, min_free_mib=10**9).nearest("a great film").found
    assert not (file.parent / module.FOLDER).exists()
