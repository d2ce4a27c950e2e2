"""Files and folders as people really have them: each is read whole, or it is said why not."""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sft_keras.data.columns import choose_columns
from sft_keras.data.readers import read_table
from sft_keras.errors import DataError
from sft_keras.settings import MIB, Settings
from tests.data.tables import BAD, GOOD, csv_of, zip_of


def read(path: Path, data: bytes) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    path.write_bytes(data)
    table = read_table(path, Settings(data_dir=path.parent))
    columns = choose_columns(table.frame)
    return list(zip(table.frame[columns.text], table.frame[columns.label], strict=True)), table.notes


def test_utf_16_without_a_mark_and_with_half_a_character(tmp_path: Path) -> None:
    for codec in ("utf-16-le", "utf-16-be"):
        rows, _ = read(tmp_path / "a.csv", csv_of(4).encode(codec))
        assert rows[1] == (f"{GOOD}1", "正")
    with pytest.raises(DataError, match="binary data"):
        read(tmp_path / "a.csv", csv_of(4).encode("utf-16-le") + b"x")


@pytest.mark.parametrize("names", [("文本", "标签"), ("内容", "类别"), ("评价", "情感"), ("label", "评论")])
def test_chinese_names_of_columns(names: tuple[str, str], tmp_path: Path) -> None:
    text, label = ("评论", "label") if names[0] == "label" else names
    values = {text: "很好", label: "正"}
    data = "\n".join(["\t".join(names), *["\t".join(values[name] for name in names)] * 3]).encode("gbk")
    assert read(tmp_path / "a.tsv", data)[0] == [("很好", "正")] * 3


def test_labels_with_line_breaks_and_emoji(tmp_path: Path) -> None:
    data = 'text,label\none film,"very\ngood"\nother film,👍🏽\nthird film,"very\ngood"\nfourth film,👍🏽\n'
    rows, _ = read(tmp_path / "a.csv", data.encode())
    assert [label for _, label in rows] == ["very\ngood", "👍🏽"] * 2


