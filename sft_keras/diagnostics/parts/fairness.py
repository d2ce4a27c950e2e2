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
LARGE = 0.1


def examine(subject: Subject) -> Facts:
    """Both differences for each spare column, over groups with enough rows."""
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
    return {"rows": len(truth), "columns": sorted(found, key=lambda each: -(each["odds"]["difference"] or 0.0))}


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
        `high` and `low`; for `odds` also `rate`, "tpr" or "fpr". Rates over fewer than 10 rows are left out.
    """
    parity: dict[str, Any] = {"difference": None}
    odds: dict[str, Any] = {"difference": None}

    def keep(best: dict[str, Any], rates: Mapping[str, float], **more: Any) -> dict[str, Any]:
        if len(rates) < 2:
            return best
        high, low = max(rates, key=lambda g: rates[g]), min(rates, key=lambda g: rates[g])
        gap = rates[high] - rates[low]
        if best["difference"] is not None and gap <= best["difference"]:
            return best
        return {"difference": gap, "high": high, "low": low, "rates": [rates[high], rates[low]], **more}

    for number, label in enumerate(names):
        chosen = predicted == number
        parity = keep(parity, {g: float(chosen[column == g].mean()) for g in groups}, label=label)
        for rate, rows in (("tpr", truth == number), ("fpr", truth != number)):
            within = {g: (column == g) & rows for g in groups}
            rates = {g: float(chosen[each].mean()) for g, each in within.items() if each.sum() >= FEWEST_OF_KIND}
            odds = keep(odds, rates, label=label, rate=rate)
    return {"groups": len(groups), "parity": parity, "odds": odds}


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """The largest difference in words, and both for each column."""
    first = facts["columns"][0]
    odds = first["odds"]
    blocks: list[Block] = []
    if odds["difference"] is not None and odds["difference"] >= LARGE:
        text = words(
            f"fairness.uneven_{odds['rate']}",
            column=first["column"],
            label=odds["label"],
            high=odds["high"] or words("fairness.empty"),
            low=odds["low"] or words("fairness.empty"),
            more=f"{100 * odds['rates'][0]:.0f}%",
            less=f"{100 * odds['rates'][1]:.0f}%",
        )
        blocks.append(Sentence(text, "warn", private=True))
    else:
        blocks.append(Sentence(words("fairness.even"), "good"))
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
