"""What mistakes cost, on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sft_keras.evaluation.costs import CostReport
from sft_keras.evaluation.told import cost_text, told_down
from sft_keras.services.decisions import A_PERSON
from sft_keras.terminal.base import escape, open_console, table

if TYPE_CHECKING:
    from sft_keras.runs.decided import Decided

WAYS = {
    "decision": "the answer of least expected cost",
    "likeliest": "always the likeliest label",
    "person": "everything to a person",
}


def show_costs(found: Decided) -> None:
    """The threshold of two labels, and the mean cost of each way of answering."""
    console = open_console()
    if len(found.names) == 2:
        console.print(f"By the probability of {escape(found.names[1])}:")
        for name, low, high in found.ranges:
            console.print(f"  {_edge(low)} to {_edge(high)}: {escape(name or A_PERSON)}")
    _show_part("Test part", found.test, found)
    if found.validation is not None:
        _show_part("Validation part", found.validation, found)
    else:
        reason = f"The validation rows could not be scored ({escape(found.missing)})"
        console.print(f"{reason}; the label for all texts was chosen on the test rows, which flatters it.")
    if not found.kept:
        console.print("The costs could not be kept with the run: the disk is full, or must not be written to.")


def _show_part(title: str, report: CostReport, found: Decided) -> None:
    console = open_console()
    costs = table(
        f"{title}, {report.rows} rows", "cost a text", "95% interval", "more", "95% interval", right=range(1, 5)
    )
    for each in report.policies:
        name = WAYS.get(each.name) or f"always {escape(found.names[report.single])}"
        sign = "+" if each.more >= 0 else "-"
        more = ("", "")
        if each.name != "decision":
            more = (f"{sign}{cost_text(abs(each.more))}", _ends(each.more_low, each.more_high))
        costs.add_row(name, cost_text(each.mean), _ends(each.low, each.high), *more)
    console.print(costs)
    console.print(
        f"Promised by the probabilities: {cost_text(report.expected)}. "
        f"Other than the likeliest label: {report.changed} rows; a person gets {report.handed_over}."
    )


def _ends(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{cost_text(low)} to {cost_text(high)}"


def _edge(share: float) -> str:
    told, decimals = told_down(share)
    return f"{told:.{decimals}%}"
