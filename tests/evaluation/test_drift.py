"""Drift: silent on texts of the same kind, loud on others, and its numbers are those of SciPy."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy.stats import ks_2samp

from sft_keras.evaluation.catalogue import LANGUAGES, catalogue
from sft_keras.evaluation.drift import Drift, Reference, Watch, drift_sentence, hashed, reference_of, words_of

NAMES = ("bad", "good")
COMMON = [f"word{i}" for i in range(60)]
RARE = [f"rare{i}" for i in range(4000)]


def texts(rows: int, draw: random.Random, *, longest: int = 20) -> list[str]:
    """Texts of a few frequent words and many rare ones, of all lengths."""
    return [
        " ".join(draw.choice(RARE) if draw.random() < 0.1 else draw.choice(COMMON) for _ in range(size))
        for size in (draw.randint(3, longest) for _ in range(rows))
    ]


def answers(of: list[str]) -> np.ndarray:
    """A cheap model: what it says of a text follows from the text."""
    shares = np.array([np.random.default_rng(len(text) * 7 + hash_of(text)).random() for text in of])
    return np.stack([1 - shares, shares], axis=1)


def hash_of(text: str) -> int:
    return int(hashed([text])[0])


def watched(reference: Reference, of: list[str], probabilities: np.ndarray | None = None) -> Drift | None:
    watch = Watch(reference, NAMES)
    for text, row in zip(of, answers(of) if probabilities is None else probabilities, strict=True):
        watch.add(text, NAMES[int(row.argmax())], float(row.max()))
    return watch.result()


@pytest.fixture(scope="module")
def reference() -> Reference:
    draw = random.Random(0)
    held_out = texts(200, draw)
    return reference_of(texts(800, draw), held_out, answers(held_out))


def test_random_halves_of_one_set_raise_no_alarm():
    draw = random.Random(1)
    rows = texts(600, draw)
    alarms = 0
    for seed in range(100):
        random.Random(seed).shuffle(rows)
        held_out = rows[200:300]
        drift = watched(reference_of(rows[:200], held_out, answers(held_out)), rows[300:])
        assert drift is not None
        alarms += bool(drift.alarming)
    assert alarms <= 5


@pytest.mark.parametrize("rows", [40, 400])
def test_another_domain_raises_the_alarm_for_its_words(reference, rows):
    drift = watched(reference, [f"the ship{i} sails{i} to port{i} at night{i} {i}" for i in range(rows)])
    assert "words" in {change.kind for change in drift.alarming}


def test_longer_texts_are_told_with_both_medians(reference):
    drift = watched(reference, texts(100, random.Random(2), longest=80))
    change = next(change for change in drift.changes if change.kind == "length")
    assert change.alarming
    assert change.now > change.before
    said = drift_sentence(drift, NAMES, catalogue("en"))
    assert f"median {change.now:.0f} words against {change.before:.0f}" in said
    assert "check some answers by hand" in said
    assert "Expect more mistakes" not in said


def test_labels_divided_otherwise_are_told_and_not_taken_for_mistakes(reference):
    rows = texts(200, random.Random(3))
    probabilities = answers(rows)
    drift = watched(
        reference, rows, np.where(probabilities.argmax(1)[:, None] == 0, probabilities[:, ::-1], probabilities)
    )
    assert [change.kind for change in drift.alarming] == ["classes"]
    said = drift_sentence(drift, NAMES, catalogue("en"))
    assert "“good” for 100% of the texts" in said or "“bad” for 0% of the texts" in said
    assert "Expect more mistakes" not in said


def test_a_model_that_is_less_sure_is_told(reference):
    rows = texts(200, random.Random(4))
    drift = watched(reference, rows, 0.5 + 0.2 * (answers(rows) - 0.5))
    said = drift_sentence(drift, NAMES, catalogue("en"))
    assert "less sure" in said
    assert "Expect more mistakes" in said


def test_the_distances_are_scipys_and_the_p_values_are_corrected(reference):
    rows = texts(60, random.Random(5))
    drift = watched(reference, rows)
    expected = ks_2samp(reference.lengths, [len(words_of(text)) for text in rows])
    change = next(change for change in drift.changes if change.kind == "length")
    assert change.size == pytest.approx(expected.statistic)
    assert expected.pvalue <= change.p_value <= min(1, 4 * expected.pvalue) + 1e-12


def test_few_texts_tell_nothing_and_empty_ones_do_not_count(reference):
    assert watched(reference, texts(29, random.Random(6))) is None
    watch = Watch(reference, NAMES)
    for _ in range(50):
        watch.add("", "", 0.0)
    assert watch.result() is None


def test_without_a_test_part_lengths_and_words_are_compared():
    draw = random.Random(7)
    reference = reference_of(texts(100, draw), texts(100, draw), None)
    drift = watched(reference, texts(50, draw))
    assert [change.kind for change in drift.changes] == ["length", "words"]


def test_texts_without_words_and_thousands_of_labels_are_borne():
    names = tuple(f"label {i}" for i in range(1000))
    probabilities = np.random.default_rng(0).random((100, 1000))
    reference = reference_of(["!!!"] * 50, ["???"] * 100, probabilities)
    watch = Watch(reference, names)
    for row in np.random.default_rng(1).random((100, 1000)):
        watch.add("...", names[row.argmax()], float(row.max()))
    assert not watch.result().alarming


def test_chinese_is_read_in_pairs_of_characters():
    assert words_of("味道很好 ok") == ["味道", "道很", "很好", "ok"]
    assert words_of("Ｈello，好！") == ["hello", "好"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_said_of_alike_texts_and_one_sentence_of_others(reference, language):
    words = catalogue(language)
    assert drift_sentence(watched(reference, texts(100, random.Random(8))), NAMES, words) == ""
    assert drift_sentence(watched(reference, ["你好 世界 再见"] * 40), NAMES, words)
