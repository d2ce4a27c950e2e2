"""Planted rows that stand alone are found; distances are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from sft_keras.diagnostics.base import NotApplicable
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.parts import outliers
from tests.diagnostics.stub import subject

TEXTS = [f"an ordinary sentence with number {i}" for i in range(80)]
LABELS = ["a", "b"] * 40


def vectors(width: int = 6) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (80, width)).astype(np.float32)


def test_a_row_far_from_all_others_is_found_and_no_other():
    made = vectors()
    made[17] += 25
    facts = outliers.examine(subject(TEXTS, LABELS, made))
    assert [each["row"] for each in facts["far_listed"]] == [18]
    assert (facts["far"], facts["foreign"]) == (1, 0)


@pytest.mark.parametrize("lean", [False, True])
def test_distances_are_those_of_scikit_learn(lean, monkeypatch):
    monkeypatch.setattr(outliers, "CHUNK", 7)
    made = np.maximum(vectors(), 0) + 0.01
    given = sparse.csr_matrix(made) if lean else made
    read = made if lean else StandardScaler().fit_transform(made)
    search = NearestNeighbors(n_neighbors=11, metric="cosine" if lean else "euclidean").fit(read)
    expected = search.kneighbors(read)[0][:, 1:].mean(axis=1)
    found = outliers.neighbour_distances(given, subject(TEXTS, LABELS, made))
    assert np.allclose(found, expected, atol=1e-3)


def test_scores_are_modified_z_scores_and_none_where_nothing_differs():
    distances = np.exp(np.array([0.0, 1.0, 2.0, 3.0, 14.0]))
    assert outliers.far_scores(distances) == pytest.approx(0.6745 * np.array([-2.0, -1.0, 0.0, 1.0, 12.0]))
    assert not outliers.far_scores(np.ones(9)).any()


def test_texts_in_another_script_are_found():
    chinese = [f"这家酒店很好第{i}次来" for i in range(18)]
    assert outliers.foreign_rows([*chinese, "A fine hotel indeed", "iPhone 很好用，屏幕清晰"]) == ([18], "unspaced")
    assert outliers.foreign_rows([*TEXTS, "Очень хороший отель", "😀😀", "12345"]) == ([80], "latin")
    assert outliers.foreign_rows([*chinese, *TEXTS[:18]]) == ([], None)
    assert outliers.foreign_rows(["", "!!"]) == ([], None)


def test_few_rows_are_told_and_copies_are_no_obstacle():
    with pytest.raises(NotApplicable, match="few_rows"):
        outliers.examine(subject(TEXTS[:8], LABELS[:8], vectors()[:8]))
    facts = outliers.examine(subject(["same words here"] * 80, LABELS, np.ones((80, 3), np.float32)))
    assert facts["far"] == 0


def test_words_are_enough_where_nothing_is_pretrained():
    facts = outliers.examine(subject([*TEXTS, "完全不同的一句话在这里"], [*LABELS, "a"]))
    assert facts["foreign"] == 1
    for language in catalogue.languages:
        for block in outliers.present(facts, catalogue(language)):
            assert getattr(block, "private", False) or "完全不同" not in str(block)
