"""What the columns that are not used, and the one with the weights, have to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from sft_keras.data.catalogue import Names, Value
from sft_keras.data.column_names import TEXT_NAMES, by_name
from sft_keras.data.columns import SAMPLE_ROWS, Columns, profile
from sft_keras.data.examples import is_weight
from sft_keras.data.findings import Finding, some_rows
from sft_keras.data.readers import Table
from sft_keras.data.scripts import mostly_unspaced

# A name is a few words, too; a sentence is longer. Scripts without spaces say as much in fewer characters.
SHORTEST_SPACED, SHORTEST_UNSPACED = 20, 8
# A column tells the label if its values give the label of so many rows, and leave so little of what the most frequent
# label gets wrong.
TELLING, TELLING_LEFT = 0.95, 0.2
TELLING_ROWS, TELLING_COLUMNS, FEWEST_TELLING_ROWS = 10_000, 100, 20


def column_findings(table: Table, columns: Columns) -> list[Finding]:
    """Further columns of texts, as title and body of a message, of which the model sees one only."""
    used = {columns.text, columns.label, columns.weight}
    others = [str(name) for name in table.frame.columns if name not in used]
    further = [name for name in others if _reads_like_text(table, name)]
    if not further:
        return []
    named = Names(tuple(further[:5]), quoted=True, more=len(further) > 5)
    return [Finding("other_text_column", "info", values={"column": columns.text, "names": named})]


def telling_findings(table: Table, columns: Columns, rows: np.ndarray) -> list[Finding]:
    """Further columns that nearly settle the label, such as a score or a department that was filled in with it.

    Each row is answered with the most frequent label of the other rows with the same value.

    Args:
        table: The rows.
        columns: Which columns are used.
        rows: Numbers of the usable rows, int64 of shape [rows]; the first 10,000 are looked at.
    """
    seen = rows[:TELLING_ROWS] - 1
    if len(seen) < FEWEST_TELLING_ROWS:
        return []
    labels = [str(label).strip() for label in table.frame[columns.label].iloc[seen]]
    usual = Counter(labels).most_common(1)[0][1] / len(labels)
    used = {columns.text, columns.label, columns.weight}
    others = [str(name) for name in table.frame.columns if name not in used][:TELLING_COLUMNS]
    telling = []
    for name in others:
        share = _told_by(table.frame[name].iloc[seen].tolist(), labels)
        if share >= TELLING and 1 - share <= TELLING_LEFT * (1 - usual):
            telling.append(name)
    if not telling:
        return []
    named = Names(tuple(telling[:5]), quoted=True, more=len(telling) > 5)
    return [Finding("telling_column", "info", values={"names": named, "share": round(100 * TELLING)})]


def _told_by(values: Sequence[str], labels: Sequence[str]) -> float:
    """The share of rows whose label is the most frequent one of the other rows with the same value."""
    counts: dict[str, Counter[str]] = {}
    for value, label in zip(values, labels, strict=True):
        counts.setdefault(value.strip(), Counter())[label] += 1
    right = 0
    for found in counts.values():
        first, second = ([n for _, n in found.most_common(2)] + [0])[:2]
        right += first if first - 1 > second else 0  # the others with the value must outvote the rest
    return right / len(labels)


def weight_findings(table: Table, columns: Columns, rows: np.ndarray) -> list[Finding]:
    """Weights that are no numbers from 0 up.

    Args:
        table: The rows.
        columns: Which column holds the weights, if any.
        rows: Numbers of the usable rows, int64 of shape [rows].
    """
    if columns.weight is None:
        return []
    weights: list[str] = table.frame[columns.weight].tolist()
    wrong = [row for row in rows.tolist() if not is_weight(weights[row - 1])]
    if not wrong:
        return []
    values: dict[str, Value] = {"n": len(wrong), "column": columns.weight}
    return [Finding("bad_weight", "error", some_rows(wrong), values=values)]


def _reads_like_text(table: Table, name: str) -> bool:
    measured = profile(table.frame, name)
    seen = min(SAMPLE_ROWS, len(table.frame))
    if measured.filled < seen / 2 or measured.numeric >= 0.5 or measured.distinct < measured.filled / 2:
        return False
    values = [value for value in table.frame[name].iloc[:SAMPLE_ROWS] if value.strip()]
    if mostly_unspaced(values):
        return measured.mean_length >= SHORTEST_UNSPACED
    # Addresses and keys are long as well, but hold no spaces.
    if sum(" " in value.strip() for value in values) < len(values) / 2:
        return False
    return measured.mean_length >= (SHORTEST_SPACED / 2 if by_name([name], TEXT_NAMES) else SHORTEST_SPACED)
