"""The learning curve: the law that was planted is found, and what cannot be told is not told."""

from __future__ import annotations

import numpy as np
import pytest

from sft_keras.diagnostics.base import NotApplicable
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.draws import stratified_rows
from sft_keras.diagnostics.parts.learning_curve import examine, extrapolate, more_rows, power_law, present

ROWS = [120.0, 250.0, 500.0, 1000.0]


def drawn(errors, draws: int, tested: int, seed: int) -> tuple[list[float], np.ndarray]:
    """Trainings with these errors on the same test rows, each of which is as hard for all of them."""
    hardness = np.random.default_rng(seed).random(tested)
    flips = np.random.default_rng(seed + 1).random((len(errors) * draws, tested)) * 0.02
    sizes = [rows for rows in ROWS for _ in range(draws)]
    return sizes, np.array([hardness >= error for error in errors for _ in range(draws)]) & (flips < 0.0199)


def test_a_planted_power_law_is_extrapolated():
    errors = power_law(np.array(ROWS) / 1000, 0.05, 0.1, 0.6)
    sizes = [rows for rows in ROWS for _ in range(5)]
    hits = np.array([np.arange(5000) >= round(5000 * error) for error in errors for _ in range(5)])
    for each in extrapolate(sizes, hits, seed=0):
        expected = 1 - float(power_law(np.array(each["rows"] / 1000), 0.05, 0.1, 0.6))
        assert each["accuracy"] == pytest.approx(expected, abs=0.003)
        assert each["low"] <= expected <= each["high"]
    assert [each["rows"] for each in extrapolate(sizes, hits, seed=0)] == [2000, 4000]


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    errors = power_law(np.array(ROWS) / 1000, 0.08, 0.08, 0.5)
    expected = 1 - float(power_law(np.array(2.0), 0.08, 0.08, 0.5))
    covered = 0
    for seed in range(12):
        found = extrapolate(*drawn(errors, 5, 500, seed), seed=seed)
        covered += not found or found[0]["low"] <= expected <= found[0]["high"]
    assert covered >= 9


def test_what_is_too_uneven_is_not_extrapolated():
    hits = np.array([np.arange(20) < 20 * share for share in (0.5, 0.9, 0.4, 0.6)])
    assert extrapolate(ROWS, hits, seed=0) == []


def test_more_rows_go_on_as_the_last_doubling_did():
    assert more_rows(100, 0.05) == 100  # one doubling
    assert more_rows(100, 0.10) == 50  # half a doubling: 100 · (√2 - 1), up to tens
    assert more_rows(3, 0.5) == 10


def test_every_class_keeps_its_share_and_at_least_one_row():
    labels = np.repeat([0, 1, 2], [900, 99, 1])
    found = np.bincount(labels[stratified_rows(labels, 100, np.random.default_rng(0))], minlength=3)
    assert found[2] == 1
    assert found[0] == 90
    assert 9 <= found[1] <= 10


def planted(subject, noisy: float):
    """Two classes that features tell apart, one of them the better the more rows there are."""
    rng = np.random.default_rng(1)

    def part(rows):
        labels = np.arange(rows) % 3
        vectors = rng.normal(size=(rows, 40)) * noisy
        vectors[np.arange(rows), labels] += 2
        return (["t"] * rows, [f"class {n}" for n in labels]), vectors

    parts, quick = {}, {}
    for name, rows in (("train", 600), ("test", 300)):
        parts[name], quick[name] = part(rows)
    return subject(parts, quick=quick)


def test_the_curve_rises_where_more_rows_help(subject):
    facts = examine(planted(subject, 1.0))
    scores = [step["accuracy"] for step in facts["steps"]]
    assert scores[0] < scores[-1]
    assert [step["rows"] for step in facts["steps"]] == pytest.approx([72, 150, 300, 600], abs=2)
    for language in catalogue.languages:
        assert present(facts, catalogue(language))


def test_few_rows_are_told(subject):
    few = subject({"train": (["a"] * 20, ["x", "y"] * 10), "test": (["a"] * 4, ["x", "y"] * 2)})
    with pytest.raises(NotApplicable):
        examine(few)
