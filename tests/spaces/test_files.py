"""Files appear whole or not at all, and names are only labels."""

from __future__ import annotations

import threading

import pytest

from sft_keras.errors import ArtifactError, DataError
from sft_keras.json_files import read_json, write_json
from sft_keras.spaces.files import copy_limited, remove_folder, save_json
from sft_keras.spaces.names import kept_ending, shown_name
from sft_keras.spaces.throttle import Throttle


def test_readers_never_see_half_a_file(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"n": 0, "text": "x" * 10_000})
    done = threading.Event()

    def write():
        for n in range(100):
            write_json(path, {"n": n, "text": "x" * 10_000})
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not done.is_set():
        assert read_json(path) is not None
    thread.join()
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_what_cannot_be_written_is_told(tmp_path):
    with pytest.raises(ArtifactError, match="could not be saved"):
        save_json(tmp_path / "no folder" / "a.json", {})


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"5"])
def test_damaged_json_is_as_no_file(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    assert read_json(tmp_path / "a.json") == {}


def test_a_copy_is_limited(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100)
    copy_limited(tmp_path / "a", tmp_path / "b", 100, "a.csv")
    assert (tmp_path / "b").stat().st_size == 100
    with pytest.raises(DataError, match="larger"):
        copy_limited(tmp_path / "a", tmp_path / "c", 99, "a.csv")
    with pytest.raises(DataError, match="could not be saved"):
        copy_limited(tmp_path / "a", tmp_path / "b", 100, "a.csv")
    with pytest.raises(DataError, match="could not be saved"):
        copy_limited(tmp_path / "gone", tmp_path / "d", 100, "a.csv")


def test_removing_twice_is_no_error(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_text("x")
    remove_folder(tmp_path / "a")
    remove_folder(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


ENDINGS = {
    "a.CSV": ".csv",
    "a.jsonl.gz": ".jsonl.gz",
    "a.py": "",
    "csv": "",
    ".csv": ".csv",
    "a.py.gz": ".gz",
    "": "",
}


@pytest.mark.parametrize(("name", "expected"), ENDINGS.items())
def test_endings(name, expected):
    assert kept_ending(name) == expected


def test_a_long_name_keeps_its_ending():
    assert shown_name("长" * 500 + ".csv").endswith("….csv")
    assert len(shown_name("x" * 500)) == 120
    assert shown_name("/var/gradio/abc/数据.xlsx") == "数据.xlsx"


def test_a_throttle_counts_each_name_by_itself():
    throttle = Throttle()
    assert [throttle.take(2, "a") > 0 for _ in range(3)] == [False, False, True]
    assert throttle.take(2, "b") == 0
    assert 1 <= throttle.full(2, "a") <= 60
    assert throttle.full(3, "b") == 0


def test_a_new_minute_of_the_clock_gives_nobody_more(monkeypatch):
    now = 1_000_000 * 60 + 59.0
    monkeypatch.setattr("time.time", lambda: now)
    throttle = Throttle()
    assert [throttle.take(2, "a") for _ in range(2)] == [0, 0]
    now += 2
    assert throttle.take(2, "a") == 58
    now += 59
    assert throttle.take(2, "a") == 0
