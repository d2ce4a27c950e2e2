"""The recipes: each is valid, found by name, and laid under what a person adds."""

from __future__ import annotations

import pytest

from sft_keras.config import RunConfig
from sft_keras.errors import ConfigError
from sft_keras.recipes import recipe_path, recipes
from sft_keras.services import Services
from sft_keras.yaml_files import laid_over

NAMES = {"quick", "balanced", "best", "small-data", "imbalanced", "lstm", "chinese", "supcon"}


def test_all_recipes_are_there() -> None:
    assert {recipe.name for recipe in recipes()} == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_recipe_is_valid_and_says_when_to_take_it(name: str, services: Services) -> None:
    RunConfig.parse(services.recipe(name), source=name)
    advice = next(recipe.advice for recipe in recipes() if recipe.name == name)
    assert advice.startswith("Take it ")


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match='Did you mean "quick"'):
        recipe_path("quik")
    with pytest.raises(ConfigError):
        recipe_path("../configs/quick")


def test_what_is_added_lies_over_the_recipe() -> None:
    assert laid_over({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}}) == {"a": {"b": 1, "c": 4}, "d": 3}
    assert laid_over({"a": {"b": 1}}, {"a": None}) == {"a": None}
