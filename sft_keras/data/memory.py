"""Examples that a program holds in memory: lists, arrays and data frames instead of a file.

What is wrong with them is told as `ValueError` or `TypeError`, which programs expect, with the usual three parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import pandas as pd

from sft_keras.data.columns import Columns
from sft_keras.data.examples import Examples, examples_from_table
from sft_keras.data.headers import column_names
from sft_keras.data.json_formats import cell_text
from sft_keras.data.readers import Table
from sft_keras.errors import DataError, InputTypeError, InputValueError
from sft_keras.settings import Settings

SOURCE = "memory"


def texts_of(texts: Any, *, name: str = "texts") -> list[str]:
    """A sequence of texts as a list.

    Args:
        texts: A list, a tuple, a one-dimensional array, or a pandas Series of `str`.
        name: What the argument is called, for messages.

    Raises:
        InputTypeError: It is no sequence of texts.
        InputValueError: It is a single text, has two dimensions, no rows, or a missing text.
    """
    if isinstance(texts, str | bytes):
        raise InputValueError(
            f"A sequence of texts is expected. Received: one text, {str(texts)[:60]!r}",
            where=name,
            fix="Put it into a list, even if it is the only one.",
        )
    values = values_of(texts, name=name)
    for position, value in enumerate(values):
        if isinstance(value, str):
            continue
        if is_missing(value):
            raise InputValueError(
                f"A text is missing. Received: {value!r}",
                where=f"{name}, position {position}",
                fix='Leave these rows out, or put "" in their place.',
            )
        raise InputTypeError(
            f"Each text must be a str. Received: {type(value).__name__}",
            where=f"{name}, position {position}",
            fix="Turn the values into str first; for a data frame, pass one column of it.",
        )
    return list(map(str, values))


def values_of(values: Any, *, name: str) -> list[Any]:
    """A one-dimensional sequence as a list with at least one entry.

    Raises:
        InputTypeError: It is no sequence.
        InputValueError: It has more dimensions than one, or no rows.
    """
    dimensions = getattr(values, "ndim", 1)
    if dimensions != 1:
        raise InputValueError(
            f"One dimension is expected. Received: {dimensions}, shape {getattr(values, 'shape', '(unknown)')}",
            where=name,
            fix="Pass one column, for example frame['text'] or array[:, 0].",
        )
    if hasattr(values, "__array__") and not hasattr(values, "tolist"):
        values = np.asarray(values)
    if isinstance(values, str | bytes | Mapping | AbstractSet) or not hasattr(values, "__len__"):
        raise InputTypeError(
            f"A list, a one-dimensional array or a pandas Series is expected. Received: {type(values).__name__}",
            where=name,
            fix="Turn it into a list.",
        )
    found = values.tolist() if hasattr(values, "tolist") else list(values)
    if not found:
        raise InputValueError(
            "At least one row is needed. Received: 0 sample(s)", where=name, fix="Pass at least one row."
        )
    return list(found)


def examples_from_lists(texts: Any, labels: Any, weights: Any, settings: Settings) -> tuple[Examples, list[str]]:
    """The usable rows of texts with labels, and notes on those that were left out because they are empty.

    Args:
        texts: See `texts_of`.
        labels: As many values; whatever they are, their `str` is the label.
        weights: As many numbers from 0 up, or None if all rows weigh the same.
        settings: Gives the limits.

    Raises:
        InputTypeError: An argument is no sequence, or a text is no `str`.
        InputValueError: The lengths differ, a value is missing, or a weight is no number from 0 up.
        DataError: No row is usable, a text is too long, or there are too many classes.
    """
    columns = {"text": texts_of(texts), "label": values_of(labels, name="labels")}
    if weights is not None:
        columns["weight"] = values_of(weights, name="sample_weight")
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{number} of {name}" for name, number in lengths.items())
        raise InputValueError(
            f"As many labels and weights as texts are expected. Received: inconsistent numbers of samples, {told}",
            where="texts, labels, sample_weight",
            fix="Give one label, and one weight if any, for each text.",
        )
    missing = next((i for i, label in enumerate(columns["label"]) if is_missing(label)), None)
    if missing is not None:
        raise InputValueError(
            f"A label is missing. Received: {columns['label'][missing]!r}",
            where=f"labels, position {missing}",
            fix="Leave these rows out.",
        )
    frame = pd.DataFrame({name: pd.Series(list(map(str, column)), dtype=object) for name, column in columns.items()})
    chosen = Columns("text", "label", "weight" if weights is not None else None, ())
    try:
        return examples_from_table(Table(frame, SOURCE), chosen, settings)
    except DataError as error:
        raise InputValueError(error.problem, where=error.where, fix=error.fix) from None


def table_from_frame(frame: pd.DataFrame) -> Table:
    """A data frame as the table that a file with the same cells would give.

    Raises:
        InputValueError: It has no rows.
    """
    if not len(frame):
        raise InputValueError("The data frame has no rows.", where=SOURCE, fix="Pass at least one row.")
    # pandas turns whole numbers with gaps into floats, which is undone here.
    plain = frame.convert_dtypes(convert_string=False)
    width = frame.shape[1]
    columns = {}
    for i, name in enumerate(column_names(list(map(str, frame.columns)), width)):
        cells = ["" if is_missing(value) else cell_text(value) for value in plain.iloc[:, i].tolist()]
        columns[name] = pd.Series(cells, dtype=object)
    return Table(pd.DataFrame(columns), SOURCE)


def is_missing(value: Any) -> bool:
    """Whether it is None, NaN, or pandas' mark for a missing value."""
    return pd.api.types.is_scalar(value) and bool(pd.isna(value))
