"""What was tried before the training, as plain tables for the terminal and the model card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Rows = list[tuple[str, ...]]


def search_tables(report: Mapping[str, Any]) -> Iterable[tuple[str, tuple[str, ...], Rows]]:
    """The weights λ and the layers that were tried.

    Args:
        report: The content of `report.json`; keys that are not there are left out.

    Yields:
        A title, the columns and the rows; the row that was chosen bears a mark.
    """
    weights = report.get("lambda_search") or {}
    tried: Rows = [
        (
            _number(row["weight"]),
            _score(row),
            str(row.get("epochs") or "–"),
            _seconds(row),
            _mark(row["weight"], weights),
        )
        for row in weights.get("rows", ())
    ]
    if tried:
        yield "λ tried", ("λ", f"validation {weights.get('monitor') or 'score'}", "epochs", "time", ""), tried
    layers = report.get("layer_search") or {}
    ranges: Rows = [
        (
            str(row["layers"]),
            _number(row.get("C")),
            _score(row),
            _mark(row["layers"], layers) if layers.get("chosen_C") in (None, row.get("C")) else "",
        )
        for row in layers.get("rows", ())
    ]
    if ranges:
        yield "Layers tried", ("layers", "C", "validation score", ""), ranges


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _score(row: Mapping[str, Any]) -> str:
    return "–" if row.get("score") is None else f"{row['score']:.3f}"


def _seconds(row: Mapping[str, Any]) -> str:
    return "–" if row.get("seconds") is None else f"{row['seconds']:.0f} s"


def _mark(value: Any, search: Mapping[str, Any]) -> str:
    return "chosen" if value == search.get("chosen") else ""
