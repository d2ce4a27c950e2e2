"""From a file to a report and a bundle, through the command line and through Python."""

from __future__ import annotations

import csv
import json
import math
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sft_keras
from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.errors import ConfigError, SftError, TrainingError
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from tests.cli.commands import TINY_OPTIONS, Cli
from tests.conftest import TINY, merged, sentences, write_csv


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_run_from_file_to_bundle(sft: Cli, labelled: Path) -> None:
    options = ["--sup-term", "supcon", "--sup-weight", "0.1", "--class-weights", "balanced", "--seed", "7"]
    answer = sft("train", "--data", labelled, "--out", "run", *options, *TINY_OPTIONS, "--set", "training.epochs=3")
    assert answer.code == 0, answer.err
    run = RunDirectory.open(Path("run"))
    config = run.config()
    assert config.training.seed == 7
    assert config.training.epochs == 3
    assert config.objective.class_weights == "balanced"
    assert [(term.name, term.weight) for term in config.objective.terms] == [("supcon", 0.1)]
    status = run.status()
    assert (status.state, status.pid, status.epoch, status.epochs) == ("finished", 0, 3, 3)
    assert status.data == str(labelled)
    assert not run.checkpoints.exists()

    kept = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    epochs = [event for event in kept if event["event"] == "epoch"]
    assert [event["epoch"] for event in epochs] == [1, 2, 3]
    assert any(event["best"] for event in epochs)
    for event in epochs:
        assert {"loss", "task_loss", "sup_loss", "supcon_loss", "val_task_loss", "val_macro_f1"} <= set(event)
        assert event["loss"] == pytest.approx(event["task_loss"] + event["sup_loss"], rel=1e-3)
    shown = [event for event in answer.events if event["event"] == "epoch"]
    assert [event["loss"] for event in shown] == [event["loss"] for event in epochs]
    log = (run.path / "log.txt").read_text(encoding="utf-8")
    assert "Phase: training." in log

    report = read(run.report / "report.json")
    assert_report(report)
    assert report["seed"] == 7
    assert sum(report["rows"].values()) == 120
    assert read(run.bundle / "report.json") == report
    baseline = report["baselines"]["tfidf_logreg"]["metrics"]
    for name in ("accuracy", "macro_f1"):
        assert status.summary[name] == report["metrics"][name]["value"]
        assert status.summary[f"baseline_{name}"] == baseline[name]["value"]
    pictures = {path.name for path in run.report.glob("*.png")}
    assert {"confusion_matrix.png", "training_curves.png"} <= pictures
    for path in run.report.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    assert f"{report['metrics']['accuracy']['value']:.3f}" in answer.out
    assert report["verdict"] in " ".join(answer.out.split())
    assert not list(run.path.glob(".*"))


def assert_report(report: dict[str, Any]) -> None:
    """The contract of `report.json`."""
    metrics = report["metrics"]
    assert {"accuracy", "macro_f1", "weighted_f1", "log_loss", "ece"} <= set(metrics)
    for figure in metrics.values():
        assert set(figure) == {"value", "low", "high"}
    accuracy = metrics["accuracy"]
    assert 0 <= accuracy["low"] <= accuracy["value"] <= accuracy["high"] <= 1
    assert report["labels"] == ["bad", "good"]
    assert [row["label"] for row in report["per_class"]] == report["labels"]
    matrix = report["confusion_matrix"]
    assert sum(map(sum, matrix)) == report["rows"]["test"]
    assert accuracy["value"] == pytest.approx(sum(matrix[i][i] for i in range(2)) / report["rows"]["test"])
    for baseline in ("majority", "tfidf_logreg"):
        assert set(report["baselines"][baseline]["metrics"]["accuracy"]) == {"value", "low", "high"}
    assert set(report["rows"]) == {"train", "validation", "test"}
    assert {"training", "prediction"} <= set(report["seconds"])
    assert len(report["data_fingerprint"]) == 64
    assert report["versions"]["keras"]


def test_files_of_their_own_weights_and_labels_that_look_like_numbers(sft: Cli) -> None:
    """Labels "1" and "2" stay words; rows without a label are left out; each part comes from its file."""
    number = {"good": "1", "bad": "2"}

    def part(name: str, rows: int, seed: int) -> Path:
        lines = [(text, number[label], str(1 + i % 3)) for i, (text, label) in enumerate(sentences(rows, seed))]
        lines[1:1] = [("without a label", "", "1"), ("", "1", "1")]
        return write_csv(Path(name), lines, header=("text", "label", "weight"))

    train, validation, test = part("train.csv", 60, 0), part("validation.csv", 20, 1), part("test.csv", 30, 2)
    arguments = ["train", "--data", train, "--validation", validation, "--test", test, "--out", "run", *TINY_OPTIONS]
    weighted = ["--set", "data.weight_column=weight", "--set", 'objective.class_weights={"1": 2}']
    answer = sft(*arguments, *weighted)
    assert answer.code == 0, answer.err
    report = read(Path("run/report/report.json"))
    assert report["rows"] == {"train": 60, "validation": 20, "test": 30}
    assert report["labels"] == ["1", "2"]
    kept = Examples.from_parquet(Path("run/data/train.parquet"))
    assert kept.weights is not None
    assert kept.weights[:4].tolist() == [1, 2, 3, 1]
    assert read(Path("run/bundle/labels.json")) == ["1", "2"]
    notes = [event["message"] for event in answer.events if event["event"] == "log"]
    assert any("without a label were left out" in note for note in notes)
    stranger = write_csv(Path("strange.csv"), [*sentences(8), ("x", "3")])
    refused = sft("train", "--data", train, "--test", stranger, "--out", "other", *TINY_OPTIONS)
    assert refused.code == 2
    assert not Path("other").exists()


