"""What there is to choose from: samples, backbones, recipes, runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sft_keras.terminal.base import escape, open_console, table

if TYPE_CHECKING:
    from sft_keras.recipes import RecipeInfo
    from sft_keras.services import BackboneInfo, RunInfo, SampleInfo


def show_samples(samples: Sequence[SampleInfo]) -> None:
    """The sample data sets."""
    shown = table("sample", "what it is", "language", "licence", "here")
    for s in samples:
        shown.add_row(s.name, escape(s.title), s.language, escape(s.licence), "yes" if s.available else "no")
    console = open_console()
    console.print(shown)
    if not all(s.available for s in samples):
        console.print("\nBring the missing ones here: sft-keras samples --download")


def show_backbones(backbones: Sequence[BackboneInfo]) -> None:
    """The backbones that are known by name."""
    shown = table("backbone", "family", "parameters", "languages", "licence", "here", right=(2,))
    for b in backbones:
        size = f"{b.preset.parameters / 1e6:.1f} M" if b.preset.parameters else "by data"
        here = "yes" if b.here else "no"
        shown.add_row(b.preset.name, b.family, size, b.preset.languages, b.preset.licence, here)
    console = open_console()
    console.print(shown)
    console.print(
        "\nAlso: any other KerasHub preset of these families, an hf://organisation/name handle, or a local folder."
    )


def show_recipes(recipes: Sequence[RecipeInfo]) -> None:
    """The recipes, each with when to take it."""
    shown = table("recipe", "when to take it")
    for recipe in recipes:
        shown.add_row(recipe.name, recipe.advice)
    console = open_console()
    console.print(shown)
    console.print("\nTake one: sft-keras train --data FILE --recipe quick")


def show_runs(runs: Sequence[RunInfo]) -> None:
    """The runs, oldest first."""
    console = open_console()
    if not runs:
        console.print("No runs here. Start one: sft-keras train --data sample:movie-reviews")
        return
    shown = table("run", "state", "data", "backbone", "accuracy", "TF-IDF", "created", right=(4, 5))
    for r in runs:
        found = (r.status.summary.get(name) for name in ("accuracy", "baseline_accuracy"))
        scores = [f"{each:.3f}" if isinstance(each, int | float) else "" for each in found]
        created = r.status.created.replace("T", " ")[:16]
        state, data = escape(r.status.state), escape(r.status.data)
        shown.add_row(escape(str(r.path)), state, data, escape(r.backbone), *scores, escape(created))
    console.print(shown)
