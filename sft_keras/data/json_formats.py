"""JSON and JSON Lines in the shapes that people and programs write, as columns of strings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sft_keras.data.column_names import is_known_name
from sft_keras.data.limits import Limits
from sft_keras.errors import DataError

Records = list[dict[str, str]]
SHAPES = 'A list of objects like [{"text": "…", "label": "…"}], an object of lists, or JSON Lines.'
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_HALF = re.compile(r"(?i)\\ud[89a-f]")


def read_json(text: str, limits: Limits, *, lines: bool) -> tuple[Records, list[str]]:
    """Records from JSON; text that holds one JSON value a line is read as JSON Lines whatever it is called.

    Args:
        text: The whole file.
        limits: Most rows, and the name of the file for messages.
        lines: The name says JSON Lines.

    Raises:
        DataError: A line or the whole is no JSON (line and column are named), has another shape, or too many rows.
    """
    try:
        return _read(text, limits, lines=lines)
    except RecursionError:
        raise DataError("The JSON is nested too deeply.", where=limits.where, fix=SHAPES) from None


def _read(text: str, limits: Limits, *, lines: bool) -> tuple[Records, list[str]]:
    if _has_value_a_line(text) or (lines and not text.lstrip().startswith("[")):
        return _read_lines(text, limits), ["Format: JSON Lines."]
    try:
        value = _load(text, limits.where)
    except DataError:
        if _mostly_values(text):
            return _read_lines(text, limits), ["Format: JSON Lines."]  # which names the broken line
        raise
    return _records(value, limits.where), ["Format: JSON."]


def cell_text(value: Any) -> str:
    """A JSON, Parquet or spreadsheet value as a cell; null and NaN are empty, integers keep their form."""
    if value is None or value != value:
        return ""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value) if _SURROGATE.search(value) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, dict | list):
        return cell_text(json.dumps(value, ensure_ascii=False, default=_plain))
    return str(value)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)


def _has_value_a_line(text: str) -> bool:
    first, _, rest = text.strip().partition("\n")
    return bool(rest) and _is_value(first)


def _mostly_values(text: str) -> bool:
    """True if half of the first lines hold a JSON object or list each."""
    lines = [line for line in text.split("\n", 20)[:20] if line.strip()]
    return len(lines) > 1 and sum(_is_value(line) for line in lines) * 2 >= len(lines)


def _is_value(line: str) -> bool:
    if not line.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _read_lines(text: str, limits: Limits) -> Records:
    records: Records = []
    for number, line in limits.at_most(_numbered(text)):
        value = _load(line, limits.where, line=number)
        if isinstance(value, dict):
            records.append({str(k): cell_text(v) for k, v in value.items()})
        elif isinstance(value, list):
            records.append({f"column {i}": cell_text(v) for i, v in enumerate(value, start=1)})
        elif isinstance(value, str):
            records.append({"text": cell_text(value)})
        else:
            raise DataError(
                f"Each line must hold a JSON object. Received: {line.strip()[:60]}",
                where=f"{limits.where}, line {number}",
                fix='Write lines like {"text": "…", "label": "…"}.',
            )
    return records


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, each with its number in the file from 1 on."""
    number, counted = 1, 0
    for found in re.finditer(r"[^\n]+", text):
        number += text.count("\n", counted, found.start())
        counted = found.start()
        if found[0].strip():
            yield number, found[0]


def _load(text: str, where: str, line: int | None = None) -> Any:
    # Half of a character can be escaped, but neither written nor kept in a table.
    hook = _whole_names if _ESCAPED_HALF.search(text) else None
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=lambda _: None, object_pairs_hook=hook)
    except json.JSONDecodeError as error:
        raise DataError(
            f"This is not valid JSON: {error.msg}. Received: {error.doc[max(0, error.pos - 20) : error.pos + 20]!r}",
            where=f"{where}, line {line or error.lineno}, column {error.colno}",
            fix="Correct or delete the line, or export the file again.",
        ) from None
    except (RecursionError, ValueError, ArithmeticError):
        raise DataError(
            "The JSON is nested too deeply or holds a number that is too long.",
            where=f"{where}, line {line}" if line else where,
            fix=SHAPES,
        ) from None


def _whole_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {cell_text(name): value for name, value in pairs}


def _records(value: Any, where: str) -> Records:
    if isinstance(value, list):
        return _from_list(value, where)
    if isinstance(value, dict):
        columns = list(value.values())
        if columns and all(isinstance(column, list) for column in columns):
            if any(isinstance(cell, dict) for column in columns for cell in column[:1]):
                return _from_wrapped(value, where)
            return _from_columns(value, where)
        if columns and all(isinstance(column, dict) for column in columns):
            # pandas writes a frame like this: {"text": {"0": …, "1": …}, "label": {…}}.
            keys = list(dict.fromkeys(key for column in columns for key in column))
            if any(is_known_name(key) for key in keys):  # or the rows by number: {"0": {"text": …}, "1": …}
                return _from_list(columns, where)
            return [{name: cell_text(column.get(key)) for name, column in value.items()} for key in keys]
        if any(isinstance(column, list) for column in columns):
            return _from_wrapped(value, where)
        if columns:
            return [{name: cell_text(cell) for name, cell in value.items()}]
    raise DataError(f"The JSON holds no table. Received: {type(value).__name__}", where=where, fix=SHAPES)


def _from_list(items: list[Any], where: str) -> Records:
    named = _with_header(items)
    if named is not None:
        return named
    records: Records = []
    for number, item in enumerate(items, start=1):
        if isinstance(item, dict):
            records.append({name: cell_text(cell) for name, cell in item.items()})
        elif isinstance(item, list):
            records.append({f"column {i}": cell_text(cell) for i, cell in enumerate(item, start=1)})
        elif isinstance(item, str):
            records.append({"text": cell_text(item)})
        else:
            raise DataError(
                f"Each entry of the list must be an object. Received: {json.dumps(item, default=_plain)[:60]}",
                where=f"{where}, entry {number}",
                fix=SHAPES,
            )
    return records


def _with_header(items: list[Any]) -> Records | None:
    """Lists of one length of which the first names the columns, as a sheet is exported; None for anything else."""
    if len(items) < 2 or not all(isinstance(item, list) and len(item) == len(items[0]) for item in items):
        return None
    names = [cell_text(name) if isinstance(name, str) else name for name in items[0]]
    texts = all(isinstance(name, str) and name.strip() for name in names) and len(set(names)) == len(names)
    if not texts or not any(is_known_name(name) for name in names):
        return None
    return [dict(zip(names, map(cell_text, item), strict=True)) for item in items[1:]]


def _from_columns(value: dict[str, list[Any]], where: str) -> Records:
    lengths = {name: len(column) for name, column in value.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError(
            f"The columns have different lengths. Received: {found}",
            where=where,
            fix="Give every column the same number of values.",
        )
    names = list(value)
    return [
        {name: cell_text(cell) for name, cell in zip(names, row, strict=True)}
        for row in zip(*value.values(), strict=True)
    ]


def _from_wrapped(value: dict[str, Any], where: str) -> Records:
    """The one list of objects in an object like {"version": 1, "data": [{…}, …]}."""
    tables = {name: v for name, v in value.items() if isinstance(v, list) and v and isinstance(v[0], dict)}
    if len(tables) != 1:
        raise DataError(
            f"The JSON object must hold exactly one list of objects. Received: {', '.join(tables) or 'none'}",
            where=where,
            fix=SHAPES,
        )
    (name, items), *_ = tables.items()
    return _from_list(items, f"{where}, {name}")
