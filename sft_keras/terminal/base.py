"""What all that is shown is made of: the console, a table, a text that has no power over the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape as escape_markup
from rich.table import Table

from sft_keras.errors import one_line

# A label or a row more than so many is counted, not shown.
MOST_CLASSES_SHOWN = 30


def escape(text: str) -> str:
    """A text from a file, shown as it stands: neither rich's markup nor the terminal's control characters work."""
    return escape_markup(one_line(text))


def open_console() -> Console:
    """Standard output; where nobody watches, no line is broken to a guessed width."""
    return Console(width=None if sys.stdout.isatty() else 140, highlight=False)


def table(*columns: str, right: Sequence[int] = ()) -> Table:
    """A table without lines.

    Args:
        columns: The titles, with rich's markup.
        right: The columns whose cells stand at the right, counted from 0.
    """
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index in right else "left", overflow="fold")
    return made
