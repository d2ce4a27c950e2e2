from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from sft_keras.config import EvaluationConfig, RunConfig
from sft_keras.errors import DataError
from sft_keras.evaluation.bootstrap import Difference
from sft_keras.evaluation.metrics import METRICS
from sft_keras.evaluation.report import build_report, evaluate_only
from sft_keras.evaluation.report_files import write_report
from sft_keras.evaluation.wording import compare_verdict

NAMES = ["体育", "财经"]
TEXTS = ["球队 赢了 比赛", "股票 大跌"]
KEYS = {
    "format_version",
    "verdict",
    "metrics",
    "baselines",
    "comparison",
    "labels",
    "per_class",
    "confusion_matrix",
    "calibration",
    "rows",
    "seconds",
    "seed",
    "data_fingerprint",
    "backbone",
    "versions",
    "notes",
    "history",
    "lambda_search",
    "layer_search",
    "temperature",
    "control",
    "calibration_before",
}


def report(right: float = 1.0, rows: int = 200, *, helpful: bool = True, **config):
    """A report on a model that is right so often; `helpful` texts let TF-IDF be always right."""
    generator = np.random.default_rng(0)
    labels = np.arange(rows) % 2
    answers = np.where(generator.random(rows) < right, labels, 1 - labels)
    texts = [TEXTS[i] for i in labels] if helpful else ["一样 的 文字"] * rows
    return build_report(
        labels=labels,
        probabilities=np.eye(2)[answers] * 0.8 + 0.1,
        names=NAMES,
        train_texts=texts,
        train_labels=labels,
        test_texts=texts,
        config=EvaluationConfig(bootstrap_samples=200, **config),
        seed=0,
        rows={"train": rows, "validation": 0, "test": rows},
        seconds={"training": np.float32(2.5), "evaluation": float("nan")},
        data_fingerprint="abc",
        backbone="bert_tiny_en_uncased",
        versions={"keras": "3.15.0"},
        notes=("A note.",),
        history=({"epoch": 1, "loss": 0.5},),
    )


def test_the_report_keeps_its_contract():
    content = report().to_dict()
    assert set(content) == KEYS
    assert content["format_version"] == 1
    assert tuple(content["metrics"]) == METRICS
    assert set(content["metrics"]["macro_f1"]) == {"value", "low", "high"}
    assert set(content["baselines"]) == {"majority", "tfidf_logreg"}
    for baseline in content["baselines"].values():
        assert set(baseline) == {"metrics", "seconds"}
        assert set(baseline["metrics"]) == set(METRICS)
    assert set(content["comparison"]) == {"baseline", "metric", "difference", "low", "high", "discordant"}
    assert set(content["per_class"][0]) == {"label", "precision", "recall", "f1", "support"}
    assert set(content["calibration"][0]) == {"low", "high", "confidence", "accuracy", "count"}
    assert content["labels"] == NAMES
    assert content["seconds"] == {"training": 2.5, "evaluation": None}
    assert content["notes"] == ["A note."]
    assert content["history"] == [{"epoch": 1, "loss": 0.5}]
    json.dumps(content, allow_nan=False)


def test_the_same_input_gives_the_same_report_but_for_the_times():
    first, second = report(0.8).to_dict(), report(0.8).to_dict()
    for content in (first, second):
        for baseline in content["baselines"].values():
            assert baseline.pop("seconds") >= 0
    assert first == second


def test_the_verdict_for_fine_tuning():
    content = report(helpful=False).to_dict()
    assert content["comparison"]["low"] > 0
    assert content["verdict"].startswith(
        "The model is 50.0 points more accurate than TF-IDF + logistic regression (95%"
    )


def test_the_verdict_for_the_baseline():
    content = report(0.8).to_dict()
    assert content["comparison"]["high"] < 0
    assert content["verdict"].startswith("TF-IDF + logistic regression is ")
    assert "points more accurate than the model" in content["verdict"]


def test_no_clear_difference_where_both_are_right():
    content = report().to_dict()
    assert content["comparison"]["difference"] == 0
    assert content["verdict"].startswith("No clear difference")


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (Difference(0.079, 0.059, 0.098, 300, 3000), "is 7.9 points more accurate than X (95% interval 5.9 to 9.8)."),
        (Difference(0.01, -0.002, 0.02, 300, 3000), "and X: +1.0 points (95% interval -0.2 to 2.0)."),
        (Difference(-0.05, -0.08, -0.01, 90, 900), "X is 5.0 points more accurate than the model (95% interval 1.0"),
        (Difference(0.0103, 0.0001, 0.02, 300, 9000), "is 1.0 points more accurate than X (95% interval 0.01 to 2.0)"),
        (Difference(0.2, 0.05, 0.4, 4, 20), "only one of the two is right on 4 of 20 test rows, too few to tell."),
        (Difference(1.0, None, None, 1, 1), "only one of the two is right on 1 of 1 test row, too few to tell."),
    ],
)
def test_the_verdict_says_only_what_the_interval_holds(difference, expected):
    assert expected in compare_verdict(difference, baseline="X")


def test_without_baselines_the_verdict_is_the_accuracy():
    content = report(0.8, baselines=False).to_dict()
    assert content["baselines"] == {}
    assert content["comparison"] is None
    assert content["verdict"].startswith("The model is right on ")


def test_one_test_row_and_a_missing_label_are_noted():
    content = evaluate_only(
        labels=[0],
        probabilities=[[0.9, 0.1]],
        names=NAMES,
        config=EvaluationConfig(),
        seed=0,
        data_fingerprint="abc",
        backbone="lstm",
        versions={},
    ).to_dict()
    assert set(content) == KEYS
    assert content["rows"] == {"test": 1}
    assert content["verdict"] == "The model is right on 100.0% of the test rows."
    assert content["notes"][0] == "There is only 1 test row: the figures and their intervals are rough."
    assert '1 of 2 ("财经")' in content["notes"][1]


def test_texts_and_labels_of_different_length_are_a_data_error():
    with pytest.raises(DataError, match="one label a text"):
        build_report(
            labels=[0, 1],
            probabilities=np.eye(2),
            names=NAMES,
            train_texts=TEXTS,
            train_labels=[0, 1],
            test_texts=TEXTS[:1],
            config=EvaluationConfig(),
            seed=0,
            rows={},
            seconds={},
            data_fingerprint="",
            backbone="",
            versions={},
        )


def test_the_folder_holds_the_json_and_the_pictures_and_no_leftovers(tmp_path):
    made = report(0.9)
    for _ in range(2):
        write_report(made, tmp_path / "report", config=RunConfig(), data="<新闻>")
    assert sorted(p.name for p in (tmp_path / "report").iterdir()) == [
        "confusion_matrix.png",
        "reliability.png",
        "report.html",
        "report.json",
        "scores.png",
        "training_curves.png",
    ]
    text = (tmp_path / "report" / "report.json").read_text(encoding="utf-8")
    assert "体育" in text
    assert json.loads(text) == made.to_dict()
    assert "&lt;新闻&gt;" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_the_layer_loads_without_keras_and_without_matplotlib():
    code = (
        "import sys, sft_keras.evaluation.report as r; "
        "print([m for m in ('keras', 'tensorflow', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
