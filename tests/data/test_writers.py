"""Tables that are written: what comes back is what went in, and there is never half a file."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from sft_keras.data.readers import read_table
from sft_keras.data.writers import open_writer
from sft_keras.errors import DataError
from sft_keras.settings import Settings

COLUMNS = ["text", "label"]
ROWS = [
    ['a "quoted" text, with commas', "good"],
    ["two\nlines\tand a tab", "bad"],
    ["été 正面 🙂", "good"],
    ["=1+1", "bad"],
]


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.jsonl", "out.ndjson", "OUT.CSV"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with open_writer(path, COLUMNS) as write:
        for row in ROWS:
            write(row)
        assert not path.exists()
    table = read_table(path, Settings())
    assert list(table.frame.columns) == COLUMNS
    assert table.frame.to_numpy().tolist() == ROWS
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_excel_sees_that_it_is_utf_8(tmp_path: Path) -> None:
    with open_writer(tmp_path / "out.csv", COLUMNS) as write:
        write(ROWS[2])
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_half_a_character_does_not_stop_it(tmp_path: Path) -> None:
    for name in ("out.csv", "out.jsonl"):
        with open_writer(tmp_path / name, COLUMNS) as write:
            write(["half \ud83d", "good"])
        assert b"half ?" in (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("out.xlsx", '".xlsx"'),
        ("out", '"out"'),
        ("there.csv", "exists already"),
        ("no/folder.csv", "no folder"),
        ("there.csv/out.csv", "no folder"),
        ("x" * 260 + ".csv", "cannot be written"),
    ],
)
def test_places_that_are_refused(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "there.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(DataError) as caught, open_writer(tmp_path / name, COLUMNS):
        pytest.fail("it was opened")
    assert told in caught.value.problem
    assert caught.value.fix
    assert (tmp_path / "there.csv").read_text(encoding="utf-8") == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["there.csv"]


def test_a_failure_in_between_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with open_writer(tmp_path / "out.csv", COLUMNS) as write:
            write(ROWS[0])
            raise RuntimeError("in between")

    with pytest.raises(RuntimeError):
        fail()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    def fill() -> None:
        with open_writer(tmp_path / "out.jsonl", COLUMNS) as write:
            for _ in range(1000):
                write(ROWS[0])

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))  # every write beyond fails, as on a full disk
    try:
        with pytest.raises(DataError, match="cannot be written"):
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_json_lines_name_every_column(tmp_path: Path) -> None:
    with open_writer(tmp_path / "out.jsonl", COLUMNS) as write:
        write(ROWS[0])
        with pytest.raises(ValueError, match="argument"):
            write(["one cell"])
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8")) == dict(zip(COLUMNS, ROWS[0], strict=True))
