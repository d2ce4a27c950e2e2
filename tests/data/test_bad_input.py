"""Files that cannot be used: each is refused in three parts, by Python and by the command."""

from __future__ import annotations

import gzip
import io
import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import xlwt

from sft_keras import cli
from sft_keras.config import RunConfig
from sft_keras.data.readers import read_table
from sft_keras.errors import DataError, SftError
from sft_keras.services import Services
from sft_keras.settings import MIB, Settings
from tests.data.tables import GOOD, csv_of, zip_of


def mixed(first: str, second: str, other: set[int]) -> bytes:
    return b"\n".join(
        line.encode(second if number in other else first) for number, line in enumerate(csv_of(40).split("\n"), 1)
    )


def ole(change: Callable[[bytearray], None]) -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("data")
    for i in range(200):
        for j, cell in enumerate((GOOD, "正")):
            sheet.write(i, j, cell)
    stream = io.BytesIO()
    book.save(stream)
    data = bytearray(stream.getvalue())
    change(data)
    return bytes(data)


def endless_chain(data: bytearray) -> None:
    """Makes the first sector of the sheets follow itself."""
    fat = 512 + 512 * struct.unpack_from("<I", data, 76)[0]
    struct.pack_into("<I", data, fat, 0)


def cell_far_out(data: bytearray) -> None:
    """Moves the last cell to the last column that two bytes can name."""
    place = data.rindex(b"\xfd\x00\x0a\x00")
    struct.pack_into("<HH", data, place + 4, 65_535, 65_535)


