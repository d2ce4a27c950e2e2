from __future__ import annotations

import time

import numpy as np
import pytest

from sft_keras.errors import DataError
from sft_keras.evaluation import bootstrap
from sft_keras.evaluation.bootstrap import (
    accuracy_difference,
    bootstrap_intervals,
    bootstrap_values,
    resampled_counts,
)
from sft_keras.evaluation.metrics import METRICS, classification_metrics


@pytest.mark.parametrize(("rows", "classes"), [(40, 2), (60, 4), (400, 77)])
def test_every_resample_has_the_values_of_scikit_learn_on_the_repeated_rows(predictions, rows, classes):
    labels, probabilities = predictions(rows, classes)
    values = bootstrap_values(labels, probabilities, samples=100, seed=3, bins=15)
    counts = np.concatenate(list(resampled_counts(rows, 100, 3)))
    for sample in range(0, 100, 10):
        drawn = np.repeat(np.arange(rows), counts[sample])
        expected = classification_metrics(labels[drawn], probabilities[drawn], bins=15)
        found = {name: values[name][sample] for name in METRICS}
        assert found == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_resamples_draw_as_many_rows_and_do_not_depend_on_the_parts(monkeypatch):
    whole = np.concatenate(list(resampled_counts(50, 30, 1)))
    assert (whole.sum(axis=1) == 50).all()
    monkeypatch.setattr(bootstrap, "_CELLS", 350)
    assert np.array_equal(np.concatenate(list(resampled_counts(50, 30, 1))), whole)


def test_the_seed_fixes_the_intervals(predictions):
    labels, probabilities = predictions(100, 3)
    first, same, other = (bootstrap_intervals(labels, probabilities, samples=200, seed=s, bins=10) for s in (1, 1, 2))
    assert first == same != other


def test_intervals_hold_the_value_and_are_about_as_wide_as_the_normal_approximation(predictions):
    labels, probabilities = predictions(1000, 2)
    values = classification_metrics(labels, probabilities, bins=15)
    intervals = bootstrap_intervals(labels, probabilities, samples=1000, seed=0, bins=15)
    for name in set(METRICS) - {"ece"}:
        low, high = intervals[name]
        assert low < values[name] < high
    share = values["accuracy"]
    low, high = intervals["accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * (share * (1 - share) / 1000) ** 0.5, rel=0.1)


def test_a_thousand_resamples_of_77_classes_take_seconds(predictions):
    labels, probabilities = predictions(3000, 77)
    start = time.process_time()
    intervals = bootstrap_intervals(labels, probabilities, samples=1000, seed=0, bins=15)
    assert time.process_time() - start < 12
    assert all(low is not None for low, _ in intervals.values())


def test_the_areas_are_left_out_where_they_would_take_too_long(predictions, monkeypatch):
    monkeypatch.setattr(bootstrap, "_RANKING_CELLS", 50 * 4 * 150)
    few = bootstrap_values(*predictions(50, 4), samples=300, seed=0, bins=5)
    assert (len(few["roc_auc"]), len(few["accuracy"])) == (150, 300)
    intervals = bootstrap_intervals(*predictions(80, 4), samples=300, seed=0, bins=5)
    assert intervals["roc_auc"] == intervals["pr_auc"] == (None, None)
    assert None not in intervals["accuracy"]


def test_a_class_missing_from_the_labels_leaves_the_areas_without_interval():
    intervals = bootstrap_intervals([0, 1, 0], np.full((3, 3), 1 / 3), samples=100, seed=0, bins=5)
    assert intervals["roc_auc"] == (None, None)
    assert None not in intervals["macro_f1"]


@pytest.mark.parametrize(
    ("rows", "right", "expected"),
    [(10, True, (0.7225, 1.0)), (10, False, (0.0, 0.2775)), (100, True, (0.9630, 1.0)), (2, True, (0.3424, 1.0))],
)
def test_all_right_or_all_wrong_has_wilsons_interval_of_the_accuracy(rows, right, expected):
    # All right, the lower end is n / (n + z²), z = 1.96; the bootstrap said [1, 1] of ten rows.
    labels = np.arange(rows) % 2
    answers = np.eye(2)[labels if right else 1 - labels]
    intervals = bootstrap_intervals(labels, answers, samples=100, seed=0, bins=5)
    assert intervals["accuracy"] == pytest.approx(expected, abs=5e-5)
    assert intervals["weighted_f1"][0] == intervals["weighted_f1"][1] == float(right)
    labels[0] = 1 - labels[0]
    mixed = bootstrap_intervals(labels, answers, samples=100, seed=0, bins=5)
    values = bootstrap_values(labels, answers, samples=100, seed=0, bins=5)
    assert mixed["accuracy"] == tuple(np.percentile(values["accuracy"], [2.5, 97.5]))


def test_one_row_has_no_intervals():
    assert set(bootstrap_intervals([0], [[0.9, 0.1]], samples=100, seed=0, bins=5).values()) == {(None, None)}


def test_no_rows_are_a_data_error():
    with pytest.raises(DataError, match="no rows"):
        bootstrap_intervals([], np.empty((0, 2)), samples=100, seed=0, bins=5)


def test_the_paired_difference_equals_drawing_rows():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 500)
    ours = np.where(generator.random(500) < 0.9, labels, (labels + 1) % 3)
    theirs = np.where(generator.random(500) < 0.8, labels, (labels + 1) % 3)
    found = accuracy_difference(labels, ours, theirs, samples=5000, seed=0)
    gains = (ours == labels).astype(int) - (theirs == labels)
    drawn = np.concatenate(list(resampled_counts(500, 5000, 1))) @ gains / 500
    assert found.value == pytest.approx(gains.mean())
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.005)
    assert (found.discordant, found.rows) == (np.abs(gains).sum(), 500)


def test_the_paired_difference_of_one_row_has_no_interval():
    found = accuracy_difference([0], [0], [1], samples=100, seed=0)
    assert (found.value, found.low, found.high) == (1.0, None, None)
