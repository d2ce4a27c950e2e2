"""The page is made again from a run or a bundle, with texts only from a run and only if asked for."""

from __future__ import annotations

import html
import json
from pathlib import Path

import numpy as np
import pytest

from sft_keras.artifacts.bundle import read_bundle
from sft_keras.data.examples import Examples
from sft_keras.errors import ArtifactError, ConfigError
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.reports import data_title, load_mistakes, load_predictions, report_page, save_predictions
from sft_keras.runs.worker import RunResult
from tests.conftest import rehash


def test_a_finished_run_has_the_page_and_it_can_be_made_again(lstm_run: RunResult) -> None:
    run = lstm_run.run
    written = (run.report / "report.html").read_text(encoding="utf-8")
    assert report_page(run.path) == written
    assert "<h1><bdi>labelled</bdi></h1>" in written
    assert len(lstm_run.report["history"]) == 3
    assert "How the training went" in written
    bundle = report_page(run.bundle, language="zh")
    assert bundle.index("训练过程") < bundle.index("How the training went")
    assert "训练于" not in bundle


def test_no_text_of_the_data_leaves_the_run_unasked(copied_run: RunDirectory) -> None:
    texts = Examples.from_parquet(copied_run.data / "test.parquet").texts
    shown = {"text": texts[0], "label": "good", "predicted": "bad", "confidence": 0.75}
    (copied_run.data / "mistakes.json").write_text(json.dumps([shown]), encoding="utf-8")
    for folder in (copied_run.report, copied_run.bundle):
        for file in folder.rglob("*.*"):
            if file.suffix in (".html", ".json", ".md", ".yaml"):
                content = html.unescape(file.read_text(encoding="utf-8"))
                assert not [text for text in texts if text in content]
    assert texts[0] not in report_page(copied_run.path)
    assert texts[0] in report_page(copied_run.path, texts=True)
    with pytest.raises(ArtifactError, match="holds no texts"):
        report_page(copied_run.bundle, texts=True)


def test_the_mistakes_are_those_of_the_confusion_matrix(lstm_run: RunResult) -> None:
    mistakes = load_mistakes(lstm_run.run)
    matrix = lstm_run.report["confusion_matrix"]
    assert len(mistakes) == min(20, matrix[0][1] + matrix[1][0])
    assert all(each.label != each.predicted for each in mistakes)


def test_the_test_predictions_give_the_confusion_matrix_again(lstm_run: RunResult) -> None:
    kept = load_predictions(lstm_run.run)
    test = Examples.from_parquet(lstm_run.run.data / "test.parquet")
    assert kept.names == ("bad", "good")
    assert kept.probabilities.shape == (len(test), 2)
    matrix = np.zeros((2, 2), dtype=int)
    for truth, row in zip(test.labels, kept.probabilities, strict=True):
        matrix[kept.names.index(truth), row.argmax()] += 1
    assert matrix.tolist() == lstm_run.report["confusion_matrix"]


def test_test_predictions_keep_any_name_and_damage_is_told(copied_run: RunDirectory) -> None:
    names = ("好评\0", "[1]", "", " a")
    save_predictions(copied_run, names, np.full((3, 4), 0.25))
    kept = load_predictions(copied_run)
    assert kept.names == names
    assert kept.probabilities.dtype == np.float32
    file = copied_run.data / "predictions.npz"
    whole = file.read_bytes()
    for spoilt in (b"", b"rubbish", whole[: len(whole) // 2]):
        file.write_bytes(spoilt)
        with pytest.raises(ArtifactError, match=r"predictions\.npz cannot be read"):
            load_predictions(copied_run)


@pytest.mark.parametrize("content", ["rubbish", "[1]", '[{"text": "x"}]', "{}x"])
def test_damaged_mistakes_are_told(copied_run: RunDirectory, content: str) -> None:
    (copied_run.data / "mistakes.json").write_text(content, encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"mistakes\.json cannot be read"):
        report_page(copied_run.path, texts=True)


def test_a_run_or_bundle_without_a_report_says_how_to_get_one(copied_run: RunDirectory) -> None:
    report = copied_run.report / "report.json"
    report.write_text("{", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"report\.json cannot be read"):
        report_page(copied_run.path)
    report.write_text("{}", encoding="utf-8")
    with pytest.raises(ArtifactError, match="cannot be shown"):
        report_page(copied_run.path)
    report.unlink()
    with pytest.raises(ArtifactError, match="no test part"):
        report_page(copied_run.path)
    copied_run.update(state="interrupted")
    with pytest.raises(ArtifactError, match="no report yet") as error:
        report_page(copied_run.path)
    assert "--resume" in error.value.fix
    (copied_run.bundle / "report.json").unlink()
    rehash_without_report(copied_run.bundle)
    with pytest.raises(ArtifactError, match="bundle has no report"):
        report_page(copied_run.bundle)
    with pytest.raises(ArtifactError, match="no bundle"):
        report_page(copied_run.path / "nowhere")


def rehash_without_report(bundle: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    del manifest["files"]["report.json"]
    (bundle / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_a_bundle_of_an_older_version_has_a_page_without_curves(copied_run: RunDirectory) -> None:
    file = copied_run.bundle / "report.json"
    report = json.loads(file.read_text(encoding="utf-8"))
    del report["history"], report["comparison"]["discordant"]
    file.write_text(json.dumps(report), encoding="utf-8")
    rehash(copied_run.bundle)
    page = report_page(copied_run.bundle, language="en")
    assert "How the training went" not in page
    assert read_bundle(copied_run.bundle).report["verdict"] == report["verdict"]


def test_an_unknown_language_is_refused(lstm_run: RunResult) -> None:
    with pytest.raises(ConfigError, match='"tlh"'):
        report_page(lstm_run.run.path, language="tlh")


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ("sample:movie-reviews", "movie-reviews"),
        ("/somewhere/private/评论.csv", "评论"),
        (r"C:\\Users\\me\\texts.xlsx", "texts"),
        ("", ""),
    ],
)
def test_the_data_are_called_by_their_name_only(data: str, title: str) -> None:
    assert data_title(data) == title