def ods_with_repeats() -> bytes:
    rows = (
        '<table:table-row table:number-rows-repeated="1000000"><table:table-cell office:value-type="string" '
        'table:number-columns-repeated="16000"><text:p>x</text:p></table:table-cell></table:table-row>'
    )
    content = f'<office:x xmlns:office="o"><table:table table:name="a">{rows}</table:table></office:x>'
    return zip_of({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": content.encode()})


def xlsb_far_out() -> bytes:
    row = b"\x00\x04" + struct.pack("<I", 1_048_575)
    cell = b"\x02\x08" + struct.pack("<II", 16_383, 0)
    sheet = b"\x81\x01\x00" + row + cell
    return zip_of({"[Content_Types].xml": b"<x/>", "xl/workbook.bin": b"", "xl/worksheets/sheet1.bin": sheet})


def xlsx_far_out() -> bytes:
    cell = b"<x:row><x:c s='0' r = 'XFD1048576'><x:v>1</x:v></x:c></x:row>"
    return zip_of({"[Content_Types].xml": b"<x/>", "elsewhere/a.xml": cell})


# Name of the file, its bytes, and what each of the three parts must hold.
REFUSED: dict[str, tuple[str, bytes, str, str, str]] = {
    "wrong separator": ("a.txt", csv_of(20, ":").encode(), "a column of labels", "a.txt", '":" stands between'),
    "Chinese comma": ("a.csv", csv_of(20, "、").encode(), "a column of labels", "a.csv", '"、" stands between'),
    "lines of GBK among UTF-8": (
        "a.csv",
        mixed("utf-8", "gbk", {7, 9}),
        "mixes two encodings",
        "line(s) 7, 9",
        "UTF-8",
    ),
    "a line of UTF-8 among GBK": ("a.csv", mixed("gbk", "utf-8", {30}), "mixes two encodings", "line(s) 30", "UTF-8"),
    "many damaged characters": ("a.csv", csv_of(400).encode() + b"\xe6\n" * 99, "damaged", "line 402", "UTF-8"),
    "broken first line": (
        "a.json",
        b'{"text": "a",\n{"text": "b", "label": "x"}\n',
        "not valid JSON",
        "line 1",
        "Correct",
    ),
    "broken third line": ("a.jsonl", b'{"a": 1}\n{"a": 1}\n{"a" 1}\n', "not valid JSON", "line 3", "Correct"),
    "endless chain of sectors": ("a.xls", ole(endless_chain), "damaged", "a.xls", "again"),
    "cell far out in an old workbook": ("a.xls", ole(cell_far_out), "too many cells", "a.xls", "CSV"),
    "repeats in an open workbook": ("a.ods", ods_with_repeats(), "too many cells", "a.ods", "CSV"),
    "cell far out in a binary workbook": ("a.xlsb", xlsb_far_out(), "too many cells", "a.xlsb", "CSV"),
    "cell far out in another spelling": ("a.xlsx", xlsx_far_out(), "too many cells", "a.xlsx", "CSV"),
    "texts in folders of folders": (
        "a.zip",
        zip_of({f"{part}/{label}/1.txt": b"x" for part in ("train", "test") for label in "ab"}),
        "exactly one file",
        "a.zip",
        "Unpack",
    ),
    "locked workbook": (
        "a.xlsx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le"),
        "protected by a password",
        "a.xlsx",
        "without a password",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_three_parts(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, data, problem, where, fix = REFUSED[case]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(SftError) as caught:
        Services(Settings(data_dir=tmp_path)).check(str(path), RunConfig())
    error = caught.value
    assert problem in error.problem
    assert where in error.where
    assert str(path) in error.where
    assert fix in error.fix
    monkeypatch.setattr(sys, "argv", ["sft-keras", "check", str(path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr() == ("", f"Error: {error}\n")
    assert path.read_bytes() == data


def test_one_enormous_line_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as stream:
        stream.truncate(1 << 30)  # a file with a hole takes no room
    monkeypatch.setattr(Path, "open", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(DataError, match="larger than the limit of 512 MiB"):
        read_table(path, Settings(data_dir=tmp_path))


def test_a_packed_line_is_refused_when_the_limit_is_reached(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"text,label\n" + b"x" * (3 * MIB)))
    with pytest.raises(DataError, match="larger than the limit of 2 MiB"):
        read_table(tmp_path / "a.csv.gz", Settings(data_dir=tmp_path, max_file_mib=2))
    archive = zip_of({f"{label}/1.txt": b"x" * (2 * MIB) for label in "ab"})
    (tmp_path / "a.zip").write_bytes(archive)
    with pytest.raises(DataError, match="larger than the limit"):
        read_table(tmp_path / "a.zip", Settings(data_dir=tmp_path, max_file_mib=3))


# What can be read, but not trained with: the check says so, and a training refuses it.
UNUSABLE: dict[str, tuple[str, str, str]] = {
    "five rows": (csv_of(5), "too_few_rows", "At least 8 rows"),
    "a class of two rows": (csv_of(20) + "独一,少\n无二,少\n", "tiny_class", "fewer than 3 rows"),
    "one class": ("text,label\n" + "".join(f"text {i},a\n" for i in range(20)), "one_class", "two different labels"),
    "many classes": ("text,label\n" + "".join(f"t {i},c{i}\n" for i in range(2000)), "many_classes", "limit of 1,000"),
    "a text of a million": (csv_of(20) + f"{'好' * 1_000_001},正\n", "text_too_long", "limit of 1,000,000"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_trained_with_is_found_and_refused(case: str, tmp_path: Path) -> None:
    data, code, problem = UNUSABLE[case]
    path = tmp_path / "a.csv"
    path.write_text(data, encoding="utf-8")
    services = Services(Settings(data_dir=tmp_path))
    # The learned tokenizer and the near-duplicates of a million characters take long, and are not the matter here.
    config = RunConfig.parse({"data": {"near_duplicate_similarity": 1.0}, "model": {"backbone": "bert_base_multi"}})
    report = services.check(str(path), config).report
    assert code in {finding.code for finding in report.findings if finding.severity == "error"}
    json.dumps(report.to_dict())
    with pytest.raises(DataError) as caught:
        services.prepare(str(path), config)
    assert problem in caught.value.problem
    assert str(path) in caught.value.where
    assert caught.value.fix
    assert not (tmp_path / "runs").exists()
