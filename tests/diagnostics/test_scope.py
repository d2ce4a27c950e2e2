"""Texts that do not belong: scores by their definitions, and a planted gap is found."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from scipy.special import softmax

from sft_keras.diagnostics.base import NotApplicable
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.parts.scope import distance, energy, examine, gaussian, outside_texts, present
from sft_keras.tasks.base import TASKS


def test_energy_and_distance_are_those_of_their_definitions():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(5, 3))
    np.testing.assert_allclose(energy(logits), np.log(np.exp(logits).sum(axis=1)))
    features, labels = rng.normal(size=(300, 4)), np.arange(300) % 3
    means, precision = gaussian(features, labels)
    texts = rng.normal(size=(6, 4))
    expected = [min(mahalanobis(row, mean, precision) ** 2 for mean in means) for row in texts]
    np.testing.assert_allclose(distance(texts, means, precision), expected)
    centered = features - means[labels]
    shared = centered.T @ centered / (300 - 3)
    np.testing.assert_allclose(np.linalg.inv(precision), shared, atol=0.03)


def planted(subject, gap: float):
    rng = np.random.default_rng(1)

    def part(rows, shift=0.0):
        labels = np.arange(rows) % 2
        vectors = rng.normal(size=(rows, 6))
        vectors[:, 0] += 4 * labels
        vectors[:, 1] += shift
        return vectors, [f"l{n}" for n in labels]

    features, rows = {}, {}
    for name, count in (("train", 200), ("validation", 60), ("test", 80)):
        vectors, labels = part(count)
        features[name], rows[name] = vectors, ([f"{name} {i}" for i in range(count)], labels)
    run = subject(rows, features=features)
    outside, _ = part(len(outside_texts("en")), gap)
    known = {text: vector for part in rows for text, vector in zip(rows[part][0], features[part], strict=True)}
    known |= dict(zip(outside_texts("en"), outside, strict=True))
    run.known = SimpleNamespace(outputs=lambda texts: np.stack([known[text] for text in texts]))
    run.predictor = SimpleNamespace(
        logits=lambda texts: np.stack([np.full(len(texts), 2.0), np.linspace(-1, 1, len(texts))], axis=1),
        task=TASKS.get("classification"),
        temperature=1.0,
    )
    return run


def test_a_planted_gap_is_found_by_the_distance(subject):
    facts = examine(planted(subject, 12.0))
    assert facts["best"] == "distance"
    assert facts["scores"]["distance"]["auroc"] > 0.99
    assert facts["scores"]["distance"]["noticed"] > 0.95
    assert facts["scores"]["distance"]["kept"] > 0.85
    for language in catalogue.languages:
        assert present(facts, catalogue(language))[0].kind == "good"


def test_texts_alike_cannot_be_told(subject):
    facts = examine(planted(subject, 0.0))
    assert 0.35 < facts["scores"]["distance"]["auroc"] < 0.65
    assert present(facts, catalogue("en"))[0].kind == "warn"


def test_the_probability_is_that_of_the_model(subject):
    facts = examine(planted(subject, 0.0))
    count = len(outside_texts("en"))
    logits = np.stack([np.full(count, 2.0), np.linspace(-1, 1, count)], axis=1)
    assert facts["confidence_outside"] == pytest.approx(softmax(logits, axis=1).max(axis=1).mean())


def test_our_sentences_are_many_and_different():
    for language in ("en", "zh"):
        texts = outside_texts(language)
        assert len(texts) >= 40
        assert len(set(texts)) == len(texts)
        assert all(text.strip() for text in texts)


def test_few_rows_are_told(subject):
    rows = (["a"] * 5, ["x", "y", "x", "y", "x"])
    with pytest.raises(NotApplicable):
        examine(subject({"train": rows, "validation": rows, "test": rows}))
