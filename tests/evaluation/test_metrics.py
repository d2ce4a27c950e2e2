from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.preprocessing import label_binarize

from sft_keras.errors import DataError, TrainingError
from sft_keras.evaluation.metrics import (
    METRICS,
    calibration_bins,
    check_rows,
    classification_metrics,
    expected_calibration_error,
    per_class,
)


def slow_ece(labels, probabilities, bins):
    total = 0.0
    for m in range(bins):
        inside = [
            i for i, row in enumerate(probabilities) if m / bins < max(row) <= (m + 1) / bins or (m == 0 == max(row))
        ]
        if inside:
            accuracy = sum(np.argmax(probabilities[i]) == labels[i] for i in inside) / len(inside)
            confidence = sum(max(probabilities[i]) for i in inside) / len(inside)
            total += len(inside) / len(labels) * abs(accuracy - confidence)
    return total


@pytest.mark.parametrize("classes", [2, 3, 77])
def test_the_values_are_those_of_scikit_learn(predictions, classes):
    labels, probabilities = predictions(600, classes)
    values = classification_metrics(labels, probabilities, bins=15)
    answers = probabilities.argmax(axis=1)
    columns = probabilities[:, 1] if classes == 2 else probabilities
    onehot = labels if classes == 2 else label_binarize(labels, classes=range(classes))
    expected = {
        "accuracy": sk.accuracy_score(labels, answers),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, answers),
        "macro_f1": sk.f1_score(labels, answers, average="macro"),
        "weighted_f1": sk.f1_score(labels, answers, average="weighted"),
        "roc_auc": sk.roc_auc_score(onehot, columns, average="macro"),
        "pr_auc": sk.average_precision_score(onehot, columns, average="macro"),
        "log_loss": sk.log_loss(labels, probabilities),
        "ece": slow_ece(labels, probabilities, 15),
        "brier": np.mean((columns - onehot) ** 2) * (1 if classes == 2 else classes),
    }
    assert tuple(values) == METRICS
    assert values == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("bins", [2, 7, 15, 100])
def test_calibration_error_equals_the_slow_loop(predictions, bins):
    labels, probabilities = predictions(300, 4)
    assert expected_calibration_error(labels, probabilities, bins) == pytest.approx(
        slow_ece(labels, probabilities, bins)
    )


def test_a_confidence_on_an_edge_belongs_to_the_lower_bin():
    parts = calibration_bins([0, 0], [[0.5, 0.5], [1.0, 0.0]], 2)
    assert [part.count for part in parts] == [1, 1]
    assert (parts[0].confidence, parts[0].accuracy) == (0.5, 1.0)


def test_an_empty_bin_has_no_means():
    first, *_ = calibration_bins([0], [[1.0, 0.0]], 3)
    assert first.to_dict() == {"low": 0.0, "high": 1 / 3, "confidence": None, "accuracy": None, "count": 0}


@pytest.mark.parametrize("classes", [2, 5])
def test_perfect_and_worst_predictions(classes):
    labels = np.arange(40) % classes
    right = np.eye(classes)[labels]
    best = classification_metrics(labels, right, bins=10)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "roc_auc", "pr_auc"):
        assert best[name] == 1.0
    for name in ("log_loss", "ece", "brier"):
        assert best[name] == pytest.approx(0.0, abs=1e-12)
    worst = classification_metrics(labels, np.roll(right, 1, axis=1), bins=10)
    assert worst["accuracy"] == worst["macro_f1"] == 0.0
    assert worst["ece"] == 1.0
    assert worst["log_loss"] > 30
    assert worst["brier"] == (1.0 if classes == 2 else 2.0)


def test_a_class_missing_from_the_labels_leaves_the_areas_undefined():
    values = classification_metrics([0, 1, 0], [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.7, 0.2, 0.1]], bins=5)
    assert math.isnan(values["roc_auc"])
    assert math.isnan(values["pr_auc"])
    assert values["balanced_accuracy"] == 1.0
    assert values["macro_f1"] == pytest.approx(2 / 3)


def test_one_row():
    values = classification_metrics([1], [[0.25, 0.75]], bins=15)
    assert values["accuracy"] == 1.0
    assert values["ece"] == pytest.approx(0.25)


def test_single_precision_probabilities_give_the_same_values(predictions):
    labels, probabilities = predictions(200, 3)
    half = classification_metrics(labels, probabilities.astype(np.float32), bins=10)
    assert half == pytest.approx(classification_metrics(labels, probabilities, bins=10), abs=1e-3)


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [
        ([], np.empty((0, 2))),
        ([0, 1], [[0.5, 0.5]]),
        ([0], [[1.0]]),
        ([0], [0.5, 0.5]),
        ([2], [[0.5, 0.5]]),
        ([-1], [[0.5, 0.5]]),
        ([0.5], [[0.5, 0.5]]),
    ],
)
def test_rows_that_cannot_be_evaluated_are_a_data_error(labels, probabilities):
    with pytest.raises(DataError):
        check_rows(labels, probabilities)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.1])
def test_probabilities_of_a_diverged_model_are_a_training_error(bad):
    with pytest.raises(TrainingError, match="probabilities"):
        check_rows([0], [[bad, 0.5]])


def test_per_class_names_every_class_with_plain_numbers():
    found = [each.to_dict() for each in per_class(np.array([0, 0, 1]), np.array([0, 1, 1]), ["体育", "b", "never"])]
    assert found[0] == {"label": "体育", "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2}
    assert found[2] == {"label": "never", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
