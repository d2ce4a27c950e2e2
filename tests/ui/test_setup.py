"""From the page to the settings of a training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sft_keras.config import RunConfig
from sft_keras.services import Services
from sft_keras.ui.setup import FIELDS, NO_TERM, TERM_FIELDS, Choices, filled, settings_of

SPLIT = {"validation_fraction": 0.1, "test_fraction": 0.2}
SERVICES = Services()
RECIPES = [recipe.name for recipe in SERVICES.recipes()]


def untouched(recipe: str) -> tuple[Choices, list[Any]]:
    made = filled(SERVICES, recipe)
    return Choices(recipe, made.backbone, made.term, made.weight, made.find, SPLIT), list(made.values)


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_untouched_page_is_the_recipe(recipe: str) -> None:
    chosen, values = untouched(recipe)
    assert settings_of(SERVICES, chosen, values) == SERVICES.recipe(recipe)


@pytest.mark.parametrize("term", SERVICES.term_names())
def test_a_term_with_its_weight(term: str) -> None:
    chosen, values = untouched("balanced")
    settings = settings_of(SERVICES, replace(chosen, term=term, weight=0.3), values)
    assert settings["objective"]["terms"] == [{"name": term, "weight": 0.3}]
    RunConfig.parse(settings)


def test_find_the_weight() -> None:
    chosen, values = untouched("balanced")
    settings = settings_of(SERVICES, replace(chosen, term="supcon", find=True), values)
    assert RunConfig.parse(settings).objective.searches_weight


def test_a_setting_of_the_term() -> None:
    chosen, values = untouched("supcon")
    place = len(FIELDS) + [field.path for field in TERM_FIELDS].index("term.temperature")
    values[place] = 0.5
    settings = settings_of(SERVICES, chosen, values)
    assert settings["objective"]["terms"] == [{"name": "supcon", "weight": "auto", "temperature": 0.5}]


def test_the_term_of_a_recipe_can_be_left_out() -> None:
    chosen, values = untouched("supcon")
    assert settings_of(SERVICES, replace(chosen, term=NO_TERM), values)["objective"]["terms"] == []


def test_backbone_split_and_fields_are_laid_over() -> None:
    chosen, values = untouched("quick")
    values[[field.path for field in FIELDS].index("training.seed")] = 7
    split = {"validation_fraction": 0.2, "test_fraction": 0.0}
    settings = settings_of(SERVICES, replace(chosen, backbone="minilm", split=split), values)
    assert settings["model"]["backbone"] == "minilm"
    assert settings["data"] == split
    assert settings["training"] == {**SERVICES.recipe("quick")["training"], "seed": 7}
