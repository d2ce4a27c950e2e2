"""Whether the answers and the mistakes fall evenly on the groups of a spare column.

Demographic parity (Dwork et al. 2012, https://doi.org/10.1145/2090236.2090255): each group gets a label equally often.
Equalised odds (Hardt et al. 2016, https://arxiv.org/abs/1610.02413): among rows with the same true label, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Column, Sentence, Table

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

FEWEST_ROWS, FEWEST_OF_KIND = 20, 10
LARGE, CLEAR = 0.1, 0.05
"""A difference is told if it is this large and its p-value, corrected for the number of comparisons, this small."""


def examine(subject: Subject) -> Facts:
    """Both differences for each spare column, over groups with enough rows."""
    from scipy.stats import false_discovery_control

    groups = subject.rows("test").groups
    if not groups:
        raise NotApplicable("no_columns")
    predicted, truth = subject.probabilities("test").argmax(axis=1), subject.truth("test")
    found = []
    for name, values in groups.items():
        column = np.array(values, dtype=object)
        kept = [value for value in dict.fromkeys(values) if (column == value).sum() >= FEWEST_ROWS]
        if len(kept) >= 2:
            found.append({"column": name, **differences(predicted, truth, column, kept, subject.labels.names)})
    if not found:
        raise NotApplicable("too_few", rows=FEWEST_ROWS)
    gaps = [{**gap, "column": each["column"]} for each in found for gap in each.pop("gaps")]
    corrected = false_discovery_control([gap["p_value"] for gap in gaps]) if gaps else []
    clear = [gap for gap, q in zip(gaps, corrected, strict=True) if q < CLEAR and gap["difference"] >= LARGE]
    return {
        "rows": len(truth),
        "compared": len(gaps),
        "columns": sorted(found, key=lambda each: -(each["odds"]["difference"] or 0.0)),
        "clear": max(clear, key=lambda gap: gap["difference"], default=None),
    }


def differences(
    predicted: np.ndarray, truth: np.ndarray, column: np.ndarray, groups: Sequence[str], names: Sequence[str]
) -> dict[str, Any]:
    """Demographic parity and equalised odds differences, for the label where they are largest.

    Args:
        predicted: int [rows], class indices.
        truth: int [rows], class indices.
        column: object [rows], the group of each row.
        groups: The groups that are compared.
        names: The names of the classes.

    Returns:
        `parity` and `odds`: the `difference` between the highest and the lowest rate, its `label`, and the groups
        `high` and `low`; for `odds` also `rate`, "tpr" or "fpr". Rates over fewer than 10 rows are left out. `gaps` are
        all differences of odds, each with the `p_value` of Fisher's exact test between its two groups.
    """
    parity: list[dict[str, Any]] = []
    odds: list[dict[str, Any]] = []
    everything = np.ones(len(truth), dtype=bool)
    for number, label in enumerate(names):
        chosen = predicted == number
        parity += _gap(chosen, everything, column, groups, label=label)
        odds += _gap(chosen, truth == number, column, groups, label=label, rate="tpr")
        odds += _gap(chosen, truth != number, column, groups, label=label, rate="fpr")

    def largest(gaps: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return max(gaps, key=lambda gap: gap["difference"], default={"difference": None})

    return {"groups": len(groups), "parity": largest(parity), "odds": largest(odds), "gaps": odds}


def _gap(
    chosen: np.ndarray, rows: np.ndarray, column: np.ndarray, groups: Sequence[str], **more: str
) -> list[dict[str, Any]]:
    """The gap between the groups with the highest and the lowest share of chosen rows; none with fewer than two."""
    from scipy.stats import fisher_exact

    counts = {}
    for group in groups:
        within = (column == group) & rows
        if within.sum() >= FEWEST_OF_KIND:
            counts[group] = (int(chosen[within].sum()), int(within.sum()))
    if len(counts) < 2:
        return []
    rates = {group: hits / total for group, (hits, total) in counts.items()}
    high, low = max(rates, key=lambda g: rates[g]), min(rates, key=lambda g: rates[g])
    table = [[counts[g][0], counts[g][1] - counts[g][0]] for g in (high, low)]
    return [
        {
            "difference": rates[high] - rates[low],
            "high": high,
            "low": low,
            "rates": [rates[high], rates[low]],
            "p_value": float(fisher_exact(table).pvalue),
            **more,
        }
    ]


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """The largest difference in words, and both for each column."""
    found = facts["clear"]
    blocks: list[Block] = []
    if found:
        text = words(
            f"fairness.uneven_{found['rate']}",
            column=found["column"],
            label=found["label"],
            high=found["high"] or words("common.empty"),
            low=found["low"] or words("common.empty"),
            more=f"{100 * found['rates'][0]:.0f}%",
            less=f"{100 * found['rates'][1]:.0f}%",
        )
        blocks.append(Sentence(text, "warn", private=True))
    elif facts["compared"]:
        blocks.append(Sentence(words("fairness.even")))
    else:
        blocks.append(Sentence(words("fairness.unknown")))
    columns = [
        Column(words("fairness.column"), "label"),
        Column(words("fairness.groups"), "number"),
        Column(words("fairness.parity"), "number"),
        Column(words("fairness.label"), "label"),
        Column(words("fairness.odds"), "number"),
        Column(words("fairness.label"), "label"),
    ]
    rows = [
        (
            each["column"],
            str(each["groups"]),
            _points(each["parity"]["difference"]),
            each["parity"].get("label", ""),
            _points(each["odds"]["difference"]),
            each["odds"].get("label", ""),
        )
        for each in facts["columns"]
    ]
    blocks.append(Table(columns, rows, private=True))
    blocks.append(Sentence(words("fairness.how", rows=facts["rows"], fewest=FEWEST_ROWS), "how"))
    return blocks


def _points(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


PARTS.add("fairness", Part(55, examine, present))