def test_a_full_disk_stops_the_training_and_it_goes_on(
    services: Services, train_run: Callable[..., RunResult], labelled: Path, tmp_path: Path
) -> None:
    settings = merged(TINY, {"model": {"backbone": "lstm"}, "evaluation": {"baselines": False}})
    unbroken = train_run(settings)
    run = services.prepare(str(labelled), RunConfig.parse(settings), out=tmp_path / "run")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, before[1]))  # the checkpoint does not fit any more
    try:
        with pytest.raises(TrainingError) as caught:
            services.start(run, exports=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "File too large" in caught.value.problem
    assert "resume" in caught.value.fix
    assert run.status().state == "failed"
    assert "File too large" in run.status().message
    resumed = services.start(RunDirectory.open(run.path), exports=False)
    assert resumed.report["metrics"] == unbroken.report["metrics"]


def test_a_full_disk_after_the_training_loses_nothing(services: Services, labelled: Path, tmp_path: Path) -> None:
    settings = merged(
        TINY,
        {"model": {"backbone": "lstm", "lstm_bigram_buckets": 0}},
        {"training": {"epochs": 1}, "evaluation": {"baselines": False}},
    )
    run = services.prepare(str(labelled), RunConfig.parse(settings), out=tmp_path / "run")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))  # no room for the pictures
    try:
        with pytest.raises(TrainingError, match="could not write") as caught:
            services.start(run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert f"sft-keras train --resume {run.path}" in caught.value.fix
    events = (run.path / "metrics.jsonl").read_text(encoding="utf-8")
    result = services.start(run)
    assert result.complete
    trained_again = (run.path / "metrics.jsonl").read_text(encoding="utf-8").removeprefix(events)
    assert '"event": "step"' not in trained_again


def test_a_full_disk_while_the_folder_is_made_leaves_nothing(
    services: Services, labelled: Path, tmp_path: Path
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, before[1]))  # enough for the settings, not for the rows
    try:
        with pytest.raises(ConfigError, match="cannot be made"):
            services.prepare(str(labelled), RunConfig.parse(TINY), out=tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_the_python_api(labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFT_DATA_DIR", str(tmp_path / "data_dir"))
    events: list[str] = []

    class Sink:
        def event(self, kind: str, **values: Any) -> None:
            events.append(kind)
            assert json.dumps(values)

    config = merged(
        TINY, {"model": {"backbone": "lstm"}, "training": {"epochs": 1}, "evaluation": {"baselines": False}}
    )
    result = sft_keras.fine_tune(labelled, out=tmp_path / "run", config=config, sink=Sink())
    assert result.complete
    assert result.report["rows"]["test"] > 0
    assert {"log", "start", "epoch"} <= set(events)
    predictions = sft_keras.load(tmp_path / "run").predict(["a great film", ""])
    assert predictions[0].label in ("good", "bad")
    assert math.isclose(sum(predictions[0].probabilities.values()), 1)
    assert predictions[1].label == ""
    with pytest.raises(ConfigError, match="exists already"):
        sft_keras.fine_tune(labelled, out=tmp_path / "run", config=config)
    wrong = merged(config, {"objective": {"class_weights": {"goood": 2}}})
    with pytest.raises(ConfigError, match="goood"):
        sft_keras.fine_tune(str(labelled), out=str(tmp_path / "wrong"), config=wrong)
    assert not (tmp_path / "wrong").exists()
    stopped = sft_keras.fine_tune(labelled, config=RunConfig.parse(config), should_stop=lambda: True)
    assert (stopped.complete, stopped.report, stopped.has_bundle) == (False, None, False)
    assert stopped.run.path.parent == tmp_path / "data_dir" / "runs"
    assert stopped.run.status().state == "cancelled"
    with pytest.raises(SftError):
        sft_keras.load(stopped.run.path)


def test_the_package_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        sft_keras.nonsense  # noqa: B018
    assert set(sft_keras.__all__) == {"SFTClassifier", "fine_tune", "load"}


def test_the_run_needs_its_file_no_more(services: Services, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "in.csv", sentences(60))
    config = RunConfig.parse(merged(TINY, {"model": {"backbone": "lstm"}, "evaluation": {"baselines": False}}))
    run = services.prepare(str(data), config, out=tmp_path / "run")
    data.unlink()
    shutil.move(run.path, tmp_path / "moved")
    assert services.start(RunDirectory.open(tmp_path / "moved"), exports=False).complete


def test_predictions_of_a_file_come_back_readable(services: Services, lstm_run: RunResult, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", [(text,) for text, _ in sentences(5)], header=("text",))
    assert services.predict_file(lstm_run.run.path, str(source), tmp_path / "out.csv") == 5
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["text", "prediction", "confidence"]
