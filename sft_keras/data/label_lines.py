"""Formats with one example a line that begins with its label: fastText, and the questions of TREC."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from sft_keras.data.limits import Limits

Rows = tuple[list[list[str]], list[str]]
_TREC = re.compile(r"([A-Z][A-Z_]*):([A-Za-z_]+)[ \t]+(\S.*)")


def is_fasttext(lines: Iterable[str]) -> bool:
    """True if nearly all lines begin with a fastText label."""
    filled = [line for line in lines if line.strip()]
    return bool(filled) and sum(line.lstrip().startswith("__label__") for line in filled) >= 0.9 * len(filled)


def read_fasttext(text: str, limits: Limits) -> Rows:
    """Rows of text and label from `__label__x text` lines, with a header row."""
    rows = [["text", "label"]]
    several: list[int] = []
    for line in limits.at_most(_filled_lines(text)):
        labels = []
        rest = line
        while rest.startswith("__label__"):
            label, *following = re.split(r"[ \t\v\f]+", rest, maxsplit=1)
            labels.append(label.removeprefix("__label__"))
            rest = following[0].lstrip() if following else ""
        rows.append([rest, labels[0] if labels else ""])
        if len(labels) > 1:
            several.append(len(rows) - 1)
    notes = ["Format: fastText."]
    if several:
        notes.append(f"{len(several)} row(s) had several labels; the first one was kept (first in row {several[0]}).")
    return rows, notes


def is_trec(lines: Iterable[str]) -> bool:
    """True if every line is like `LOC:city What is the capital of France ?` and there are several of them."""
    filled = [line.strip() for line in lines if line.strip()]
    labels = {found[1] for line in filled if (found := _TREC.fullmatch(line))}
    return len(filled) > 1 and 2 <= len(labels) <= len(filled) / 2 and all(map(_TREC.fullmatch, filled))


def read_trec(text: str, limits: Limits) -> Rows:
    """Rows of text, label and fine label from `LABEL:fine text` lines, with a header row."""
    rows = [["text", "label", "fine_label"]]
    for line in limits.at_most(_filled_lines(text)):
        if found := _TREC.fullmatch(line):
            rows.append([found[3], found[1], f"{found[1]}:{found[2]}"])
        else:  # beyond the lines that were looked at
            rows.append([line, "", ""])
    return rows, ["Format: TREC, a label and a finer one before each text."]


def _filled_lines(text: str) -> Iterator[str]:
    for found in re.finditer(r"[^\r\n]+", text):
        if line := found[0].strip():
            yield line


LINE_FORMATS: tuple[tuple[Callable[[Iterable[str]], bool], Callable[[str, Limits], Rows]], ...] = (
    (is_fasttext, read_fasttext),
    (is_trec, read_trec),
)
