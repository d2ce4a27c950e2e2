"""What the columns that are not used, and the one with the weights, have to say."""

from __future__ import annotations

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


def column_findings(table: Table, columns: Columns) -> list[Finding]:
    """Further columns of texts, as title and body of a message, of which the model sees one only."""
    used = {columns.text, columns.label, columns.weight}
    others = [str(name) for name in table.frame.columns if name not in used]
    further = [name for name in others if _reads_like_text(table, name)]
    if not further:
        return []
    named = Names(tuple(further[:5]), quoted=True, more=len(further) > 5)
    return [Finding("other_text_column", "info", values={"column": columns.text, "names": named})]


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
