"""Commands that list what is on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sft_keras.cli.shared import Json, app, open_services, print_json


@app.command()
def runs(
    places: Annotated[list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Where to look.")] = None,
    as_json: Json = False,
) -> None:
    """List the runs in the data directory, ./runs and the current folder, or in the folders given."""
    found = open_services().runs(places or [])
    if as_json:
        print_json([{"path": str(r.path), "backbone": r.backbone, **vars(r.status)} for r in found])
        return
    from sft_keras.terminal.listings import show_runs

    show_runs(found)


@app.command()
def version(as_json: Json = False) -> None:
    """Print the versions of sft-keras and of what it stands on."""
    from sft_keras.runs.results import versions

    if as_json:
        print_json(versions())
        return
    for name, number in versions().items():
        print(f"{name} {number}")
