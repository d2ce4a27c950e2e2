"""The files of a report: `report.json`, the pictures, and the page that a person can mail."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from sft_keras.config import RunConfig
from sft_keras.evaluation.report import Report

PAGE = "report.html"


def write_report(report: Report, folder: Path, *, config: RunConfig, data: str = "", created: str = "") -> None:
    """Writes `report.json`, the pictures and `report.html` into a folder, each file by renaming a finished one.

    Args:
        report: The report.
        folder: Where to write; created if missing.
        config: The resolved configuration of the run.
        data: What the data are called, for the headline of the page.
        created: When the run was made, ISO 8601.
    """
    from sft_keras.evaluation.plots import draw_report

    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in draw_report(report).items():
        replace_file(folder / name, picture)
    write_content(report.to_dict(), folder, config=config, data=data, created=created)


def write_content(
    content: dict[str, Any], folder: Path, *, config: RunConfig, data: str = "", created: str = ""
) -> None:
    """Writes `report.json` and `report.html` alone; see `write_report`."""
    from sft_keras.evaluation.content import read_content
    from sft_keras.evaluation.page import render_page

    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)
    replace_file(folder / "report.json", (text + "\n").encode("utf-8"))
    page = render_page(read_content(content, where=str(folder)), config, data=data, created=created)
    replace_file(folder / PAGE, page.encode("utf-8"))


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file beside its place and renames it into place, so that it is never half there."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
