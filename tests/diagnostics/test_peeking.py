"""How much the best of several models flatters, against a simulation; and which runs count."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from sft_keras.data.examples import Examples
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.parts.peeking import examine, expected_maximum, present
from sft_keras.runs.diagnosis import scored_on
from sft_keras.runs.directory import RunDirectory


@pytest.mark.parametrize("models", [1, 2, 5, 20])
def test_the_best_of_equal_models_leads_by_as_much_in_a_simulation(models):
    draws = np.random.default_rng(0).normal(size=(200_000, models)).max(axis=1)
    assert expected_maximum(models) == pytest.approx(draws.mean(), abs=0.01)


def test_a_simulated_choice_of_the_best_flatters_as_told(subject):
    rows = (["t"] * 400, ["a", "b"] * 200)
    run = subject({"train": rows, "test": rows})
    run.scored_before = 6
    answers = np.full((400, 2), 0.1)
    answers[np.arange(400), np.arange(400) % 2] = 0.9
    answers[:80] = answers[:80, ::-1]
    run.probabilities = lambda _: answers
    facts = examine(run)
    scores = np.random.default_rng(0).binomial(400, 0.8, size=(20_000, 7)) / 400
    assert facts["optimism"] == pytest.approx(scores.max(axis=1).mean() - 0.8, abs=0.001)
    for language in catalogue.languages:
        assert "7" in present(facts, catalogue(language))[0].text


def test_only_models_on_the_same_rows_count(copied_run, tmp_path):
    for name in ("same", "other"):
        shutil.copytree(copied_run.path, tmp_path / name)
    changed = tmp_path / "other" / "data" / "test.parquet"
    rows = Examples.from_parquet(changed)
    rows.take(range(len(rows) - 1)).to_parquet(changed)
    (tmp_path / "no run").mkdir()
    test = Examples.from_parquet(copied_run.data / "test.parquet")
    assert scored_on(RunDirectory(copied_run.path), test) == 1
    (tmp_path / "same" / "data" / "test.parquet").write_bytes(b"damaged")
    assert scored_on(RunDirectory(copied_run.path), test) == 0
