"""The form that is made from the configuration."""

from __future__ import annotations

from typing import Literal

import gradio as gr
import pytest
from pydantic import Field

from sft_keras.config import RunConfig, Section
from sft_keras.errors import ConfigError
from sft_keras.ui.app import app_texts
from sft_keras.ui.form import HIDDEN, changes, component, form_fields, laid_over, read, shown, value_at
from sft_keras.ui.setup import FIELDS

BASE = RunConfig().model_dump(mode="json")


class Grown(Section):
    """A section to which fields were added."""

    warmth: float = Field(0.5, ge=0, le=1, title="Warmth", description="How warm it is.")
    colour: Literal["red", "blue"] = Field("red", title="Colour", description="Which colour.")
    rounds: int | None = Field(None, ge=1, title="Rounds", description="How often; never if empty.")


class GrownConfig(RunConfig):
    """The configuration with one section more."""

    grown: Grown = Field(default_factory=Grown, title="Grown")


def test_a_new_field_appears_by_itself() -> None:
    new = [field for field in form_fields(GrownConfig) if field.path.startswith("grown.")]
    assert [(field.path, field.kind) for field in new] == [
        ("grown.warmth", "share"),
        ("grown.colour", "choice"),
        ("grown.rounds", "whole"),
    ]
    assert new[2].description == "How often; never if empty. (at least 1)"
    assert new[2].optional
    with gr.Blocks():
        made = [component(field, lambda key: app_texts().i18n(key)) for field in new]
    assert [type(each) for each in made] == [gr.Slider, gr.Dropdown, gr.Number]


def test_every_field_is_in_the_form_or_hidden_on_purpose() -> None:
    known = {
        f"{name}.{inner}" for name, field in RunConfig.model_fields.items() for inner in field.annotation.model_fields
    }
    assert {field.path for field in FIELDS} == known - HIDDEN
    assert known >= HIDDEN


def test_no_field_names_a_file_of_the_machine() -> None:
    assert not {"model.backbone", "model.word_vectors"} & {field.path for field in FIELDS}


def test_an_untouched_form_changes_nothing() -> None:
    assert changes(FIELDS, [shown(field, value_at(BASE, field.path)) for field in FIELDS], BASE) == {}


@pytest.mark.parametrize(
    ("path", "held", "value"),
    [
        ("training.epochs", 5, 5),
        ("training.epochs", 5.0, 5),
        ("training.patience", None, None),
        ("optimizer.learning_rate", 1e-5, 1e-5),
        ("objective.weight_grid", "[0.1, 1]", [0.1, 1]),
        ("objective.class_weights", "{差评: 2, 好评: 1}", {"差评": 2, "好评": 1}),
        ("training.head_penalty", "0.5", 0.5),
        ("data.weight_column", " w ", "w"),
    ],
)
def test_what_is_typed_becomes_a_setting(path: str, held: object, value: object) -> None:
    values = [held if f.path == path else shown(f, value_at(BASE, f.path)) for f in FIELDS]
    found = changes(FIELDS, values, BASE)
    assert found == {path: value}
    section, name = path.split(".")
    assert RunConfig.parse(laid_over({}, found)).model_dump(mode="json")[section][name] == value


def test_what_cannot_be_read_is_told() -> None:
    field = next(field for field in FIELDS if field.path == "objective.weight_grid")
    with pytest.raises(ConfigError, match="λ to try"):
        read(field, "[0.1, ")


def test_what_is_not_allowed_is_told_with_the_range() -> None:
    with pytest.raises(ConfigError, match="must be 1 or more"):
        RunConfig.parse(laid_over({}, {"training.epochs": 0}))


def test_laying_over_leaves_the_recipe_alone() -> None:
    recipe = {"training": {"epochs": 6}, "model": None}
    assert laid_over(recipe, {"training.seed": 1, "model.dropout": 0.2}) == {
        "training": {"epochs": 6, "seed": 1},
        "model": {"dropout": 0.2},
    }
    assert recipe == {"training": {"epochs": 6}, "model": None}
