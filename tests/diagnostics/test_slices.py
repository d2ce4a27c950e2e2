"""Slices: a planted weakness is found, chance is not, and the figures are those of SciPy computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from sft_keras.diagnostics.base import NotApplicable
from sft_keras.diagnostics.blocks import Table
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.parts.slices import examine, judged, length_slices, present, script_slices


def made(subject, wrong_on: str | None):
    """Rows of two shops; the answers for one of them are wrong half of the time."""
    rng = np.random.default_rng(0)
    shops = [("north", "south")[i % 2] for i in range(200)]
    labels = [("a", "b")[int(x)] for x in rng.integers(0, 2, 200)]
    texts = [f"{label} {i}" for i, label in enumerate(labels)]

    def answer(text: str) -> int:
        truth, number = text.split()
        right = shops[int(number)] != wrong_on or int(number) % 4 < 2
        return int((truth == "b") == right)

    return subject({"train": (texts, labels), "test": (texts, labels)}, answer=answer, groups={"test": {"shop": shops}})


def test_a_planted_weakness_comes_first_and_is_told(subject):
    facts = examine(made(subject, "south"))
    worst = facts["slices"][0]
    assert (worst["by"], worst["value"], worst["rows"]) == ("column:shop", "south", 100)
    assert worst["accuracy"] == 0.5
    assert worst["difference"] == -0.5
    assert worst["q_value"] < 1e-6
    for language in catalogue.languages:
        blocks = present(facts, catalogue(language))
        assert "south" in blocks[0].text
        assert blocks[0].kind == "warn"
        assert all(block.private for block in blocks if isinstance(block, Table))


def test_an_even_model_is_called_even(subject):
    facts = examine(made(subject, None))
    assert facts["accuracy"] == 1
    assert present(facts, catalogue("en"))[0].kind == "good"


def test_figures_are_those_computed_by_hand():
    rng = np.random.default_rng(3)
    hits = rng.random(120) < 0.7
    slices = {("column:x", str(k)): np.arange(120) % 4 == k for k in range(4)}
    found = {each["value"]: each for each in judged(hits, slices)}
    p_values = {}
    for (_, value), chosen in slices.items():
        table = [[hits[chosen].sum(), (~hits[chosen]).sum()], [hits[~chosen].sum(), (~hits[~chosen]).sum()]]
        p_values[value] = fisher_exact(table).pvalue
        assert found[value]["p_value"] == pytest.approx(p_values[value])
        assert found[value]["difference"] == pytest.approx(hits[chosen].mean() - hits[~chosen].mean())
    # Benjamini and Hochberg: the smallest of p·n/rank over all ranks from its own on.
    ordered = sorted(p_values, key=p_values.get)
    for rank, value in enumerate(ordered, start=1):
        expected = min(p_values[later] * 4 / place for place, later in enumerate(ordered[rank - 1 :], start=rank))
        assert found[value]["q_value"] == pytest.approx(min(1, expected))


def test_even_slices_are_rarely_called_worse():
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(100):
        hits = rng.random(300) < 0.8
        group = rng.integers(0, 10, 300)
        found = judged(hits, {("column:x", str(k)): group == k for k in range(10)})
        alarms += any(each["q_value"] < 0.05 for each in found)
    assert alarms <= 12


def test_slices_by_length_cover_every_row_once():
    texts = ["x" * (i % 37 + 1) for i in range(200)]
    found = length_slices(texts)
    assert len(found) == 4
    assert sum(chosen.astype(int) for chosen in found.values()).tolist() == [1] * 200
    assert length_slices(["same"] * 50) == {}


def test_scripts_are_told_apart():
    found = script_slices(["hello there", "味道很好", "привет мир", "good"])
    assert {value for _, value in found} == {"latin", "unspaced", "other"}
    assert script_slices(["one", "two"]) == {}


def test_small_slices_are_left_out(subject):
    tiny = subject({"train": (["a", "b"], ["x", "y"]), "test": (["a"] * 5, ["x"] * 5)})
    with pytest.raises(NotApplicable):
        examine(tiny)
