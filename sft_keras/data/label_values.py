"""Labels as a program gives them (strings, whole numbers, booleans) and the names that stand for them in a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from sft_keras.data.memory import is_missing, values_of
from sft_keras.errors import InputTypeError, InputValueError

_BOOLEANS = {"True": True, "False": False}


def targets_of(labels: Any) -> np.ndarray:
    """Labels as an array of one type.

    Args:
        labels: A list, one-dimensional array or Series of strings, whole numbers, booleans, or floats that hold whole
            numbers.

    Returns:
        [rows], in the type that NumPy gives to them.

    Raises:
        InputTypeError: They are of several types, or of one that is no label.
        InputValueError: One is missing, or they are measurements rather than classes.
    """
    values = values_of(labels, name="labels")
    kinds: dict[str, int] = {}
    for position, value in enumerate(values):
        if is_missing(value):
            raise InputValueError(
                f"A label is missing. Received: {value!r}", where=f"labels, position {position}", fix="Leave it out."
            )
        kinds.setdefault(_kind(value), position)
    if len(kinds) > 1 or not set(kinds) <= {"str", "int", "bool", "float"}:
        told = ", ".join(f"{kind} at position {position}" for kind, position in kinds.items())
        raise InputTypeError(
            f"All labels must be strings, all whole numbers, or all booleans. Received: {told}",
            where="labels",
            fix="Turn all of them into str.",
        )
    array = np.asarray(labels)
    if array.dtype.kind == "O" and "str" not in kinds:
        array = np.asarray(values)
    try:
        check_classification_targets(array)
    except ValueError as error:
        raise InputValueError(str(error), where="labels", fix="Give one of a few classes for each text.") from None
    return array


def names_of(values: np.ndarray) -> list[str]:
    """The name of each label in a model.

    Raises:
        InputValueError: Two labels would have one name, or a label none: names have no white space around them.
    """
    names = [str(value).strip() for value in values.tolist()]
    if len(set(names)) < len(names) or not all(names):
        raise InputValueError(
            f"Labels must differ in more than white space, and none may be empty. Received: {values.tolist()[:10]}",
            where="labels",
            fix="Clean them, for example with str.strip, and leave out rows without a label.",
        )
    return names


def with_names(values: np.ndarray, names: Iterable[str]) -> np.ndarray:
    """The labels together with those that further names stand for: sorted, of the same type.

    Raises:
        InputValueError: A name stands for no label of this type.
    """
    more = sorted(set(names) - set(names_of(values)))
    if not more:
        return values
    kind = _kind(values[0])
    readers: dict[str, Callable[[str], Any]] = {"str": str, "int": int, "float": float, "bool": _BOOLEANS.__getitem__}
    try:
        found = [readers[kind](name) for name in more]
        if [str(value) for value in found] != more:
            raise ValueError
    except (ValueError, KeyError):
        raise InputValueError(
            f"The bundle knows labels that are no {kind}. Received: {', '.join(more[:10])}",
            where="labels",
            fix="Give the labels as strings, as the bundle has them.",
        ) from None
    dtype = object if values.dtype.kind == "O" else None
    return np.unique(np.asarray([*values.tolist(), *found], dtype=dtype))


def _kind(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "bool"
    for name, kind in (("str", str), ("int", Integral), ("float", Real)):
        if isinstance(value, kind):
            return name
    return type(value).__name__
