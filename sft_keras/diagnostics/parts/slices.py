"""Where the model is worse than elsewhere: the score for each value of a spare column, each length, each script.

Each slice is compared with all other rows by Fisher's exact test (Fisher 1922); the p-values are corrected for their
number after Benjamini and Hochberg (1995, https://doi.org/10.1111/j.2517-6161.1995.tb02031.x).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.data.scripts import script_of
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Column, Meter, Sentence, Table, interval, percent

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

FEWEST_ROWS = 10
"""Slices with fewer test rows are counted, and not judged."""
CLEAR = 0.05
LENGTHS = 4


def examine(subject: Subject) -> Facts:
    """Scores every slice of the test part."""
    rows = subject.rows("test")
    hits = subject.probabilities("test").argmax(axis=1) == subject.truth("test")
    if len(rows) < 2 * FEWEST_ROWS:
        raise NotApplicable("too_few", rows=2 * FEWEST_ROWS)
    slices = {**length_slices(rows.texts), **script_slices(rows.texts), **group_slices(rows.groups)}
    found = judged(hits, slices)
    if not found:
        raise NotApplicable("none", rows=FEWEST_ROWS)
    return {
        "rows": len(rows),
        "accuracy": float(hits.mean()),
        "slices": found,
        "small": sum(1 for chosen in slices.values() if 0 < chosen.sum() < FEWEST_ROWS),
    }


def length_slices(texts: Sequence[str]) -> dict[tuple[str, str], np.ndarray]:
    """Quarters of the texts by their number of characters; fewer where many are of one length."""
    lengths = np.array([len(text) for text in texts])
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, LENGTHS + 1)).round().astype(int))
    if len(edges) < 3:
        return {}
    found = {}
    for low, high in pairwise(edges):
        last = high == edges[-1]
        found["length", f"{low}–{high if last else high - 1}"] = (lengths >= low) & (
            (lengths <= high) if last else (lengths < high)
        )
    return found


def script_slices(texts: Sequence[str]) -> dict[tuple[str, str], np.ndarray]:
    """Texts by writing system: Latin, scripts without spaces (Chinese, …), others."""
    kinds = np.array([script_of(text) for text in texts])
    present = np.unique(kinds)
    return {("script", str(kind)): kinds == kind for kind in present} if len(present) > 1 else {}


def group_slices(groups: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], np.ndarray]:
    """Each value of each spare column."""
    found = {}
    for name, values in groups.items():
        column = np.array(values, dtype=object)
        for value in dict.fromkeys(values):
            found[f"column:{name}", value] = column == value
    return found


def judged(hits: np.ndarray, slices: Mapping[tuple[str, str], np.ndarray]) -> list[dict[str, Any]]:
    """The accuracy of each slice beside that of the other rows, the worst first.

    Args:
        hits: bool [rows], whether each answer is right.
        slices: By kind and value, bool [rows].

    Returns:
        For each slice with enough rows in and outside: `by`, `value`, `rows`, `accuracy` with Wilson's 95% interval,
        the `difference` to the rest, the `p_value` of Fisher's exact test, and `q_value`, corrected for their number.
    """
    from scipy.stats import binomtest, false_discovery_control, fisher_exact

    found = []
    for (by, value), chosen in slices.items():
        rows, right = int(chosen.sum()), int(hits[chosen].sum())
        others, other_right = len(hits) - rows, int(hits.sum()) - right
        if rows < FEWEST_ROWS or others < FEWEST_ROWS:
            continue
        bounds = binomtest(right, rows).proportion_ci(method="wilson")
        p_value = fisher_exact([[right, rows - right], [other_right, others - other_right]]).pvalue
        found.append(
            {
                "by": by,
                "value": value,
                "rows": rows,
                "accuracy": right / rows,
                "low": float(bounds.low),
                "high": float(bounds.high),
                "difference": right / rows - other_right / others,
                "p_value": float(p_value),
            }
        )
    if found:
        corrected = false_discovery_control([each["p_value"] for each in found])
        found = [{**each, "q_value": float(q)} for each, q in zip(found, corrected, strict=True)]
    return sorted(found, key=lambda each: each["difference"])


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """The slices that are clearly worse in a sentence each, and all in a table."""
    worse = [each for each in facts["slices"] if each["q_value"] < CLEAR and each["difference"] < 0]
    blocks: list[Block] = []
    for each in worse[:3]:
        text = words(
            "slices.worse",
            slice=f"{_kind(each, words)}: {_value(each, words)}",
            accuracy=percent(words, each["accuracy"]),
            rows=each["rows"],
            points=f"{-100 * each['difference']:.1f}",
        )
        blocks.append(Sentence(text, "warn", private=each["by"].startswith("column:")))
    if not worse:
        blocks.append(Sentence(words("slices.even", count=len(facts["slices"])), "good"))
    columns = [
        Column(words("slices.by")),
        Column(words("slices.value"), "label"),
        Column(words("slices.rows"), "number"),
        Column(words("slices.accuracy"), "meter"),
        Column(words("slices.interval"), "number"),
        Column(words("slices.difference"), "number"),
        Column("q", "number"),
    ]
    rows = list(_rows(facts["slices"], words))
    blocks.append(Table(columns, rows, private=any(each["by"].startswith("column:") for each in facts["slices"])))
    key = "slices.how_small" if facts["small"] else "slices.how"
    blocks.append(Sentence(words(key, rows=facts["rows"], small=facts["small"], fewest=FEWEST_ROWS), "how"))
    return blocks


def _rows(slices: Sequence[Mapping[str, Any]], words: Catalogue) -> Iterator[tuple[str | Meter, ...]]:
    for each in slices:
        q_value = each["q_value"]
        yield (
            _kind(each, words),
            _value(each, words),
            f"{each['rows']:,}",
            Meter(each["accuracy"], percent(words, each["accuracy"])),
            interval(words, each["low"], each["high"]),
            f"{100 * each['difference']:+.1f}",
            "< 0.001" if q_value < 0.001 else f"{q_value:.3f}",
        )


def _kind(each: Mapping[str, Any], words: Catalogue) -> str:
    by = str(each["by"])
    return by.removeprefix("column:") if by.startswith("column:") else words(f"slices.by_{by}")


def _value(each: Mapping[str, Any], words: Catalogue) -> str:
    if each["by"] == "script":
        return words(f"slices.script_{each['value']}")
    return str(each["value"]) or words("common.empty")


PARTS.add("slices", Part(50, examine, present))
