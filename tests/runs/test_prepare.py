"""From a file to a run folder: what the person is told on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sft_keras import fine_tune
from sft_keras.config import RunConfig
from sft_keras.data.memory import examples_from_lists
from sft_keras.errors import ConfigError, DataError, SftError
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.prepare import load_splits
from sft_keras.services import Services
from tests.conftest import TINY, merged, sentences, write_csv


def test_a_note_says_that_an_english_backbone_does_not_suit_chinese_texts(tmp_path: Path, services: Services) -> None:
    rows = [(f"第{i * 7919}单的质量{'很好' if i % 2 else '很差'}", "好评" if i % 2 else "差评") for i in range(40)]
    data = str(write_csv(tmp_path / "in.csv", rows))
    for backbone, told in (("minilm", True), ("lstm", False)):
        run = services.prepare(data, RunConfig.parse({"model": {"backbone": backbone}}), out=tmp_path / backbone)
        assert any("made for English" in note for note in load_splits(run).notes) is told


def test_examples_in_memory_are_divided_like_a_file(tmp_path: Path, services: Services, labelled: Path) -> None:
    texts, labels = zip(*sentences(120), strict=True)
    examples, _ = examples_from_lists(texts, labels, None, services.settings)
    runs = [
        services.prepare(data, RunConfig(), out=tmp_path / str(i)) for i, data in enumerate([examples, str(labelled)])
    ]
    first, second = (load_splits(run) for run in runs)
    for name, part in first.parts.items():
        assert part.fingerprint() == second.parts[name].fingerprint()
    assert runs[0].status().data == "memory"


def test_without_a_test_part_all_rows_are_trained_on(tmp_path: Path, services: Services, labelled: Path) -> None:
    config = RunConfig.parse({"data": {"test_fraction": 0}, "model": {"backbone": "lstm"}})
    run = services.prepare(str(labelled), config, out=tmp_path / "run")
    splits = load_splits(run)
    assert splits.test is None
    assert {name: len(part) for name, part in splits.parts.items()} == {"train": 108, "validation": 12}
    assert "Rows: 108 training, 12 validation.\n" in (run.path / "log.txt").read_text(encoding="utf-8")
    given = services.prepare(str(labelled), config, out=tmp_path / "given", test=str(labelled))
    assert len(load_splits(given).test or ()) == 120


def test_data_frames_are_trained_on_and_nothing_is_scored_without_a_test_part(tmp_path: Path) -> None:
    frames = [pd.DataFrame(sentences(rows), columns=["message", "answer"]) for rows in (64, 16)]
    own = {"data": {"text_column": "message", "label_column": "answer", "test_fraction": 0}}
    config = merged(TINY, own, {"model": {"backbone": "lstm"}, "training": {"epochs": 1}})
    result = fine_tune(frames[0], validation=frames[1], out=tmp_path / "run", config=config)
    assert result.complete
    assert result.report is None
    assert len(load_splits(result.run).train) == 64
    assert "not scored: there is none" in (result.run.bundle / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "kind", "told"),
    [
        ({}, TypeError, "Received: nothing"),
        ({"texts": ["a"]}, TypeError, "Received: texts"),
        ({"data": "a.csv", "texts": ["a"], "labels": [1]}, TypeError, "Received: data, texts, labels"),
        ({"data": ["a", "b"]}, ValueError, "Received: list"),
        ({"texts": ["a", "b"], "labels": ["x"]}, ValueError, "inconsistent"),
    ],
)
def test_rows_that_cannot_be_used(arguments: dict[str, object], kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told) as caught:
        fine_tune(**arguments)  # type: ignore[arg-type]
    assert isinstance(caught.value, SftError)


def test_few_rows_get_more_epochs_and_the_log_says_why(tmp_path: Path, services: Services, labelled: Path) -> None:
    config = RunConfig.parse({"model": {"backbone": "lstm"}, "training": {"batch_size": 16}})
    run = services.prepare(str(labelled), config, out=tmp_path / "run")
    kept = run.config().training
    assert (kept.epochs, kept.patience) == (34, 23)  # 84 rows in six batches
    told = (run.path / "log.txt").read_text(encoding="utf-8")
    assert "Epochs: 34 in place of 3, since 84 training rows make few updates in an epoch for 2 labels.\n" in told
    three = RunConfig.parse({"model": {"backbone": "lstm"}, "training": {"epochs": 3}})
    exact = services.prepare(str(labelled), three, out=tmp_path / "exact")
    assert exact.config().training.epochs == 3
    assert "Epochs:" not in (exact.path / "log.txt").read_text(encoding="utf-8")


def test_settings_are_a_tree_a_recipe_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Prepared(Exception):
        pass

    def prepare(_: Services, __: object, config: RunConfig, **___: object) -> None:
        raise Prepared(config.training.epochs, config.model.trainable)

    monkeypatch.setattr(Services, "prepare", prepare)
    (tmp_path / "quick").write_text("training:\n  epochs: 7\n", encoding="utf-8")

    def asked(config: Any) -> tuple[Any, ...]:
        with pytest.raises(Prepared) as caught:
            fine_tune("a.csv", config=config)
        return caught.value.args

    assert asked(None) == asked({}) == ("3+", "full")
    assert asked("quick")[1] == "head"
    assert asked("best")[0] == "6+"
    assert asked(tmp_path / "quick") == asked(str(tmp_path / "quick")) == (7, "full")
    with pytest.raises(ConfigError, match="does not exist"):
        fine_tune("a.csv", config="quik.yaml")
    with pytest.raises(TypeError, match="Received: int"):
        fine_tune("a.csv", config=5)  # type: ignore[arg-type]


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
