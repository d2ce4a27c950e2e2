"""Calibration and abstention: figures by their definitions, and a threshold that was planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from sft_keras.diagnostics.base import NotApplicable
from sft_keras.diagnostics.blocks import Picture
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.parts import abstention, calibration
from sft_keras.evaluation import thresholds


class Sure:
    """Answers with planted probabilities, in the order of the rows."""

    def __init__(self, parts: dict[str, np.ndarray], temperature: float) -> None:
        self.parts = parts
        self.temperature = temperature


def made(subject, probabilities: np.ndarray, labels: np.ndarray, temperature: float = 1.0):
    rows = ([f"t{i}" for i in range(len(labels))], [f"l{n}" for n in labels])
    run = subject({"train": rows, "validation": rows, "test": rows})
    run.predictor = Sure({}, temperature)
    run.probabilities = lambda _: probabilities
    return run


def planted(rows: int, factor: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(rows, 3)) * 2
    labels = np.array([rng.choice(3, p=row) for row in softmax(logits, axis=1)])
    return softmax(logits * factor, axis=1), labels


def test_before_and_after_are_told_apart(subject):
    # What the model says now is right; before it was divided by 3, it was too sure.
    probabilities, labels = planted(2000, 1.0)
    facts = calibration.examine(made(subject, probabilities, labels, temperature=3.0))
    before, after = facts["states"]["before"], facts["states"]["after"]
    assert before["figures"]["ece"] > 0.1
    assert after["figures"]["ece"] < 0.04
    assert after["figures"]["log_loss"] == pytest.approx(log_loss(labels, probabilities), abs=1e-9)
    one_hot = np.eye(3)[labels]
    assert after["figures"]["brier"] == pytest.approx(((probabilities - one_hot) ** 2).sum(axis=1).mean(), abs=1e-9)
    for language in catalogue.languages:
        blocks = calibration.present(facts, catalogue(language))
        assert sum(isinstance(block, Picture) for block in blocks) == 2
    assert "too sure" in calibration.present(facts, catalogue("en"))[0].text


def test_without_a_temperature_there_is_one_state(subject):
    probabilities, labels = planted(500, 3.0)
    facts = calibration.examine(made(subject, probabilities, labels))
    assert list(facts["states"]) == ["after"]
    assert calibration.present(facts, catalogue("en"))[0].kind == "warn"


def test_the_threshold_is_the_lowest_that_is_good_enough():
    confidence = np.linspace(0.99, 0.5, 100)
    hits = np.arange(100) < 60  # right down to 0.69…, wrong below
    found = thresholds.threshold_for(confidence, hits, 0.9)
    answered = confidence >= found
    assert hits[answered].mean() >= 0.9
    lower = confidence >= confidence[answered.sum()]
    assert hits[lower].mean() < 0.9
    assert thresholds.threshold_for(confidence, hits, 0.6) == 0.0
    assert thresholds.threshold_for(confidence, ~hits, 0.9) is None


def test_rows_of_one_confidence_stay_together():
    confidence = np.array([0.9] * 20 + [0.8] * 20)
    hits = np.array([True] * 20 + [False] * 20)
    assert thresholds.threshold_for(confidence, hits, 0.95) == 0.9
    alike = np.full(40, 0.9)
    assert thresholds.threshold_for(alike, hits, 0.95) is None


def test_coverage_and_accuracy_are_those_of_the_test_rows(subject):
    probabilities, labels = planted(600, 1.0)
    facts = abstention.examine(made(subject, probabilities, labels))
    hits, confidence = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1)
    for each in facts["wanted"]:
        if each["threshold"] is not None:
            chosen = confidence >= each["threshold"]
            assert each["coverage"] == pytest.approx(chosen.mean())
            assert each["accuracy"] == pytest.approx(hits[chosen].mean())
            assert each["accuracy"] >= each["wanted"]  # the same rows here
            assert each["low"] < each["accuracy"] < each["high"] or each["accuracy"] == 1
    for language in catalogue.languages:
        assert abstention.present(facts, catalogue(language))


def test_few_rows_are_told(subject):
    few = made(subject, np.full((5, 2), 0.5), np.array([0, 1, 0, 1, 0]))
    for part in (calibration, abstention):
        with pytest.raises(NotApplicable):
            part.examine(few)