def test_a_workbook_with_merged_cells_sheets_formulas_and_dates(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    rows = [
        ("内容", "标签", "日期"),
        ("很好", "正", datetime.date(2024, 1, 5)),
        ("不错", None, datetime.datetime(2024, 1, 5, 10, 3)),
        ("很差", "负", datetime.time(3, 4)),
        ("一般", '=B2&"x"', None),
        (None, None, None),
    ]
    for row in rows:
        sheet.append(row)
    sheet.merge_cells("B2:B3")
    sheet.merge_cells("B5:B6")
    book.create_sheet("第二").append(("x", "y"))
    book.save(tmp_path / "a.xlsx")
    table = read_table(tmp_path / "a.xlsx", Settings(data_dir=tmp_path))
    assert table.frame.to_numpy().tolist() == [
        ["很好", "正", "2024-01-05"],
        ["不错", "正", "2024-01-05T10:03:00"],
        ["很差", "负", "03:04:00"],
        ["一般", "", ""],
    ]
    notes = " ".join(table.notes)
    for told in ('sheet "Sheet"', '"第二"', "1 cell(s) below the first of merged cells", "1 formula(s)"):
        assert told in notes


def test_a_wide_margin_of_empty_cells_does_no_harm(tmp_path: Path) -> None:
    """Spreadsheet programs write the empty rest of a sheet as one repeated row."""
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    empty = '<table:table-cell table:number-columns-repeated="16382"/>'
    rows = "".join(
        f"<table:table-row>{cell.format(text)}{cell.format(label)}{empty}</table:table-row>"
        for text, label in [("文本", "标签"), (GOOD, "正"), (BAD, "负")]
    )
    rows += f'<table:table-row table:number-rows-repeated="1048573">{empty}</table:table-row>'
    names = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    content = (
        f"<office:document-content {names}><office:body><office:spreadsheet>"
        f'<table:table table:name="a">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    mimetype = b"application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry '
        f'manifest:full-path="/" manifest:media-type="{mimetype.decode()}"/></manifest:manifest>'
    )
    members = {"mimetype": mimetype, "content.xml": content.encode(), "META-INF/manifest.xml": manifest.encode()}
    assert read(tmp_path / "a.ods", zip_of(members))[0] == [(GOOD, "正"), (BAD, "负")]


def test_nested_columns_of_parquet_become_json(tmp_path: Path) -> None:
    columns = {"text": ["a b", "c d"], "meta": [{"x": 1, "y": ["好"]}, None], "tags": [["p"], []], "label": ["u", "v"]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    frame = read_table(tmp_path / "a.parquet", Settings(data_dir=tmp_path)).frame
    assert json.loads(frame["meta"][0]) == {"x": 1, "y": ["好"]}
    assert frame["meta"][1] == ""
    assert frame["tags"].tolist() == ['["p"]', "[]"]


@pytest.mark.parametrize("header", [True, False])
def test_json_that_is_a_list_of_lists(header: bool, tmp_path: Path) -> None:
    rows = [["很好", "正"], ["很差", "负"]] * 4
    data = json.dumps([["文本", "标签"], *rows] if header else rows).encode()
    assert read(tmp_path / "a.json", data)[0] == list(map(tuple, rows))


@pytest.mark.parametrize("data", ['{"te\\ud800": "a", "label": "b"}\n' * 2, '[["text", "l\\udfff"], ["a", "b"]]'])
def test_half_a_character_in_a_name(data: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(data)
    frame = read_table(tmp_path / "a.json", Settings(data_dir=tmp_path)).frame
    assert "\ufffd" in "".join(frame.columns)


def test_trec_lines(tmp_path: Path) -> None:
    lines = ["LOC:city What is the capital of Peru ?", "HUM:ind Who wrote Émile ?", "LOC:other Where is Ulm ?"] * 2
    rows, notes = read(tmp_path / "a.label", "\n".join(lines).encode("latin-1"))
    assert rows[:3] == [
        ("What is the capital of Peru ?", "LOC"),
        ("Who wrote Émile ?", "HUM"),
        ("Where is Ulm ?", "LOC"),
    ]
    assert any("TREC" in note for note in notes)
    with pytest.raises(DataError, match="a column of labels"):  # one label only: that is how logs look
        read(tmp_path / "b.txt", b"INFO:server started at five\nINFO:server stopped at six\n")


def class_folders(root: Path, encoding: str = "gbk") -> Path:
    for label, texts in {"体育": [GOOD, "决赛"], "文学": [BAD, "小说\r\n第二行"]}.items():
        (root / label).mkdir(parents=True)
        for i, text in enumerate(texts):
            (root / label / f"{i}.txt").write_bytes(f"{text}\n".encode(encoding))
    return root


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "utf-8-sig", "utf-16"])
def test_a_folder_for_each_label(encoding: str, tmp_path: Path) -> None:
    table = read_table(class_folders(tmp_path / "data", encoding), Settings(data_dir=tmp_path))
    assert table.frame.to_numpy().tolist() == [
        [GOOD, "体育", "体育/0.txt"],
        ["决赛", "体育", "体育/1.txt"],
        [BAD, "文学", "文学/0.txt"],
        ["小说\n第二行", "文学", "文学/1.txt"],
    ]
    columns = choose_columns(table.frame)
    assert (columns.text, columns.label) == ("text", "label")


def test_folders_in_a_zip_of_chinese_windows(tmp_path: Path) -> None:
    # The names as bytes of GBK, without the flag for UTF-8, stand twice in the archive.
    names = {mark: f"数据/{label}/1.txt".encode("gbk") for mark, label in (("x", "体育"), ("y", "文学"))}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for mark, name in names.items():
            archive.writestr(mark * len(name), f"{GOOD}{mark}".encode("gbk"))
    data = stream.getvalue()
    for mark, name in names.items():
        data = data.replace(mark.encode() * len(name), name)
    rows, _ = read(tmp_path / "a.zip", data)
    assert rows == [(f"{GOOD}x", "体育"), (f"{GOOD}y", "文学")]


def test_folders_of_another_kind_are_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    class_folders(tmp_path / "both" / "train")
    class_folders(tmp_path / "both" / "test")
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "a.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, told in (("both", "such as test"), ("flat", "one folder"), ("empty", "one folder")):
        with pytest.raises(DataError) as caught:
            read_table(tmp_path / name, settings)
        assert told in caught.value.fix
    folder = tmp_path / "both" / "train"
    with pytest.raises(DataError, match="limit of 3 rows"):
        read_table(folder, Settings(data_dir=tmp_path, max_rows=3))
    (folder / "体育" / "2.txt").write_bytes(b"x" * (MIB + 1))
    with pytest.raises(DataError, match="larger than the limit"):
        read_table(folder, Settings(data_dir=tmp_path, max_file_mib=1))
