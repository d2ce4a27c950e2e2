"""Costs of mistakes, against brute force and cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from sft_keras.errors import DataError, InputValueError, TrainingError
from sft_keras.evaluation import costs as module
from sft_keras.evaluation.costs import (
    PERSON,
    Costs,
    answer_ranges,
    check_costs,
    cost_report,
    decide,
    filled_matrix,
)
from sft_keras.evaluation.told import cost_text, told_down


def made(rows: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from the probabilities, so that these are calibrated."""
    draw = np.random.default_rng(seed)
    scores = draw.dirichlet(np.ones(classes), size=rows)
    return np.array([draw.choice(classes, p=row) for row in scores]), scores.astype(np.float32)


def test_costs_of_0_and_1_decide_for_the_likeliest():
    _, scores = made(500, 5)
    assert np.array_equal(decide(scores, check_costs(1 - np.eye(5), 5)), scores.argmax(axis=1))


@pytest.mark.parametrize("hand_over", [None, 0.4])
def test_decisions_are_those_of_a_search_row_by_row(hand_over):
    labels, scores = made(200, 4, seed=1)
    matrix = np.random.default_rng(2).uniform(0, 3, (4, 4))
    np.fill_diagonal(matrix, 0)
    costs = check_costs(matrix.tolist(), 4, hand_over)
    wanted, paid, promised = [], [], []
    for label, row in zip(labels, scores.astype(float), strict=True):
        row = row / row.sum()
        options = {a: sum(row[t] * matrix[t][a] for t in range(4)) for a in range(4)}
        if hand_over is not None:
            options[-1] = hand_over
        best = min(options, key=lambda a: options[a])
        wanted.append(best)
        promised.append(options[best])
        paid.append(hand_over if best == -1 else matrix[label][best])
    assert decide(scores, costs).tolist() == wanted
    report = cost_report(labels, scores, costs)
    assert report.policy("decision").mean == pytest.approx(np.mean(paid))
    assert report.expected == pytest.approx(np.mean(promised))
    assert report.handed_over == wanted.count(-1)
    likeliest = np.mean([matrix[t][a] for t, a in zip(labels, scores.argmax(axis=1), strict=True)])
    assert report.policy("likeliest").mean == pytest.approx(likeliest)
    always = [np.mean([matrix[t][a] for t in labels]) for a in range(4)]
    assert report.single == int(np.argmin(always))
    assert report.policy("single").mean == pytest.approx(min(always))
    assert [each.name for each in report.policies][3:] == ([] if hand_over is None else ["person"])


def test_no_other_decisions_cost_less_where_probabilities_are_calibrated():
    labels, scores = made(20_000, 3, seed=3)
    report = cost_report(labels, scores, check_costs([[0, 1, 9], [2, 0, 1], [5, 5, 0]], 3, 1.5), samples=200)
    assert report.expected == pytest.approx(report.policy("decision").mean, abs=0.05)
    assert all(each.more_low > 0 for each in report.policies[1:])


def test_the_threshold_of_two_labels_is_that_of_elkan():
    # A false alarm costs 5, a miss 1: answer 1 from 5 / 6 on.
    costs = check_costs([[0, 5], [1, 0]], 2)
    assert answer_ranges(costs) == {0: (0.0, pytest.approx(5 / 6)), 1: (pytest.approx(5 / 6), 1.0)}
    grid = np.linspace(0, 1, 1001)
    assert (decide(np.stack([1 - grid, grid], axis=1), costs) == (grid >= 5 / 6)).all()


@pytest.mark.parametrize("hand_over", [None, 0.0, 0.2, 0.4, 9.0])
@pytest.mark.parametrize(
    "matrix", [[[0, 5], [1, 0]], [[0, 0], [1, 0]], [[2, 1], [3, 0]], [[1, 0], [0, 1]], [[0, 0]] * 2]
)
def test_the_ranges_are_where_the_decisions_change(matrix, hand_over):
    costs = check_costs(matrix, 2, hand_over)
    ranges = answer_ranges(costs)
    for p in np.linspace(0.0005, 0.9995, 777):
        answer = int(decide([[1 - p, p]], costs)[0])
        low, high = ranges[answer]
        assert low - 1e-9 <= p <= high + 1e-9


def test_of_answers_that_cost_the_same_the_likeliest_and_no_person():
    assert decide([[0.2, 0.5, 0.3]], check_costs(np.zeros((3, 3)), 3, 0.0)).tolist() == [1]


def test_chow_hands_over_where_the_confidence_is_below_one_minus_the_cost():
    _, scores = made(300, 3, seed=4)
    decisions = decide(scores, check_costs(1 - np.eye(3), 3, 0.4))
    assert ((decisions == module.PERSON) == (scores.max(axis=1) < 0.6)).all()


def test_the_interval_is_that_of_resampled_rows_and_pairs_them():
    labels, scores = made(80, 2, seed=5)
    costs = check_costs([[0, 4], [1, 0]], 2)
    report = cost_report(labels, scores, costs, samples=4000)
    paid = np.array([costs.matrix[t, a] for t, a in zip(labels, decide(scores, costs), strict=True)])
    other = np.array([costs.matrix[t, a] for t, a in zip(labels, scores.argmax(axis=1), strict=True)])
    rows = np.random.default_rng(9).integers(0, 80, (4000, 80))
    for each, values in ((report.policy("likeliest"), other - paid),):
        assert [each.more_low, each.more_high] == pytest.approx(
            np.percentile(values[rows].mean(axis=1), [2.5, 97.5]), abs=0.03
        )
    assert report.policies[0].more == report.policies[0].more_low == report.policies[0].more_high == 0
    assert cost_report([1], [[0.3, 0.7]], costs).policies[1].more_low is None


