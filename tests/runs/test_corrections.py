"""A training with corrections has the test rows of the one without, whichever way it is started."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sft_keras.config import RunConfig
from sft_keras.errors import DataError
from sft_keras.runs.prepare import load_splits
from tests.conftest import TINY, merged, sentences, write_csv

SETTINGS = RunConfig.parse(merged(TINY, {"model": {"backbone": "lstm"}, "training": {"epochs": 1, "seed": 7}}))


@pytest.fixture(scope="module")
def slipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A file in which every tenth label is wrong, and the corrections."""
    folder = tmp_path_factory.mktemp("slipped")
    rows = sentences(120)
    other = {"good": "bad", "bad": "good"}
    wrong = [(text, other[label]) if i % 10 == 0 else (text, label) for i, (text, label) in enumerate(rows)]
    fixes = [(text, other[label], label) for i, (text, label) in enumerate(rows) if i % 10 == 0]
    fixes[3] = (*fixes[3][:2], "")
    fixes.append(("no such text", "good", "bad"))
    data = write_csv(folder / "slipped.csv", wrong)
    with (folder / "fixes.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([("text", "label", "new_label"), *fixes])
    return data, folder / "fixes.csv"


def test_a_corrected_training_is_scored_on_the_same_rows(services, slipped, tmp_path):
    data, fixes = slipped
    plain = services.prepare(str(data), SETTINGS, out=tmp_path / "plain")
    corrected = services.prepare(str(data), SETTINGS, out=tmp_path / "corrected", corrections=fixes)
    before, after = load_splits(plain), load_splits(corrected)
    assert after.test.fingerprint() == before.test.fingerprint()
    assert after.test.rows.tolist() == before.test.rows.tolist()
    named = dict(sentences(120))
    assert any(named[text] != label for text, label in zip(before.train.texts, before.train.labels, strict=True))
    assert all(named[text] == label for text, label in zip(after.train.texts, after.train.labels, strict=True))
    assert all(
        named[text] == label for text, label in zip(after.validation.texts, after.validation.labels, strict=True)
    )
    told = (corrected.path / "log.txt").read_text(encoding="utf-8")
    assert "1 correction(s) match no row" in told
    result = services.start(corrected, exports=False)
    assert result.complete
    assert any("Corrections:" in note for note in result.report["notes"])


def test_without_corrections_that_change_anything_nothing_changes(services, slipped, tmp_path):
    data, _ = slipped
    empty = write_csv(tmp_path / "none.csv", [("no such text", "good", "bad")], header=("text", "label", "new_label"))
    plain = services.prepare(str(data), SETTINGS, out=tmp_path / "plain")
    same = services.prepare(str(data), SETTINGS, out=tmp_path / "same", corrections=empty)
    for name, part in load_splits(plain).parts.items():
        assert load_splits(same).parts[name].fingerprint() == part.fingerprint()


def test_corrections_that_take_a_class_away_leave_no_run_behind(services, tmp_path):
    rows = sentences(40)
    data = write_csv(tmp_path / "data.csv", rows)
    fixes = [(text, label, "bad") for text, label in rows if label == "good"]
    file = write_csv(tmp_path / "fixes.csv", fixes, header=("text", "label", "new_label"))
    with pytest.raises(DataError, match='without a training row: "good"'):
        services.prepare(str(data), SETTINGS, out=tmp_path / "run", corrections=file)
    assert not (tmp_path / "run").exists()
