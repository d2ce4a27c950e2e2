"""The diagnostics on a terminal: the blocks of each part as rich's tables and lines."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sft_keras.diagnostics.blocks import Block, Meter, Sentence, Table, Words
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.runs.diagnosed import blocks_of
from sft_keras.terminal.base import escape, open_console, table

if TYPE_CHECKING:
    from sft_keras.runs.diagnosed import Found

STYLES = {"say": "", "how": "dim", "warn": "yellow", "good": "green"}


@contextlib.contextmanager
def parts_sink() -> Iterator[Parts]:
    """A sink on standard error that names each part as it begins."""
    yield Parts()


class Parts:
    """Says which part is at work."""

    def event(self, kind: str, **values: Any) -> None:
        """Hears of a part."""
        if kind == "part":
            print(f"{values['number'] + 1}/{values['count']} {values['name']}", file=sys.stderr, flush=True)


def show_diagnostics(found: Sequence[Found], language: str) -> None:
    """All parts, one after the other.

    Args:
        found: What is known of them.
        language: "en" or "zh".

    Raises:
        ConfigError: There is no such language.
    """
    words, out = catalogue(language), open_console()
    for each in found:
        out.print(f"\n[bold]{escape(words(f'{each.part}.title'))}[/]")
        for block in blocks_of(each, words):
            for line in _lines(block, words("common.more", count="{count}")):
                out.print(line)


def _lines(block: Block, more: str) -> Iterator[Any]:
    if isinstance(block, Sentence):
        style = STYLES[block.kind]
        yield f"[{style}]{escape(block.text)}[/]" if style else escape(block.text)
    elif isinstance(block, Table):
        if block.title:
            yield f"[bold]{escape(block.title)}[/]"
        right = [index for index, column in enumerate(block.columns) if column.kind in ("number", "meter")]
        shown = table(*(escape(column.title) for column in block.columns), right=right)
        for row in block.rows[: block.shown]:
            shown.add_row(*(escape(cell.text if isinstance(cell, Meter) else cell) for cell in row))
        yield shown
        if len(block.rows) > block.shown:
            yield f"[dim]{escape(more.format(count=len(block.rows) - block.shown))}[/]"
    elif isinstance(block, Words):
        yield f"[bold]{escape(block.title)}[/] " + ", ".join(escape(word) for word, _ in block.words)
