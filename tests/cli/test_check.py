"""`check` for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.commands import Cli
from tests.conftest import sentences, write_csv


def test_check_prints_one_json_object(sft: Cli, labelled: Path) -> None:
    answer = sft("check", labelled, "--json")
    assert answer.code == 0
    report = json.loads(answer.out)
    assert answer.err == ""
    assert report["columns"]["text"] == "text"
    assert report["class_counts"] == {"good": 60, "bad": 60}
    assert report["ok"] is True


def test_check_for_people(sft: Cli) -> None:
    rows = [*sentences(40), ("", "good"), ("no label", ""), ("twice [bold]", "good"), ("twice [bold]", "bad")]
    answer = sft("check", write_csv(Path("in.csv"), rows))
    assert answer.code == 0
    assert "42 usable of 44 rows" in answer.out
    assert "warning" in answer.out


def test_ragged_rows_are_read_and_reported(sft: Cli) -> None:
    lines = ["text,label", *(f"{text},{label}" for text, label in sentences(20)), "too,many,cells", "too few"]
    Path("ragged.csv").write_text("\n".join(lines), encoding="utf-8")
    report = json.loads(sft("check", "ragged.csv", "--json").out)
    assert report["rows"] == 22
    assert any("cells" in note or "columns" in note for note in report["notes"]), report["notes"]
