"""Planted wrong labels are found, copies do not vouch for each other, and small or odd data is no obstacle."""

from __future__ import annotations

import numpy as np
import pytest

from sft_keras.data.corrections import correction_key
from sft_keras.diagnostics.base import NotApplicable
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.out_of_fold import out_of_fold
from sft_keras.diagnostics.parts import suspicious_labels
from sft_keras.training.progress import TrainingStopped
from tests.diagnostics.stub import subject

WRONG = [3, 15, 28, 40, 41, 56, 66, 77, 91, 104, 111, 118]


def clusters(rows: int = 120, classes: int = 3, seed: int = 0):
    """Vectors around a centre for each class, and the classes."""
    draw = np.random.default_rng(seed)
    truth = np.arange(rows) % classes
    centres = draw.normal(0, 4, (classes, 8))
    return (centres[truth] + draw.normal(0, 1, (rows, 8))).astype(np.float32), truth


def planted(**options):
    vectors, truth = clusters()
    given = truth.copy()
    given[WRONG] = (given[WRONG] + 1) % 3
    texts = [f"text number {i} {chr(97 + i % 26) * 9}" for i in range(120)]
    return subject(texts, [f"label {c}" for c in given], vectors, validation=20, **options), truth, texts


def test_the_planted_labels_and_no_others_are_listed_with_what_they_should_be():
    examined, truth, texts = planted()
    facts = suspicious_labels.examine(examined)
    found = {each["row"] - 1 for each in facts["listed"]}
    assert found <= set(WRONG)
    assert len(found) >= 0.9 * len(WRONG)
    assert facts["suspected"] == len(found)
    assert facts["rows"] == facts["total"] == 120
    for each in facts["listed"]:
        i = each["row"] - 1
        assert each["text"] == texts[i]
        assert each["suggested"] == f"label {truth[i]}"
        assert each["key"] == correction_key(texts[i], each["label"])
        assert each["part"] == ("validation" if i >= 100 else "train")
        assert 0.5 < each["suspicion"] <= 1
    assert [e["suspicion"] for e in facts["listed"]] == sorted((e["suspicion"] for e in facts["listed"]), reverse=True)


def test_the_suspicion_is_one_less_the_normalised_margin_of_predictions_of_unseen_rows():
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    examined, _, _ = planted()
    rows = out_of_fold(examined)
    vectors = np.concatenate([examined.quick("train"), examined.quick("validation")])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, tol=1e-3))
    folds = StratifiedKFold(5, shuffle=True, random_state=examined.seed)
    expected = cross_val_predict(model, vectors, rows.truth, cv=folds, method="predict_proba")
    assert np.allclose(rows.probabilities, expected, atol=1e-5)
    for i, suspicion in suspicious_labels.suspects(rows):
        p, given = rows.probabilities[i], rows.truth[i]
        assert suspicion == pytest.approx(1 - (p[given] - np.delete(p, given).max() + 1) / 2, abs=1e-6)


def test_copies_of_a_wrong_row_do_not_vouch_for_it():
    vectors, truth = clusters()
    text = "the very same words stand here again and again"
    texts = [text if i in (0, 3, 6, 9) else f"text number {i} {chr(97 + i % 26) * 9}" for i in range(120)]
    vectors[[3, 6, 9]] = vectors[0]
    given = truth.copy()
    given[[0, 3, 6, 9]] = 1
    facts = suspicious_labels.examine(subject(texts, [str(c) for c in given], vectors))
    assert {1, 4, 7, 10} <= {each["row"] for each in facts["listed"]}


def test_the_same_run_gives_the_same_list():
    assert suspicious_labels.examine(planted()[0]) == suspicious_labels.examine(planted()[0])


def test_a_label_with_too_few_texts_is_not_judged_and_one_without_rows_is_no_obstacle():
    vectors, truth = clusters()
    labels = [f"label {c}" for c in truth]
    labels[0] = labels[50] = "rare"
    texts = [f"text number {i} {chr(97 + i % 26) * 9}" for i in range(120)]
    names = ["absent", "label 0", "label 1", "label 2", "rare"]
    facts = suspicious_labels.examine(subject(texts, labels, vectors, names=names))
    assert (facts["rows"], facts["drawn"], facts["total"]) == (118, 120, 120)
    assert "drawn by chance" not in str(suspicious_labels.present(facts, catalogue("en")))
    assert not {"rare", "absent"} & {each["label"] for each in facts["listed"]}


@pytest.mark.parametrize("rows", [8, 19])
def test_too_few_rows_are_told(rows):
    vectors, truth = clusters(rows)
    with pytest.raises(NotApplicable, match="few_rows"):
        suspicious_labels.examine(subject([f"t {i}" for i in range(rows)], list(map(str, truth)), vectors))


def test_one_label_with_many_and_others_with_few_rows():
    vectors, _ = clusters(40)
    labels = ["a"] * 36 + ["b", "c", "d", "e"]
    with pytest.raises(NotApplicable, match="few_classes"):
        suspicious_labels.examine(subject([f"{i} text {i * 7}" for i in range(40)], labels, vectors))


def test_many_labels_on_words_are_condensed(monkeypatch):
    from sft_keras.diagnostics import out_of_fold as module

    monkeypatch.setattr(module, "MOST_COEFFICIENTS", 10)
    monkeypatch.setattr(module, "CONDENSED", 8)
    draw = np.random.default_rng(0)
    words = {"a": ["apple", "pear", "plum"], "b": ["car", "bus", "train"]}
    labels = ["ab"[i % 2] for i in range(120)]
    texts = [" ".join([*draw.choice(words[label], 2), f"n{i}"]) for i, label in enumerate(labels)]
    for i in (7, 21, 33, 45):
        labels[i] = "a"
    facts = suspicious_labels.examine(subject(texts, labels))
    assert len({8, 22, 34, 46} & {each["row"] for each in facts["listed"]}) >= 3


def test_more_rows_than_the_bound_are_drawn_and_told(monkeypatch):
    from sft_keras.diagnostics import out_of_fold as module

    whole = planted()[0]
    monkeypatch.setattr(module.labelled_rows, "__defaults__", (60,))
    facts = suspicious_labels.examine(whole)
    assert (facts["drawn"], facts["total"]) == (60, 120)
    shown = [getattr(block, "text", "") for block in suspicious_labels.present(facts, catalogue("en"))]
    assert any("60 of 120 rows" in text for text in shown)


def test_it_stops_when_asked_to():
    examined, _, _ = planted()
    examined.should_stop = lambda: True
    with pytest.raises(TrainingStopped):
        suspicious_labels.examine(examined)


def test_texts_stand_in_private_blocks_only():
    facts = suspicious_labels.examine(planted()[0])
    for language in catalogue.languages:
        for block in suspicious_labels.present(facts, catalogue(language)):
            assert getattr(block, "private", False) or "text number" not in str(block)


def test_of_long_texts_fewer_rows_are_drawn(monkeypatch):
    from sft_keras.diagnostics import out_of_fold as module

    examined, _, texts = planted()
    monkeypatch.setattr(module, "MOST_CHARACTERS", sum(map(len, texts)) // 2)
    assert len(module.labelled_rows(examined).examples) == 60
