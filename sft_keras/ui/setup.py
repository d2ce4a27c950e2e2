"""From what stands on the page to the settings of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sft_keras.config import RunConfig, TermConfig
from sft_keras.services import Services
from sft_keras.ui.form import FormField, changes, form_fields, laid_over, shown, value_at

CARDS = ("quick", "balanced", "best")
NO_TERM, AUTO = "none", "auto"
FIELDS = form_fields(RunConfig)
TERM_FIELDS = form_fields(TermConfig, prefix="term.", hidden={"term.name", "term.weight"})
_TERM_DEFAULTS: dict[str, Any] = {
    name: field.default for name, field in TermConfig.model_fields.items() if name != "name"
}
_DEFAULT_WEIGHT = 0.1


@dataclass(frozen=True)
class Choices:
    """What the page holds beside the fields of the form.

    Attributes:
        recipe: Name of the recipe.
        backbone: Name of the backbone.
        term: Name of the supervised term, or `NO_TERM`.
        weight: λ; None if the number was cleared.
        find: Whether λ is to be found.
        split: Shares of the rows by the name of their setting.
    """

    recipe: str
    backbone: str
    term: str
    weight: float | None
    find: bool
    split: Mapping[str, float]


@dataclass(frozen=True)
class Filled:
    """What the page shows for a recipe: see `Choices`; values are those of `FIELDS`, then of `TERM_FIELDS`."""

    backbone: str
    term: str
    weight: float
    find: bool
    values: tuple[Any, ...]


def filled(services: Services, recipe: str) -> Filled:
    """The page for a recipe.

    Raises:
        ConfigError: There is no such recipe.
    """
    base = _base(services, recipe)
    terms = base["objective"]["terms"]
    term = {**_TERM_DEFAULTS, "name": NO_TERM, "weight": _DEFAULT_WEIGHT, **(terms[0] if terms else {})}
    find = term["weight"] == AUTO
    values = [shown(field, value_at(base, field.path)) for field in FIELDS]
    values += [shown(field, value_at({"term": term}, field.path)) for field in TERM_FIELDS]
    weight = _DEFAULT_WEIGHT if find else float(term["weight"])
    return Filled(base["model"]["backbone"], term["name"], weight, find, tuple(values))


def settings_of(services: Services, chosen: Choices, values: Sequence[Any]) -> dict[str, Any]:
    """The settings of the training: those of the recipe, with all that was changed laid over them.

    Args:
        services: Know the recipes.
        chosen: What the page holds.
        values: What the components of `FIELDS` hold, then those of `TERM_FIELDS`.

    Raises:
        ConfigError: There is no such recipe, or a field cannot be read. Whether the values are allowed is checked by
            whoever takes the settings.
    """
    base = _base(services, chosen.recipe)
    found = changes(FIELDS, values[: len(FIELDS)], base)
    if chosen.backbone != base["model"]["backbone"]:
        found["model.backbone"] = chosen.backbone
    terms = _terms(chosen, TERM_FIELDS, values[len(FIELDS) :], base["objective"]["terms"])
    if terms is not None:
        found["objective.terms"] = terms
    found |= {f"data.{name}": share for name, share in chosen.split.items() if share != base["data"][name]}
    return laid_over(services.recipe(chosen.recipe), found)


def _terms(
    chosen: Choices, fields: Sequence[FormField], values: Sequence[Any], before: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]] | None:
    """The supervised terms, or None if they are those of the recipe."""
    if chosen.term == NO_TERM:
        return [] if before else None
    defaults = {**_TERM_DEFAULTS, **(before[0] if before and before[0]["name"] == chosen.term else {})}
    further = changes(fields, values, {"term": defaults})
    term = {
        **{name: value for name, value in defaults.items() if value != _TERM_DEFAULTS.get(name)},
        **{path.removeprefix("term."): value for path, value in further.items()},
        "name": chosen.term,
        "weight": AUTO if chosen.find else chosen.weight,
    }
    same = len(before) == 1 and {**_TERM_DEFAULTS, **term} == dict(before[0])
    return None if same else [term, *map(dict, before[1:])]


def _base(services: Services, recipe: str) -> dict[str, Any]:
    return RunConfig.parse(services.recipe(recipe), source=recipe).model_dump(mode="json")
