"""What mistakes cost, on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sft_keras.evaluation.costs import CostReport
from sft_keras.services.decisions import A_PERSON
from sft_keras.terminal import _table, escape, open_console

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
            console.print(f"  {low:.1%} to {high:.1%}: {escape(name or A_PERSON)}")
    _show_part("Test part", found.test, found)
    if found.validation is not None:
        _show_part("Validation part", found.validation, found)


def _show_part(title: str, report: CostReport, found: Decided) -> None:
    console = open_console()
    table = _table(
        f"{title}, {report.rows} rows", "cost a text", "95% interval", "more", "95% interval", right=range(1, 5)
    )
    for each in report.policies:
        name = WAYS.get(each.name) or f"always {escape(found.names[report.single])}"
        more = ("", "") if each.name == "decision" else (f"{each.more:+.4g}", _ends(each.more_low, each.more_high))
        table.add_row(name, f"{each.mean:.4g}", _ends(each.low, each.high), *more)
    console.print(table)
    console.print(
        f"Promised by the probabilities: {report.expected:.4g}. Other than the likeliest label: {report.changed} rows; "
        f"a person gets {report.handed_over}."
    )


def _ends(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:.4g} to {high:.4g}"