def test_a_single_label_that_was_chosen_on_other_rows_is_kept():
    labels, scores = made(50, 2)
    assert cost_report(labels, scores, check_costs(1 - np.eye(2), 2), single=1).policy("single").mean == np.mean(
        labels == 0
    )


def test_two_figures_a_label_fill_the_matrix():
    assert filled_matrix([1, 2], [10, 20]).tolist() == [[0, 21], [12, 0]]


@pytest.mark.parametrize(
    ("matrix", "hand_over"),
    [
        ([[0, float("nan")], [1, 0]], None),
        ([[0, -1], [1, 0]], None),
        ([[0, float("inf")], [1, 0]], None),
        ([[0, 1e300], [1, 0]], None),
        ([[0, 1, 2], [1, 0, 2]], None),
        ([[0, 1], [1]], None),
        ([[0, "x"], [1, 0]], None),
        ([[0, ""], [1, 0]], None),
        ([[0, None], [1, 0]], None),
        ([], None),
        (None, None),
        ([[0, 1], [1, 0]], -0.1),
        ([[0, 1], [1, 0]], float("nan")),
        ([[0, 1], [1, 0]], "much"),
        ([[0, 10**400], [1, 0]], None),
    ],
)
def test_costs_that_cannot_be_used_are_refused(matrix, hand_over):
    with pytest.raises(InputValueError):
        check_costs(matrix, 2, hand_over)


def test_no_rows_and_the_ranges_of_three_labels_are_refused():
    with pytest.raises(DataError):
        cost_report([], np.empty((0, 2)), check_costs(1 - np.eye(2), 2))
    with pytest.raises(InputValueError):
        answer_ranges(check_costs(1 - np.eye(3), 3))


def test_many_labels_and_large_costs():
    labels, scores = made(200, 100, seed=6)
    report = cost_report(
        labels, scores, check_costs(filled_matrix(np.full(100, 1e8), np.full(100, 1e8)), 100), samples=50
    )
    assert np.isfinite([each.mean for each in report.policies]).all()


@pytest.mark.parametrize("unit", [1e-11, 1e-3, 1e3])
def test_the_unit_of_the_costs_decides_nothing(unit):
    draw = np.random.default_rng(0)
    scores = draw.dirichlet(np.ones(3), 200)
    matrix = np.array([[0, 1, 4], [2, 0, 1], [5, 1, 0]], float)
    expected = decide(scores, check_costs(matrix, 3, 0.5))
    assert decide(scores, Costs(matrix * unit, 0.5 * unit)).tolist() == expected.tolist()


def test_an_answer_that_is_forbidden_does_not_blur_the_others():
    scores = np.random.default_rng(0).dirichlet(np.ones(3), 200)
    matrix = np.array([[0, 0.001, 0.004], [0.002, 0, 0.001], [0.005, 0.001, 0]])
    free = decide(scores, check_costs(matrix, 3))
    matrix[0, 2] = 1e9
    forbidden = decide(scores, check_costs(matrix, 3))
    assert (forbidden[free != 2] == free[free != 2]).all()


def test_probabilities_that_are_no_numbers_decide_nothing():
    with pytest.raises(TrainingError):
        decide([[np.nan, np.nan]], check_costs([[0, 1], [1, 0]], 2))


@pytest.mark.parametrize(
    ("matrix", "hand_over", "expected"),
    [
        ([[0, 0], [0, 0]], None, {0: (0, 0.5), 1: (0.5, 1)}),
        ([[2, 2], [2, 2]], 2, {0: (0, 0.5), 1: (0.5, 1)}),
        ([[3, 3], [1, 1]], 2, {PERSON: (0, 0.5), 1: (0.5, 1)}),
        ([[1, 1], [3, 3]], 2, {0: (0, 0.5), PERSON: (0.5, 1)}),
    ],
)
def test_of_ranges_that_cost_the_same_none_overlap(matrix, hand_over, expected):
    found = answer_ranges(check_costs(matrix, 2, hand_over))
    assert set(found) == set(expected)
    assert all(found[answer] == pytest.approx(ends) for answer, ends in expected.items())


def test_figures_as_they_are_told():
    assert [cost_text(value) for value in (999.6, 0.2534, 12345.678, 0)] == ["1,000", "0.253", "12,346", "0"]
    for share, expected in (
        (0.8777, 0.877),
        (0.877, 0.877),
        (float(np.float32(0.9)), 0.9),
        (0.99996, 0.99996),
        (0.0004, 0.0004),
        (0, 0),
        (1, 1),
    ):
        told, decimals = told_down(share)
        assert told == expected
        assert told <= share + 1e-7
        assert float(f"{100 * told:.{decimals}f}") == pytest.approx(100 * told)


def test_no_mistake_among_few_rows_does_not_promise_that_there_is_none():
    from scipy.stats import binomtest

    scores = np.tile([[0.9, 0.1], [0.1, 0.9]], (10, 1))
    report = cost_report([0, 1] * 10, scores, check_costs([[0, 4], [1, 0]], 2, 0.5))
    most = binomtest(0, 20).proportion_ci(0.95, method="exact").high
    for name in ("decision", "likeliest"):
        assert report.policy(name).mean == 0
        assert (report.policy(name).low, report.policy(name).high) == pytest.approx((0, 4 * most))
    assert report.policy("person").high == pytest.approx(0.5)
