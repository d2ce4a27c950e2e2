"""Whatever the usual programs write, in any format and encoding that is supported, is read back exactly."""

from __future__ import annotations

import csv
import io
import json
import re
import string
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sft_keras.data.column_names import is_known_name
from sft_keras.data.readers import read_table
from sft_keras.settings import Settings

# The same examples on every machine; the files make each one slow enough that time says nothing.
always_the_same = settings(
    derandomize=True,
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

HEADERS = [("text", "label"), ("标签", "内容"), ("评价", "类别", "日期"), ("id", "Title", "body", "category")]
PIECES = [
    *("服务很好，下次还来。", "屏幕一般", "正面", "差评", "物流太慢了！", "“引号”", "第一行", "这个酒店的位置不错"),
    *("good", "never again", "a, b", "a;b", "a|b", '"', '""', 'said "hi"', "'", "\\", '\\"', "[", '{"', "#", "=1+1"),
    *(" ", "  ", ",", ";", "|", "1", "0", "3.50", "-", "null", "NaN", "true", "__label__a", "1,2", "\ufeff"),
]
BREAKS = ["\n", "\r\n", "\r", "\t", "\n\n", "\n,", ",\n", '"\n"']
WIDE = ["🙂", "👩‍👩‍👧", "é", "ß", "\u2028", "\x85", "\xa0", "𠮷", "ｗｉｄｅ"]
anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
sensible = st.lists(st.sampled_from(PIECES + BREAKS), max_size=6).map("".join)
cells = st.lists(st.sampled_from(PIECES + BREAKS + WIDE) | anything, max_size=5).map("".join)


@st.composite
def tables(draw: st.DrawFn, cell: st.SearchStrategy[str] = cells) -> tuple[list[str], list[list[str]]]:
    """A header that names columns, and rows of which none is taken for another one."""
    header = list(draw(st.sampled_from(HEADERS)))
    own = cell.filter(lambda value: not is_known_name(value))
    rows = draw(st.lists(st.lists(own, min_size=len(header), max_size=len(header)), min_size=1, max_size=6))
    return header, rows


def read_back(path: Path, data: bytes | str | None = None) -> tuple[list[str], list[list[str]]]:
    if data is not None:
        path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    frame = read_table(path, Settings(data_dir=path.parent)).frame
    return list(frame.columns), frame.to_numpy().tolist()


def delimited(header: list[str], rows: list[list[str]], **options: object) -> str:
    stream = io.StringIO()
    csv.writer(stream, **options).writerows([header, *rows])  # type: ignore[arg-type]
    return stream.getvalue()


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@given(table=tables())
@always_the_same
def test_csv(separator: str, quoting: int, table: tuple[list[str], list[list[str]]], tmp_path: Path) -> None:
    text = delimited(*table, delimiter=separator, quoting=quoting)
    assert read_back(tmp_path / "a.csv", text) == (table[0], table[1])


@given(table=tables())
@always_the_same
def test_csv_of_pandas(table: tuple[list[str], list[list[str]]], tmp_path: Path) -> None:
    header, rows = table
    # pandas, with line feeds alone, leaves a carriage return at the end of a row unquoted: no reader can tell.
    rows = [[cell.replace("\r", "\n") for cell in row] for row in rows]
    text = pd.DataFrame(rows, columns=header).to_csv(index=False, lineterminator="\n")
    assert read_back(tmp_path / "a.csv", text) == (header, rows)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "gb18030"])
@given(table=tables(sensible))
@always_the_same
def test_encodings(encoding: str, table: tuple[list[str], list[list[str]]], tmp_path: Path) -> None:
    header, rows = table
    # Without a mark an encoding is told by what stands in the file: here, a few sentences in every row.
    rows = [[f"{cell}这家店的服务态度很好，房间干净。" for cell in row] for row in rows]
    text = delimited(header, rows).replace("\ufeff", "")
    expected = [[cell.replace("\ufeff", "") for cell in row] for row in rows]
    assert read_back(tmp_path / "a.csv", text.encode(encoding)) == (header, expected)


@given(table=tables(), lines=st.booleans(), ascii_only=st.booleans())
@always_the_same
def test_json(table: tuple[list[str], list[list[str]]], lines: bool, ascii_only: bool, tmp_path: Path) -> None:
    header, rows = table
    records = [dict(zip(header, row, strict=True)) for row in rows]
    written = [json.dumps(record, ensure_ascii=ascii_only) for record in records]
    text = "\n".join(written) + "\n" if lines else "[" + ", ".join(written) + "]"
    assert read_back(tmp_path / ("a.jsonl" if lines else "a.json"), text) == table


@given(table=tables())
@always_the_same
def test_parquet(table: tuple[list[str], list[list[str]]], tmp_path: Path) -> None:
    header, rows = table
    columns = [list(column) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, names=header), tmp_path / "a.parquet")
    assert read_back(tmp_path / "a.parquet") == table


# XML has no way to write these; line ends become one line feed in it.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")


@given(table=tables())
@always_the_same
def test_workbook(table: tuple[list[str], list[list[str]]], tmp_path: Path) -> None:
    header, rows = table
    rows = [[_NOT_IN_XML.sub("?", re.sub(r"\r\n?", "\n", cell)) for cell in row] for row in rows]
    rows = [[cell if cell.strip() else "" for cell in row] for row in rows]  # a blank cell is an empty one
    rows.append(["the last row"] * len(header))  # empty rows below the last one do not count
    book = openpyxl.Workbook()
    for i, row in enumerate([header, *rows], start=1):
        for j, value in enumerate(row, start=1):
            book.active.cell(i, j, value).data_type = "s"  # or "=1+1" would be a formula
    book.save(tmp_path / "a.xlsx")
    assert read_back(tmp_path / "a.xlsx") == (header, rows)


@given(rows=st.lists(cells.filter(str.strip), min_size=1, max_size=6))
@always_the_same
def test_one_column(rows: list[str], tmp_path: Path) -> None:
    rows = [row for row in rows if not is_known_name(row)] or ["x"]
    text = delimited(["text"], [[row] for row in rows], quoting=csv.QUOTE_ALL)
    assert read_back(tmp_path / "a.csv", text) == (["text"], [[row] for row in rows])


@given(cell=st.text(string.printable, max_size=30))
@always_the_same
def test_a_cell_of_many_lines_of_any_kind(cell: str, tmp_path: Path) -> None:
    rows = [["plain", "a"], [f"x{cell}\nit, too\nand, so\non, x", "b"], ["other", "a"]]
    assert read_back(tmp_path / "a.csv", delimited(["text", "label"], rows)) == (["text", "label"], rows)
