"""Every format gives the same table, and a header is told from data."""

from __future__ import annotations

import contextlib
import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import xlwt

from sft_keras.data.readers import read_table
from sft_keras.errors import DataError
from sft_keras.settings import Settings
from tests.data.tables import ROWS, pairs, save, written

FLAT = [(text.replace("\n", " "), label) for text, label in ROWS]


def write_xlsx(path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [("text", "label"), *ROWS]:
        book.active.append(row)
    book.create_sheet("more").append(["notes"])
    book.save(path)


def write_xls(path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("data")
    for i, row in enumerate([("text", "label"), *ROWS]):
        for j, cell in enumerate(row):
            sheet.write(i, j, cell)
    book.save(str(path))


MANIFEST = (
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry'
    ' manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
)


def write_ods(path: Path) -> None:
    def cell(value: str) -> str:
        lines = "".join(f"<text:p>{line}</text:p>" for line in value.replace("&", "&amp;").split("\n"))
        return f'<table:table-cell office:value-type="string">{lines}</table:table-cell>'

    rows = "".join(
        f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in [("text", "label"), *ROWS]
    )
    names = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {names}><office:body><office:spreadsheet>'
        f'<table:table table:name="data">{rows}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", MANIFEST)


RECORDS = [{"text": text, "label": label} for text, label in ROWS]
FRAME = pd.DataFrame(RECORDS)
WRITERS: dict[str, Callable[[Path], object]] = {
    "csv": lambda p: save(p, written(ROWS)),
    "tsv": lambda p: save(p, written(ROWS, "\t")),
    "semicolon.csv": lambda p: save(p, written(ROWS, ";")),
    "pipe.txt": lambda p: save(p, written(ROWS, "|")),
    "tab_named.csv": lambda p: save(p, written(ROWS, "\t")),
    "comma_named.tsv": lambda p: save(p, written(ROWS)),
    "unknown.dat": lambda p: save(p, written(ROWS)),
    "json": lambda p: save(p, json.dumps(RECORDS)),
    "indented.json": lambda p: save(p, json.dumps(RECORDS, indent=2, ensure_ascii=False)),
    "columns.json": lambda p: save(p, json.dumps(FRAME.to_dict("list"))),
    "pandas.json": lambda p: FRAME.to_json(p),
    "rows_by_number.json": lambda p: FRAME.to_json(p, orient="index"),
    "wrapped.json": lambda p: save(p, json.dumps({"version": 1, "data": RECORDS})),
    "jsonl": lambda p: FRAME.to_json(p, orient="records", lines=True),
    "lines_named.json": lambda p: FRAME.to_json(p, orient="records", lines=True, force_ascii=False),
    "list_named.jsonl": lambda p: save(p, json.dumps(RECORDS, indent=1)),
    "parquet": lambda p: FRAME.to_parquet(p),
    "parquet_without_name": lambda p: FRAME.to_parquet(p),
    "xlsx": write_xlsx,
    "workbook_named.csv": write_xlsx,
    "xls": write_xls,
    "ods": write_ods,
    "csv.gz": lambda p: save(p, gzip.compress(written(ROWS).encode())),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_gives_the_same_rows(kind: str, tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / f"data.{kind}"
    WRITERS[kind](path)
    table = read_table(path, settings)
    assert list(table.frame.columns) == ["text", "label"]
    assert [(t.replace("\r\n", "\n"), lb) for t, lb in pairs(table)] == ROWS
    assert table.source == str(path)
    assert table.notes


def test_integers_booleans_and_nulls_keep_their_form(tmp_path: Path, settings: Settings) -> None:
    rows = [
        {"text": "a b", "label": 1, "flag": True, "x": 1.0},
        {"text": "c d", "label": None, "flag": False, "x": float("nan")},
    ]
    table = read_table(save(tmp_path / "a.json", json.dumps(rows)), settings)
    assert table.frame.to_numpy().tolist() == [["a b", "1", "true", "1.0"], ["c d", "", "false", ""]]
    pd.DataFrame({"text": ["a", "b"], "label": [1, None], "share": [0.5, 1.0]}).to_parquet(tmp_path / "a.parquet")
    frame = read_table(tmp_path / "a.parquet", settings).frame
    assert frame.to_numpy().tolist() == [["a", "1", "0.5"], ["b", "", "1.0"]]
    book = openpyxl.Workbook()
    for row in (["text", "label"], ["a", 1], ["b", None], [None, 2.5]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    assert read_table(tmp_path / "a.xlsx", settings).frame.to_numpy().tolist() == [["a", "1"], ["b", ""], ["", "2.5"]]


def test_objects_may_lack_keys_and_hold_lone_surrogates(tmp_path: Path, settings: Settings) -> None:
    table = read_table(
        save(tmp_path / "a.jsonl", '{"text": "x \\ud800"}\n\n{"label": "b", "tags": ["u", 1]}\n'), settings
    )
    assert table.frame.to_numpy().tolist() == [["x �", "", ""], ["", "b", '["u", 1]']]


@pytest.mark.parametrize("text_first", [True, False])
def test_tab_without_header(text_first: bool, tmp_path: Path, settings: Settings) -> None:
    rows = FLAT if text_first else [(label, text) for text, label in FLAT]
    data = "\n".join("\t".join(row) for row in rows)
    table = read_table(save(tmp_path / "a.txt", data), settings)
    assert pairs(table) == FLAT
    assert "The first row is data; the columns have no names." in table.notes


@pytest.mark.parametrize(
    "data", ["positive\tI love it\nnegative\tI hate it\n", "I love it,a\nI hate it,b\nNo idea,a\n"]
)
def test_few_rows_without_a_header_lose_none(data: str, tmp_path: Path, settings: Settings) -> None:
    assert len(read_table(save(tmp_path / "a.txt", data), settings).frame) == data.count("\n")


def test_header_with_useless_names_is_still_a_header(tmp_path: Path, settings: Settings) -> None:
    table = read_table(save(tmp_path / "a.csv", "col1,col2\n" + written(ROWS, header=False)), settings)
    assert list(table.frame.columns) == ["col1", "col2"]
    assert pairs(table) == ROWS


def test_first_row_that_looks_like_the_rest_is_no_header(tmp_path: Path, settings: Settings) -> None:
    table = read_table(save(tmp_path / "a.csv", written(ROWS, header=False)), settings)
    assert pairs(table) == ROWS


def test_chinese_header(tmp_path: Path, settings: Settings) -> None:
    table = read_table(save(tmp_path / "a.csv", "标签,评论\n正面,很好\n负面,很差\n"), settings)
    assert pairs(table) == [("很好", "正面"), ("很差", "负面")]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_title_and_blank_rows_above_the_names(kind: str, tmp_path: Path, settings: Settings) -> None:
    rows = [["2024年客户评论", ""], ["", ""], ["评论", "类别"], ["很好", "好评"], ["很差", "差评"]]
    path = tmp_path / f"a.{kind}"
    if kind == "csv":
        path.write_text("\n".join(",".join(row) for row in rows), encoding="gbk")
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(path)
    table = read_table(path, settings)
    assert list(table.frame.columns) == ["评论", "类别"]
    assert table.frame.to_numpy().tolist() == [["很好", "好评"], ["很差", "差评"]]
    assert "2 row(s) above the column names were left out." in table.notes


def test_a_first_row_without_a_label_is_no_title(tmp_path: Path, settings: Settings) -> None:
    data = "A film without a label.,\nAnother good one.,good\nA bad film.,bad\nA sad film.,bad\n"
    assert len(read_table(save(tmp_path / "a.csv", data), settings).frame) == 4
    named = read_table(save(tmp_path / "b.csv", "text,\n" + data), settings)
    assert len(named.frame) == 4


def test_fasttext(tmp_path: Path, settings: Settings) -> None:
    data = "__label__pos a good film\n__label__neg __label__sad a bad one\n__label__pos 很 好\n"
    table = read_table(save(tmp_path / "a.txt", data), settings)
    assert pairs(table) == [("a good film", "pos"), ("a bad one", "neg"), ("很 好", "pos")]
    assert any("several labels" in note and "row 2" in note for note in table.notes)


def test_repeated_column_names_stay_apart(tmp_path: Path, settings: Settings) -> None:
    table = read_table(save(tmp_path / "a.csv", "text,label,text\na,x,b\n"), settings)
    assert list(table.frame.columns) == ["text", "label", "text (2)"]


def test_zip_with_one_member_and_litter(tmp_path: Path, settings: Settings) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/data.csv", written(ROWS))
        archive.writestr("__MACOSX/folder/._data.csv", b"\x00\x05")
    assert pairs(read_table(tmp_path / "a.zip", settings)) == ROWS


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_more_columns_than_the_limit_are_refused(tmp_path: Path, ending: str) -> None:
    frame = pd.DataFrame([{f"column {n}": str(n) for n in range(6)}])
    path = tmp_path / f"wide.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    elif ending == "json":
        frame.to_json(path, orient="records")
    else:
        frame.to_parquet(path)
    assert len(read_table(path, Settings(max_columns=6)).frame.columns) == 6
    with pytest.raises(DataError, match=r"more columns than the limit of 5\. Received: 6"):
        read_table(path, Settings(max_columns=5))


def test_fasttext_divides_at_tabs_and_keeps_odd_line_separators(tmp_path: Path, settings: Settings) -> None:
    lines = "".join("__label__good\tnice film\u2028and \x0bmore\r\n__label__bad bad film\r\n" for _ in range(5))
    table = read_table(save(tmp_path / "a.txt", lines.encode()), settings)
    assert len(table.frame) == 10
    assert sorted(set(table.frame["label"])) == ["bad", "good"]
    assert table.frame["text"][0] == "nice film\u2028and \x0bmore"


def test_a_hidden_sheet_comes_after_those_that_a_person_sees(tmp_path: Path, settings: Settings) -> None:
    book = openpyxl.Workbook()
    hidden, shown = book.active, book.create_sheet("Data")
    hidden.title, hidden.sheet_state = "Lookup", "hidden"
    for sheet, word in ((hidden, "old"), (shown, "new")):
        for row in (("text", "label"), (f"{word} text", "a"), (f"{word} words", "b")):
            sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    table = read_table(tmp_path / "a.xlsx", settings)
    assert table.frame["text"][0] == "new text"
    assert 'Further sheets were not read: "Lookup".' in table.notes


def test_deeply_nested_json_is_told_at_every_depth(tmp_path: Path, settings: Settings) -> None:
    for depth in range(900, 1_010, 4):
        with contextlib.suppress(DataError):  # and nothing else
            read_table(save(tmp_path / "a.json", "[" * depth + "]" * depth), settings)
