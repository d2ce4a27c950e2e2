"""The rules for class weights."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from sft_keras.errors import ConfigError
from sft_keras.losses.class_weights import class_weights

COUNTS = np.array([900, 90, 10])
NAMES = ("sport", "politics", "culture")


def test_none_is_one() -> None:
    weights = class_weights("none", COUNTS, NAMES)
    assert weights.dtype == np.float32
    np.testing.assert_array_equal(weights, [1, 1, 1])


def test_balanced_agrees_with_scikit_learn() -> None:
    theirs = compute_class_weight("balanced", classes=np.arange(3), y=np.repeat(np.arange(3), COUNTS))
    np.testing.assert_allclose(class_weights("balanced", COUNTS, NAMES), theirs, rtol=1e-6)


@pytest.mark.parametrize("beta", [0.9, 0.999, 0.999999])
def test_effective_has_the_ratios_of_the_paper_and_a_mean_of_one(beta: float) -> None:
    weights = class_weights("effective", COUNTS, NAMES, beta=beta).astype(np.float64)
    paper = (1 - beta) / (1 - beta ** COUNTS.astype(np.float64))
    np.testing.assert_allclose(weights / weights[0], paper / paper[0], rtol=1e-5)
    assert (weights * COUNTS).sum() / COUNTS.sum() == pytest.approx(1, rel=1e-6)


def test_effective_lies_between_none_and_balanced() -> None:
    near_none = class_weights("effective", COUNTS, NAMES, beta=0.01)
    near_balanced = class_weights("effective", COUNTS, NAMES, beta=1 - 1e-9)
    np.testing.assert_allclose(near_none, [1, 1, 1], rtol=1e-3)
    np.testing.assert_allclose(near_balanced, class_weights("balanced", COUNTS, NAMES), rtol=1e-3)


@pytest.mark.parametrize("mode", ["balanced", "effective"])
def test_a_class_without_rows_weighs_one_and_leaves_the_others_alone(mode: str) -> None:
    weights = class_weights(mode, np.array([900, 0, 90, 10]), ("a", "b", "c", "d"))
    np.testing.assert_allclose(weights[[0, 2, 3]], class_weights(mode, COUNTS, NAMES), rtol=1e-6)
    assert weights[1] == 1
    np.testing.assert_array_equal(class_weights(mode, np.zeros(2), ("a", "b")), [1, 1])


def test_weights_by_label() -> None:
    np.testing.assert_array_equal(class_weights({"culture": 4.0, "sport": 0.5}, COUNTS, NAMES), [0.5, 1, 4])


def test_an_unknown_label_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        class_weights({"politic": 2.0}, COUNTS, NAMES)
    assert '"politic"' in caught.value.problem
    assert caught.value.where == "objective.class_weights"
    assert 'Did you mean "politics"?' in caught.value.fix


def test_an_unknown_rule_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match='Did you mean "balanced"'):
        class_weights("balance", COUNTS, NAMES)
