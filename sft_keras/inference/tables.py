"""Predictions beside the columns of a table, written row by row."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sft_keras.data.writers import open_writer

if TYPE_CHECKING:
    import pandas as pd

    from sft_keras.inference.predictor import Predictor
    from sft_keras.tasks.base import Prediction


def predict_table(predictor: Predictor, frame: pd.DataFrame, column: str, target: Path, *, probabilities: bool) -> None:
    """Writes each row of a table with its prediction; the file appears when it is complete.

    Args:
        predictor: What predicts.
        frame: The table; the order of its rows and all its columns are kept.
        column: The column with the texts.
        target: What is written: .csv, .tsv or .jsonl by its ending.
        probabilities: Whether to add the probability of each label.

    Raises:
        DataError: The file cannot be written.
    """
    extra = [f"probability_{name}" for name in predictor.labels.names] if probabilities else []
    names = _beside(frame.columns, ["prediction", "confidence", *extra])
    with open_writer(target, names) as write:
        predictions = predictor.predict_stream(frame[column])
        for row, prediction in zip(frame.itertuples(index=False, name=None), predictions, strict=True):
            write([*row, *_cells(prediction, len(extra))])


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
