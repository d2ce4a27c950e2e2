"""From a file to a run folder: what the person is told on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from sft_keras.config import RunConfig
from sft_keras.errors import DataError
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.prepare import load_splits
from sft_keras.services import Services
from tests.conftest import write_csv


def test_a_note_says_that_an_english_backbone_does_not_suit_chinese_texts(tmp_path: Path, services: Services) -> None:
    rows = [(f"第{i * 7919}单的质量{'很好' if i % 2 else '很差'}", "好评" if i % 2 else "差评") for i in range(40)]
    data = str(write_csv(tmp_path / "in.csv", rows))
    for backbone, told in (("minilm", True), ("lstm", False)):
        run = services.prepare(data, RunConfig.parse({"model": {"backbone": backbone}}), out=tmp_path / backbone)
        assert any("made for English" in note for note in load_splits(run).notes) is told


def test_saved_rows_and_notes_that_were_damaged(copied_run: RunDirectory) -> None:
    """A flipped bit in the middle of a column would be another text, and a model that nobody could make again."""
    load_splits(copied_run)
    for name in ("train", "validation", "test"):
        path = copied_run.data / f"{name}.parquet"
        whole = path.read_bytes()
        for spoilt in (whole[: len(whole) // 2], b"", whole[:300] + bytes([whole[300] ^ 1]) + whole[301:]):
            path.write_bytes(spoilt)
            with pytest.raises(DataError, match="missing or damaged") as caught:
                load_splits(copied_run)
            assert caught.value.where == str(path)
        path.write_bytes(whole)
    (copied_run.data / "notes.json").write_text("[", encoding="utf-8")
    with pytest.raises(DataError, match="notes on the division") as caught:
        load_splits(copied_run)
    assert "resume" in caught.value.fix
