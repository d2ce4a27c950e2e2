"""Commands about what a training can be told: pretrained models, recipes, a file with every setting."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sft_keras.cli.shared import Json, app, open_services, print_json, require_new, write_new


@app.command()
def backbones(as_json: Json = False) -> None:
    """List the pretrained models that are known by name."""
    found = open_services().backbones()
    if as_json:
        print_json([{**vars(b.preset), "family": b.family, "here": b.here} for b in found])
        return
    from sft_keras.terminal.listings import show_backbones

    show_backbones(found)


@app.command()
def recipes(as_json: Json = False) -> None:
    """List the recipes: settings by name, each with when to take it."""
    found = open_services().recipes()
    if as_json:
        print_json([{"name": each.name, "path": str(each.path), "advice": each.advice} for each in found])
        return
    from sft_keras.terminal.listings import show_recipes

    show_recipes(found)


@app.command("init-config")
def init_config(
    out: Annotated[Path | None, typer.Argument(metavar="FILE", help="Where to write; printed if left out.")] = None,
) -> None:
    """Write a configuration file with every setting, its default and its meaning."""
    from sft_keras.config import RunConfig
    from sft_keras.config_template import commented_yaml

    text = commented_yaml(RunConfig())
    if out is None:
        print(text, end="")
        return
    require_new(out)
    write_new(out, text)
