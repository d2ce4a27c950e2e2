"""Rows and files to be written in many ways, and what is read of them."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

from sft_keras.data.columns import choose_columns
from sft_keras.data.readers import Table

ROWS = [
    ("The room was clean, the breakfast good.", "positive"),
    ('He said "never again" and left.', "negative"),
    ("Two lines\nin one cell.", "negative"),
    ("服务很好，下次还来。", "positive"),
    ("Très bon séjour à l'hôtel.", "positive"),
] * 4

GOOD = "服务很好，下次还来，房间干净。"
BAD = "房间很差，下次不来，服务太慢。"


def written(rows: list[tuple[str, str]], separator: str = ",", header: bool = True) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator)
    writer.writerows([("text", "label"), *rows] if header else rows)
    return stream.getvalue()


def pairs(table: Table) -> list[tuple[str, str]]:
    columns = choose_columns(table.frame, source=table.source)
    return list(zip(table.frame[columns.text], table.frame[columns.label], strict=True))


def save(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)
    return path


def csv_of(rows: int, separator: str = ",") -> str:
    return f"文本{separator}标签\n" + "".join(
        f"{GOOD if i % 2 else BAD}{i}{separator}{'正' if i % 2 else '负'}\n" for i in range(rows)
    )


def zip_of(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()
