"""Every failure that a file can cause is a `DataError` that names the file and says what to do."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import random
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from sft_keras.data.readers import read_table
from sft_keras.errors import DataError
from sft_keras.settings import MIB, Settings
from tests.data.tables import zip_of

FRAME = pd.DataFrame({"text": [f"text number {i}" for i in range(500)], "label": ["a", "b"] * 250})


def refused(path: Path, settings: Settings) -> DataError:
    with pytest.raises(DataError) as caught:
        read_table(path, settings)
    error = caught.value
    assert path.name in error.where
    assert error.fix
    assert "Traceback" not in str(error)
    return error


def workbook_bytes() -> bytes:
    book = openpyxl.Workbook()
    for row in FRAME.itertuples(index=False):
        book.active.append(list(row))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def broken_zip() -> bytes:
    data = bytearray(zip_of({"a.csv": b"text,label\n" + os.urandom(1000)}))
    data[200] ^= 0xFF
    return bytes(data)


RANDOM = random.Random(0).randbytes(5000)
PARQUET = FRAME.to_parquet()
CASES: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.csv", b"", "empty"),
    "blank": ("a.csv", b" \n\n ", "empty"),
    "only a mark": ("a.csv", b"\xef\xbb\xbf", "empty"),
    "only a header": ("a.csv", b"text,label\n", "no rows"),
    "binary": ("a.csv", RANDOM, "binary"),
    "binary without NUL": ("a.csv", RANDOM.replace(b"\x00", b"\x01"), "binary"),
    "NUL in text": ("a.csv", b"text,label\na\x00b,c\n", "binary"),
    "png": ("a.csv", b"\x89PNG\r\n\x1a\n" + RANDOM, "PNG image"),
    "pdf": ("a.pdf", b"%PDF-1.7 " + RANDOM, "PDF"),
    "pickle": ("a.pkl", pickle.dumps(list(range(1000)), protocol=4), "pickle"),
    "web page": ("a.csv", b"<!DOCTYPE html><html></html>", "web page"),
    "truncated gzip": ("a.csv.gz", gzip.compress(RANDOM)[:2000], "gzip file is damaged"),
    "gzip with rubbish": ("a.csv.gz", b"\x1f\x8b" + RANDOM, "gzip file is damaged"),
    "truncated parquet": ("a.parquet", PARQUET[: len(PARQUET) // 2], "Parquet file is damaged"),
    "parquet without its beginning": ("a.parquet", PARQUET[4:], "Parquet file is damaged"),
    "a page in a workbook's name": ("a.xls", b"<html><table><tr><td>a</td></tr></table></html>", "name of a workbook"),
    "a table of a page in a workbook's name": ("a.xls", b"<table><tr><td>a</td></tr></table>", "name of a workbook"),
    "XML in a workbook's name": ("a.xls", b'<?xml version="1.0"?><Workbook></Workbook>', "name of a workbook"),
    "parquet with a hole": ("a.parquet", PARQUET[:50] + bytes(len(PARQUET) - 100) + PARQUET[-50:], "damaged"),
    "truncated workbook": ("a.xlsx", workbook_bytes()[:3000], "workbook is damaged"),
    "old workbook, damaged": ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + RANDOM, "workbook is damaged"),
    "protected workbook": (
        "a.xlsx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le"),
        "password",
    ),
    "other office document": ("a.docx", zip_of({"[Content_Types].xml": b"<x/>", "word/a.xml": b"<x/>"}), "workbook"),
    "zip with two files": ("a.zip", zip_of({"a.csv": b"x", "b.csv": b"y"}), "exactly one file"),
    "empty zip": ("a.zip", zip_of({}), "exactly one file"),
    "broken zip": ("a.zip", broken_zip(), "zip archive is damaged"),
    "zip in a zip": ("a.zip", zip_of({"a.zip": zip_of({"a.csv": b"x"})}), "another archive"),
    "json value": ("a.json", b"5", "no table"),
    "json broken": ("a.json", b'[{"text": "a",}]', "not valid JSON"),
    "json list of numbers": ("a.json", b"[1, 2]", "must be an object"),
    "json empty list": ("a.json", b"[]", "no rows"),
    "json empty objects": ("a.json", b"[{}, {}]", "empty"),
    "json unequal columns": ("a.json", b'{"text": ["a", "b"], "label": ["x"]}', "different lengths"),
    "json two tables": ("a.json", b'{"train": [{"a": 1}], "test": [{"a": 1}]}', "exactly one list"),
    "json too deep": ("a.json", b"[" * 100_000, "JSON"),
    "json lines with a number": ("a.jsonl", b'{"text": "a"}\n5\n', "must hold a JSON object"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_with_a_clear_message(case: str, tmp_path: Path, settings: Settings) -> None:
    name, data, expected = CASES[case]
    (tmp_path / name).write_bytes(data)
    assert expected in refused(tmp_path / name, settings).problem


def test_broken_json_line_is_named(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n\n{"text": "b"\n{"text": "c"}\n', encoding="utf-8")
    assert "line 3" in refused(path, settings).where


def test_missing_folder_and_unreadable(tmp_path: Path, settings: Settings) -> None:
    assert "does not exist" in refused(tmp_path / "nowhere.csv", settings).problem
    assert "folder" in refused(tmp_path, settings).problem
    os.mkfifo(tmp_path / "pipe.csv")
    assert "regular file" in refused(tmp_path / "pipe.csv", settings).problem


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_no_permission(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,b\n")
    path.chmod(0)
    assert "cannot be read" in refused(path, settings).problem


def test_unreadable_file(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,b\n")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert "Permission denied" in refused(path, settings).problem


def bomb(kind: str) -> bytes:
    zeros = b"text,label\n" + b"a,b\n" * (MIB // 2)
    if kind == "csv.gz":
        return gzip.compress(zeros)
    if kind == "zip":
        return zip_of({"a.csv": zeros})
    if kind == "xlsx":
        return zip_of({"[Content_Types].xml": b"<x/>", "xl/worksheets/sheet1.xml": zeros})
    if kind == "parquet":
        return pd.DataFrame({"text": ["a" * 100] * 40_000}).to_parquet()
    return zeros


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "zip", "xlsx", "parquet"])
def test_over_the_size_limit_after_unpacking(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(bomb(kind))
    assert "larger than the limit of 1 MiB" in refused(path, Settings(data_dir=tmp_path, max_file_mib=1)).problem


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "xlsx"])
def test_over_the_row_limit(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    {
        "csv": lambda: FRAME.to_csv(path, index=False),
        "jsonl": lambda: FRAME.to_json(path, orient="records", lines=True),
        "parquet": lambda: FRAME.to_parquet(path),
        "xlsx": lambda: FRAME.to_excel(path, index=False),
    }[kind]()
    assert "limit of 499" in refused(path, Settings(data_dir=tmp_path, max_rows=499)).problem
    assert len(read_table(path, Settings(data_dir=tmp_path, max_rows=500)).frame) == 500


def test_cell_far_out_does_not_claim_all_memory(tmp_path: Path, settings: Settings) -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "text"
    book.active["XFD1048576"] = "far"
    book.save(tmp_path / "a.xlsx")
    assert "too many cells" in refused(tmp_path / "a.xlsx", settings).problem


def test_random_bytes_never_give_a_traceback(tmp_path: Path, settings: Settings) -> None:
    source = random.Random(1)
    seeds = [
        b"text,label\n",
        b"PK\x03\x04",
        b"PAR1",
        b"\x1f\x8b",
        b"[{",
        b"\xff\xfe",
        b"__label__",
        "标签\t".encode("gbk"),
    ]
    for i in range(200):
        path = (
            tmp_path / f"a{i}.{source.choice(['csv', 'json', 'jsonl', 'xlsx', 'xls', 'ods', 'parquet', 'txt', 'zip'])}"
        )
        alphabet = source.choice([bytes(range(256)), b'",\t\n{}[]:ab\\', bytes(range(128, 256)) + b"\n,"])
        path.write_bytes(source.choice(seeds) + bytes(source.choice(alphabet) for _ in range(source.randrange(300))))
        try:
            table = read_table(path, settings)
        except DataError:
            continue
        assert all(isinstance(cell, str) for cell in table.frame.to_numpy().ravel())
