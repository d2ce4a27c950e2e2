"""What mistakes cost, and the answers that cost least (Elkan 2001; with handing over to a person: Chow 1970).

Elkan, "The foundations of cost-sensitive learning", IJCAI 2001; Chow, "On optimum recognition error and reject
tradeoff", IEEE Transactions on Information Theory 16, 1970. Nothing is fitted: a decision depends on the
probabilities of its row and on the costs alone, so it is as good as the probabilities are calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sft_keras.errors import InputValueError, TrainingError
from sft_keras.evaluation.bootstrap import Bounds, resampled_counts
from sft_keras.evaluation.metrics import FloatArray, IntArray, check_rows

PERSON = -1
"""The decision to hand a text over to a person."""
MOST_COST = 1e9
"""Sums of larger costs would lose the small ones."""
_SAME = 1e-12
DECISION, LIKELIEST, SINGLE, BY_PERSON = "decision", "likeliest", "single", "person"


@dataclass(frozen=True, eq=False)
class Costs:
    """What each answer costs; see `check_costs`.

    Attributes:
        matrix: float64 [classes, classes], cost of answering `[truth, answer]`.
        hand_over: Cost of handing a text over to a person; None if nobody is there.
    """

    matrix: FloatArray
    hand_over: float | None = None


@dataclass(frozen=True)
class PolicyCost:
    """The mean cost of a row under one way of answering, and how much more that is than with the decisions.

    Attributes:
        name: "decision", "likeliest", "single" or "person".
        mean: Mean cost of a row.
        low: Lower end of the 95% percentile interval of the mean; None for a single row. Where no row cost anything,
            it is the exact interval of the share of such rows, times the dearest mistake (Clopper and Pearson 1934).
        high: Upper end.
        more: Mean cost minus that of the decisions on the same rows.
        more_low: Lower end of the 95% interval of a paired bootstrap of that; None for a single row.
        more_high: Upper end.
    """

    name: str
    mean: float
    low: float | None
    high: float | None
    more: float
    more_low: float | None
    more_high: float | None


@dataclass(frozen=True)
class CostReport:
    """What the decisions cost on rows with known labels.

    Attributes:
        rows: Number of rows.
        policies: The decisions first, then what they are compared with.
        expected: Mean cost of the decisions that the probabilities promise; far from `mean`, they are badly calibrated.
        single: Index of the label that is cheapest if all rows get it.
        handed_over: Rows that a person gets.
        changed: Rows with another label than the likeliest, without those that a person gets.
    """

    rows: int
    policies: tuple[PolicyCost, ...]
    expected: float
    single: int
    handed_over: int
    changed: int

    def policy(self, name: str) -> PolicyCost:
        """One of the ways of answering, by its name."""
        return next(each for each in self.policies if each.name == name)


def check_costs(matrix: object, classes: int, hand_over: object = None) -> Costs:
    """Costs that can be computed with.

    Args:
        matrix: Numbers [classes, classes], `[truth, answer]`, 0 to 1e9.
        classes: How many classes the model tells apart.
        hand_over: Cost of asking a person, 0 to 1e9; None if nobody can be asked.

    Raises:
        InputValueError: The shape is another, or a cost is missing, negative, infinite or too large.
    """
    try:
        values = np.array(matrix, dtype=np.float64)
        price = None if hand_over is None else float(hand_over)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError, OverflowError):
        raise InputValueError("A cost is not a number.", fix="Give a number of 0 or more in each cell.") from None
    if values.shape != (classes, classes):
        raise InputValueError(
            f"The costs must have one row and one column for each of the {classes} labels. "
            f"Received: shape {list(values.shape)}",
            fix="Give a row for each true label, and in it a cost for each answer.",
        )
    known = values if price is None else np.append(values, price)
    if not np.isfinite(known).all() or known.min() < 0 or known.max() > MOST_COST:
        raise InputValueError(
            f"A cost must be a number from 0 to {MOST_COST:,.0f}.", fix="Correct the cells that are empty or negative."
        )
    return Costs(values, price)


def checked_figures(figures: object, classes: int) -> FloatArray:
    """float64 [classes, 2], what `filled_matrix` takes.

    Raises:
        InputValueError: It is no such table of numbers from 0 to 1e9.
    """
    try:
        values = np.array(figures, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputValueError("A cost is not a number.", fix="Give a number of 0 or more in each cell.") from None
    if values.shape != (classes, 2):
        raise InputValueError(
            f"The costs must have one row for each of the {classes} labels and two columns. "
            f"Received: shape {list(values.shape)}",
            fix="Give what missing a label costs, and what a false alarm of it costs.",
        )
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > MOST_COST / 2:
        raise InputValueError(
            f"A cost must be a number from 0 to {MOST_COST / 2:,.0f}.",
            fix="Correct the cells that are empty or negative.",
        )
    result: FloatArray = values
    return result


def filled_matrix(missed: npt.ArrayLike, alarm: npt.ArrayLike) -> FloatArray:
    """A matrix from two figures a label: cost[t, a] = missed[t] + alarm[a], and 0 for a right answer.

    Args:
        missed: float [classes], cost of not answering a label that is true.
        alarm: float [classes], cost of answering a label that is false.
    """
    matrix: FloatArray = np.add.outer(np.asarray(missed, dtype=np.float64), np.asarray(alarm, dtype=np.float64))
    np.fill_diagonal(matrix, 0.0)
    return matrix


def decide(probabilities: npt.ArrayLike, costs: Costs) -> IntArray:
    """The answer of least expected cost for each row.

    Of answers that cost the same, the likeliest; a person only where that is cheaper than every answer.

    Args:
        probabilities: float [n, classes], calibrated.
        costs: What each answer costs.

    Returns:
        int64 [n], class indices, or -1 for a person.

    Raises:
        TrainingError: A probability is no number.
    """
    scores = np.asarray(probabilities, dtype=np.float64)
    if not np.isfinite(scores).all():
        raise TrainingError("The model gives probabilities that are no numbers.", fix="Train it again.")
    expected = scores @ costs.matrix
    least = expected.min(axis=1, keepdims=True)
    # Relative to the row: in which unit costs are told, and what an answer that nobody gives would cost, is all one.
    answers = np.where(expected <= least * (1 + _SAME), scores, -1.0).argmax(axis=1).astype(np.int64)
    if costs.hand_over is not None:
        answers[least[:, 0] > costs.hand_over * (1 + _SAME)] = PERSON
    result: IntArray = answers
    return result


def row_costs(labels: IntArray, decisions: IntArray, costs: Costs) -> FloatArray:
    """float64 [n]: what each decision cost, given the true labels."""
    paid = costs.matrix[labels, np.maximum(decisions, 0)]
    return np.where(decisions == PERSON, costs.hand_over or 0.0, paid)


def answer_ranges(costs: Costs) -> dict[int, tuple[float, float]]:
    """For two classes: between which probabilities of class 1 an answer is the cheapest.

    The expected costs are straight lines, the cheapest of them is their lower envelope (Elkan 2001, section 2). As in
    `decide`, of two labels that always cost the same the likelier is answered, and a person is never asked for the cost
    of a label.

    Returns:
        From class index, or -1 for a person, to the two ends; without answers that are cheapest nowhere or only
        at one point.

    Raises:
        InputValueError: There are more than two classes.
    """
    if costs.matrix.shape != (2, 2):
        raise InputValueError("There is one threshold only where there are two labels.")
    lines = {0: tuple(costs.matrix[:, 0]), 1: tuple(costs.matrix[:, 1])}
    if costs.hand_over is not None and (costs.hand_over, costs.hand_over) not in lines.values():
        lines[PERSON] = (costs.hand_over, costs.hand_over)
    if lines[0] == lines[1]:
        del lines[1]
        apart = _cheapest(lines)
        low, high = apart.pop(0, (0.0, 0.0))
        halves = {0: (low, min(high, 0.5)), 1: (max(low, 0.5), high)}
        return apart | {answer: ends for answer, ends in halves.items() if ends[0] < ends[1]}
    return _cheapest(lines)


def _cheapest(lines: dict[int, tuple[float, float]]) -> dict[int, tuple[float, float]]:
    """From where to where each line, told by its ends at 0 and at 1, is the lowest."""
    found = {}
    for answer, (start, end) in lines.items():
        low, high = 0.0, 1.0
        for other, (other_start, other_end) in lines.items():
            before, after = start - other_start, end - other_end  # of the difference at 0 and at 1
            if other == answer or (before <= 0 and after <= 0):
                continue
            if before > 0 and after >= 0:
                low, high = 1.0, 0.0
            elif before > 0:
                low = max(low, before / (before - after))
            else:
                high = min(high, before / (before - after))
        if high > low:
            found[answer] = (float(low), float(high))
    return found


def cheapest_label(labels: IntArray, costs: Costs) -> int:
    """The label that costs least if every row gets it."""
    counts = np.bincount(labels, minlength=len(costs.matrix))
    return int((counts @ costs.matrix).argmin())


def cost_report(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    costs: Costs,
    *,
    single: int | None = None,
    samples: int = 1000,
    seed: int = 0,
) -> CostReport:
    """What the decisions cost on rows with known labels, beside simpler ways of answering.

    Args:
        labels: int [n], class indices.
        probabilities: float [n, classes].
        costs: What each answer costs.
        single: The label that all rows get, chosen on other rows; if left out the cheapest on these, which flatters it.
        samples: Resamples of the intervals.
        seed: Fixes them.

    Raises:
        DataError: The rows cannot be evaluated; see `metrics.check_rows`.
        TrainingError: A probability is negative or no number.
    """
    truth, scores = check_rows(labels, probabilities)
    decisions, likeliest = decide(scores, costs), scores.argmax(axis=1).astype(np.int64)
    single = cheapest_label(truth, costs) if single is None else single
    ways = {DECISION: decisions, LIKELIEST: likeliest, SINGLE: np.full_like(truth, single)}
    if costs.hand_over is not None:
        ways[BY_PERSON] = np.full_like(truth, PERSON)
    paid = np.stack([row_costs(truth, each, costs) for each in ways.values()])
    rows, means = len(truth), paid.mean(axis=1)
    bounds: list[Bounds] = [(None, None)] * len(ways)
    more = bounds
    if rows > 1:
        drawn = np.concatenate([counts @ paid.T / rows for counts in resampled_counts(rows, samples, seed)])
        bounds, more = (_ends(each) for each in (drawn, drawn - drawn[:, :1]))
        # Where no row cost anything, no resample does either, and yet a further row may.
        dearest = float(costs.matrix.max()) * (1 - 0.025 ** (1 / rows))
        free = [name != BY_PERSON and not paid[i].any() for i, name in enumerate(ways)]
        bounds = [(0.0, dearest) if none else each for none, each in zip(free, bounds, strict=True)]
    expected = (scores @ costs.matrix).min(axis=1)
    if costs.hand_over is not None:
        expected = np.minimum(expected, costs.hand_over)
    return CostReport(
        rows=rows,
        policies=tuple(
            PolicyCost(name, float(means[i]), *bounds[i], float(means[i] - means[0]), *more[i])
            for i, name in enumerate(ways)
        ),
        expected=float(expected.mean()),
        single=single,
        handed_over=int((decisions == PERSON).sum()),
        changed=int(((decisions != likeliest) & (decisions != PERSON)).sum()),
    )


def _ends(drawn: FloatArray) -> list[Bounds]:
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))
