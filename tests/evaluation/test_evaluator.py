from __future__ import annotations

import json

import numpy as np
import pytest

from sft_keras.config import EvaluationConfig
from sft_keras.errors import DataError
from sft_keras.evaluation.evaluator import Metric, evaluate_predictions

CONFIG = EvaluationConfig(bootstrap_samples=100, calibration_bins=10)


@pytest.mark.parametrize("classes", [2, 77])
def test_scores_hold_every_part(predictions, classes):
    labels, probabilities = predictions(300, classes)
    scores = evaluate_predictions(labels, probabilities, [f"c{i}" for i in range(classes)], CONFIG, 0)
    matrix = np.array(scores.confusion_matrix)
    assert matrix.shape == (classes, classes)
    assert matrix.trace() / matrix.sum() == pytest.approx(scores.metrics["accuracy"].value)
    assert matrix.sum(axis=1).tolist() == [each.support for each in scores.per_class]
    assert len(scores.calibration) == 10
    assert sum(part.count for part in scores.calibration) == 300


def test_rows_of_the_confusion_matrix_are_the_true_classes():
    scores = evaluate_predictions([0, 0, 1], [[0.1, 0.9], [0.9, 0.1], [0.2, 0.8]], ["a", "b"], CONFIG, 0)
    assert scores.confusion_matrix == [[1, 1], [0, 1]]


def test_an_undefined_figure_is_none_and_the_scores_are_json():
    scores = evaluate_predictions([0], [[0.9, 0.1]], ["a", "b"], CONFIG, 0)
    assert scores.metrics["roc_auc"] == Metric(None, None, None)
    assert scores.metrics["accuracy"] == Metric(1.0, None, None)
    json.dumps(scores.to_dict(), allow_nan=False)


def test_a_name_too_few_is_a_data_error():
    with pytest.raises(DataError, match="one name a class"):
        evaluate_predictions([0], [[0.9, 0.1]], ["a"], CONFIG, 0)
