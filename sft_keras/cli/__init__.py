"""The command line: thin commands over `services`, one file a subject."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

# Each registers its commands, and `--help` lists them in this order.
# isort: off
from sft_keras.cli import data, settings, training, models, listings, accounts
# isort: on

from sft_keras.cli.shared import BUG, INTERRUPTED, USER_MISTAKE, app
from sft_keras.errors import SftError

__all__ = [
    "BUG",
    "INTERRUPTED",
    "USER_MISTAKE",
    "accounts",
    "app",
    "data",
    "listings",
    "main",
    "models",
    "settings",
    "training",
]
PACKAGE = Path(__file__).parents[1]


def main() -> None:
    """Runs the command line: exit code 0, 2 for a mistake that the person can mend, 1 for a bug, 130 after Ctrl-C."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Half a character is no reason to fail, and JSON is UTF-8 wherever it is read.
        encoding = "utf-8" if "--json" in sys.argv else None
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")
    try:
        app()
    except Exception as error:
        mendable = _mendable(error)
        if mendable is None:
            from rich.console import Console

            console = Console(stderr=True)
            console.print_exception(max_frames=8)
            console.print("[bold]This is a bug in sft-keras.[/] Please report it with the lines above.")
            sys.exit(BUG)
        _fail(mendable)
        sys.exit(USER_MISTAKE)


def _mendable(error: Exception) -> SftError | None:
    """The error as one that the person, or who keeps the machine, can mend; None for a bug.

    A file of this package that cannot be read is none of theirs.
    """
    if isinstance(error, SftError):
        return error
    if isinstance(error, MemoryError):
        return SftError(
            "There is not enough memory for this.", fix="Take a smaller file, or a machine with more memory."
        )
    if not isinstance(error, OSError):
        return None
    place = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes | os.PathLike) else ""
    if place and Path(place).is_relative_to(PACKAGE):
        return None
    told = error.strerror or str(error) or type(error).__name__
    fix = "Check the name, who may use it, and the room on the disk."
    return SftError(f"A file or folder cannot be used: {told}.", where=place, fix=fix)


def _fail(error: SftError) -> None:
    if "--json" in sys.argv:
        print(json.dumps(error.to_dict(), ensure_ascii=False), file=sys.stderr)
        return
    print(f"Error: {error}", file=sys.stderr)
