"""Small files that unpack to more than memory holds: each is refused while it is read, and before it is held."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sft_keras.data import limits
from sft_keras.data.delimited import parse_lines
from sft_keras.data.readers import read_table
from sft_keras.errors import DataError
from sft_keras.settings import MIB, Settings

ROWS = 2_000


def refused(path: Path, **over: int) -> str:
    with pytest.raises(DataError) as caught:
        read_table(path, Settings(data_dir=path.parent, max_rows=ROWS, **over))
    return caught.value.problem


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("one column.csv", b"a\n"),
        ("rows.csv", b"good,pos\n"),
        ("quotes.csv", b'"good",pos\n'),
        ("stray quotes.csv", b'good,"pos\n'),
        ("returns.csv", b"good,pos\r"),
        ("tabs.tsv", b"good\tpos\n"),
        ("objects.jsonl", b'{"text": "good", "label": "pos"}\n'),
        ("fasttext.txt", b"__label__pos good\n"),
        ("trec.txt", b"POS:good very good\nNEG:bad very bad\n"),
    ],
)
def test_rows_without_end_are_not_held(tmp_path: Path, name: str, line: bytes) -> None:
    path = tmp_path / f"{name}.gz"
    path.write_bytes(gzip.compress(line * 100_000))
    tracemalloc.start()
    try:
        assert "more rows than the limit of 2,000" in refused(path)
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The bytes, their text and the records of few lines; cells for each line took 150 bytes more, and up to 600.
    assert held < (80 + 5 * len(line)) * 100_000


@pytest.mark.parametrize(("name", "text"), [("a.csv", "a\n"), ("a.csv", "a\r"), ("a.jsonl", "[1]\n")])
def test_lines_are_counted_before_they_are_divided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setattr(limits, "MAX_LINES", 99)
    (tmp_path / name).write_text(text * 100, newline="")
    assert "more than 99 lines" in refused(tmp_path / name)


@pytest.mark.parametrize("text", [",", ";", "|", "\t", "[", "{},", "[1,"])
def test_values_are_counted_before_they_are_divided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(limits, "MAX_VALUES", 99)
    (tmp_path / "a.json").write_text("x" + text * 100)
    assert "more than 99 values" in refused(tmp_path / "a.json")


def test_a_table_of_just_so_many_rows_is_read_with_what_stands_above_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("A survey of ours\n\ntext,label\n" + "good,pos\n" * ROWS)
    assert len(read_table(path, Settings(data_dir=tmp_path, max_rows=ROWS)).frame) == ROWS
    path.write_text("text,label\n" + "good,pos\n" * (ROWS + 1))
    assert "more rows" in refused(path)


@pytest.mark.parametrize("nested", [False, True])
def test_a_value_that_parquet_holds_once_is_counted_for_each_row(tmp_path: Path, nested: bool) -> None:
    long = "x" * 100_000
    texts = pa.array([[long]] * 1_500) if nested else pa.array([long] * 1_500)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": texts, "label": ["a", "b"] * 750}), path, compression="zstd")
    assert path.stat().st_size < 20_000
    before = pa.total_allocated_bytes()
    assert "larger than the limit of 20 MiB" in refused(path, max_file_mib=20)
    assert pa.total_allocated_bytes() - before < 20 * MIB


def test_parquet_says_how_many_rows_it_has_before_they_are_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"] * (ROWS + 1), "label": ["b"] * (ROWS + 1)}), tmp_path / "a.parquet")
    assert "more rows than the limit of 2,000" in refused(tmp_path / "a.parquet")


def test_dates_beyond_those_of_python_are_read_from_parquet_as_they_are_written(tmp_path: Path) -> None:
    days = pa.array([10**7, None], pa.date32())
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["c", "d"], "day": days}), tmp_path / "a.parquet")
    frame = read_table(tmp_path / "a.parquet", Settings(data_dir=tmp_path)).frame
    assert list(frame["day"]) == ["29349-01-26", ""]


def test_text_in_the_name_of_parquet_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("text,label\ngood,pos\nbad,neg\n")
    assert list(read_table(tmp_path / "a.parquet", Settings(data_dir=tmp_path)).frame["label"]) == ["pos", "neg"]


def test_merged_cells_that_lie_over_each_other_come_to_an_end(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["text", "label"])
    for i in range(1_000):
        sheet.append([f"text {i}", "pos" if i == 0 else None])
    sheet.append(["the last", "neg"])
    for _ in range(3_000):
        sheet.merged_cells.ranges = [*sheet.merged_cells.ranges, openpyxl.worksheet.cell_range.CellRange("B2:B1001")]
    book.save(tmp_path / "a.xlsx")
    frame = read_table(tmp_path / "a.xlsx", Settings(data_dir=tmp_path)).frame
    assert list(frame["label"]) == ["pos"] * 1_000 + ["neg"]


def test_quotation_marks_in_the_last_lines_are_found_without_going_through_all_before() -> None:
    class Counted(list):  # type: ignore[type-arg]
        seen = 0

        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            Counted.seen += 1
            return super().__getitem__(index)

        def __iter__(self):  # type: ignore[no-untyped-def]
            raise AssertionError("went through all lines")

    lines = Counted(['good,"pos', 'bad"x,neg'] * 2_000)
    assert len(list(parse_lines(lines, ","))) == 4_000
    assert Counted.seen < 5 * len(lines)
