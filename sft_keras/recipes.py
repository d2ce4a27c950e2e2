"""The recipes that come with the project: configurations by name, each with when to take it in its first lines."""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass
from pathlib import Path

from sft_keras.errors import ConfigError, did_you_mean

DEFAULTS = "defaults"


@dataclass(frozen=True)
class RecipeInfo:
    """A recipe: its name, where its file lies, and its first lines."""

    name: str
    path: Path
    advice: str


def recipes_dir() -> Path:
    """The folder `configs` of the checkout, or what an installed package brought of it."""
    root = Path(__file__).parent.parent
    if (root / "pyproject.toml").is_file():
        return root / "configs"
    schemes = (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))
    places = [Path(sysconfig.get_path("data", scheme)) / "share" / "sft-keras" / "configs" for scheme in schemes]
    return next((place for place in places if place.is_dir()), places[0])


def recipes() -> list[RecipeInfo]:
    """All recipes, by name."""
    found = sorted(path for path in recipes_dir().glob("*.yaml") if path.stem != DEFAULTS)
    return [RecipeInfo(path.stem, path, _advice(path)) for path in found]


def recipe_path(name: str) -> Path:
    """The file of a recipe.

    Raises:
        ConfigError: There is no such recipe.
    """
    known = {recipe.name: recipe.path for recipe in recipes()}
    if name not in known:
        raise ConfigError(
            f'There is no recipe "{name}".', where="--recipe", fix=did_you_mean(name, known) or "Use --config FILE."
        )
    return known[name]


def _advice(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    first = next((index for index, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return " ".join(line.lstrip("# ").strip() for line in lines[:first])
