"""Predictions beside the columns of a table, written row by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sft_keras.data.writers import SEPARATORS, open_writer

if TYPE_CHECKING:
    import pandas as pd

    from sft_keras.inference.base import TextPredictor
    from sft_keras.tasks.base import Prediction

# Rows between two reports of progress, which are predicted together.
STEP = 1024
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


def predict_table(
    predictor: TextPredictor,
    frame: pd.DataFrame,
    column: str,
    target: Path,
    *,
    probabilities: bool,
    defused: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    hear: Callable[[Prediction], None] = lambda _prediction: None,
    decide: Callable[[Prediction], str] | None = None,
) -> None:
    """Writes each row of a table with its prediction; the file appears when it is complete.

    Args:
        predictor: What predicts.
        frame: The table; the order of its rows and all its columns are kept.
        column: The column with the texts.
        target: What is written: .csv, .tsv or .jsonl by its ending.
        probabilities: Whether to add the probability of each label.
        defused: Whether no cell of a .csv or .tsv may be a formula for a spreadsheet.
        progress: Called with the rows that are done, and all.
        hear: Called with each prediction.
        decide: Gives the cell of a column `decision`, which is left out if this is.

    Raises:
        DataError: The file cannot be written.
    """
    safe = defuse if defused and target.suffix.lower() in SEPARATORS else str
    extra = [f"probability_{name}" for name in predictor.labels.names] if probabilities else []
    names = _beside(frame.columns, ["prediction", "confidence", *extra, *(["decision"] if decide else [])])
    with open_writer(target, list(map(safe, names))) as write:
        predictions = predictor.predict_stream(frame[column], chunk=STEP)
        rows = zip(frame.itertuples(index=False, name=None), predictions, strict=True)
        for number, (row, prediction) in enumerate(rows, start=1):
            hear(prediction)
            more = [decide(prediction) if prediction.label else ""] if decide else []
            write([safe(cell) for cell in (*row, *_cells(prediction, len(extra)), *more)])
            if number % STEP == 0 or number == len(frame):
                progress(number, len(frame))


def defuse(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers.

    Example:
        >>> defuse("=1+1"), defuse("-5")
        ("'=1+1", '-5')
    """
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


def _beside(names: Iterable[str], new: Iterable[str]) -> list[str]:
    """The names with new ones after them; a new one that is taken gets a number, so that no column is lost."""
    result = list(names)
    for name in new:
        unique, number = name, 2
        while unique in result:
            unique, number = f"{name} ({number})", number + 1
        result.append(unique)
    return result


def _cells(prediction: Prediction, extra: int) -> list[str]:
    """What a prediction adds to a row; an empty text gets empty cells."""
    if not prediction.label:
        return [""] * (2 + extra)
    values = list(prediction.probabilities.values())[:extra]
    return [prediction.label, f"{prediction.confidence:.6f}", *[f"{value:.6f}" for value in values]]
