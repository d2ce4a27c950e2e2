"""From a file to a run folder: what the person is told on the way."""

from __future__ import annotations

from pathlib import Path

from sft_keras.config import RunConfig
from sft_keras.runs.prepare import load_splits
from sft_keras.services import Services
from tests.conftest import write_csv


def test_a_note_says_that_an_english_backbone_does_not_suit_chinese_texts(tmp_path: Path, services: Services) -> None:
    rows = [(f"第{i * 7919}单的质量{'很好' if i % 2 else '很差'}", "好评" if i % 2 else "差评") for i in range(40)]
    data = str(write_csv(tmp_path / "in.csv", rows))
    for backbone, told in (("minilm", True), ("lstm", False)):
        run = services.prepare(data, RunConfig.parse({"model": {"backbone": backbone}}), out=tmp_path / backbone)
        assert any("made for English" in note for note in load_splits(run).notes) is told
