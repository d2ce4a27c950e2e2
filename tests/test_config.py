"""The configuration refuses what is wrong, and says what would be right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sft_keras.config import RunConfig, TermConfig
from sft_keras.errors import ConfigError
from sft_keras.yaml_files import apply_settings, read_yaml


def refused(values: dict[str, Any]) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        RunConfig.parse(values, source="a.yaml")
    assert caught.value.where == "a.yaml"
    return caught.value


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, field


@pytest.mark.parametrize(("name", "field"), [*fields(RunConfig), *fields(TermConfig, "terms.")])
def test_every_field_is_described_and_has_a_default(name: str, field: FieldInfo) -> None:
    assert field.title
    assert field.description
    assert field.description.endswith(".")
    assert not field.is_required() or name == "terms.name"


def test_defaults_survive_yaml(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(RunConfig().to_yaml(), encoding="utf-8")
    assert RunConfig.from_yaml(path) == RunConfig()


@pytest.mark.parametrize(
    ("values", "name", "nearest"),
    [
        ({"trainning": {}}, "trainning", "training"),
        ({"training": {"epocs": 3}}, "training.epocs", "epochs"),
        ({"objective": {"terms": [{"name": "supcon", "weigth": 1}]}}, "objective.terms.0.weigth", "weight"),
    ],
)
def test_unknown_key_suggests_the_near_one(values: dict[str, Any], name: str, nearest: str) -> None:
    error = refused(values)
    assert f'"{name}"' in error.problem
    assert f'Did you mean "{nearest}"?' in error.fix


@pytest.mark.parametrize(
    ("training", "rows", "labels", "epochs", "patience"),
    [
        ({}, 100_000, 2, 3, 2),
        ({}, 32 * 67, 2, 3, 2),
        ({}, 32 * 66, 2, 4, 3),
        ({}, 32 * 66, 10, 4, 3),
        ({}, 32 * 66, 11, 4, 3),
        ({}, 32 * 66, 14, 5, 4),
        ({}, 9_003, 77, 6, 4),
        ({}, 100_000, 77, 3, 2),
        ({}, 770, 77, 50, 34),
        ({}, 210, 2, 29, 20),
        ({}, 20, 2, 50, 34),
        ({}, 0, 0, 50, 34),
        ({"epochs": 3}, 20, 77, 3, 2),
        ({"epochs": "6+", "patience": 3}, 32 * 40, 2, 6, 3),
        ({"epochs": "6+", "patience": 3}, 32 * 20, 2, 10, 5),
        ({"epochs": "80+"}, 20, 2, 80, 2),
        ({"patience": None}, 210, 2, 29, None),
        ({"batch_size": 8}, 210, 2, 8, 6),
    ],
)
def test_few_rows_are_passed_over_more_often(
    training: dict[str, Any], rows: int, labels: int, epochs: int, patience: int | None
) -> None:
    config = RunConfig.parse({"training": training})
    found = config.for_rows(rows, labels).training
    assert (found.epochs, found.epoch_count, found.patience) == (epochs, epochs, patience)
    assert found.for_rows(5, 100) == found
    if config.training.epochs != epochs:
        with pytest.raises(ConfigError, match="follows from the rows"):
            _ = config.training.epoch_count


def test_a_logistic_regression_passes_over_the_rows_once() -> None:
    config = RunConfig.parse({"model": {"trainable": "head"}, "training": {"head_solver": "logistic"}})
    found = config.for_rows(10, labels=40).training
    assert (found.epochs, found.patience) == (3, 2)


@pytest.mark.parametrize("epochs", ["3 +", "0+", "1001+", "3++", "plus", 1001])
def test_epochs_that_are_none(epochs: object) -> None:
    assert refused({"training": {"epochs": epochs}}).problem.startswith("training.epochs: must be ")


@pytest.mark.parametrize("weight", [-0.1, "much", float("nan"), float("inf"), None, [1]])
def test_lambda_must_be_a_number_from_zero_up(weight: object) -> None:
    error = refused({"objective": {"terms": [{"name": "supcon", "weight": weight}]}})
    assert "objective.terms.0.weight" in error.problem
    assert f"Received: {weight!r}" in error.problem


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"training": {"epochs": 0}}, "training.epochs: must be 1 or more. Received: 0"),
        ({"training": {"epochs": "many"}}, "training.epochs: must be a whole number, such as 3. Received: 'many'"),
        ({"training": {"epochs": None}}, "Received: None"),
        ({"optimizer": {"learning_rate": "fast"}}, "must be a number, such as 0.5"),
        ({"training": {"jit_compile": "perhaps"}}, "must be true or false"),
        ({"model": {"pooling": "min"}}, "must be one of 'auto', 'cls', 'mean', 'last', 'max' or 'mean_max'"),
        ({"model": {"trainable": "half"}}, "full, head (backbone frozen), or top:N"),
        ({"data": {"text_column": 5}}, "must be a text"),
        ({"objective": {"terms": 5}}, "objective.terms: must be a list"),
        ({"objective": {"class_weights": "balnced"}}, "'balanced' or 'effective'. Received: 'balnced'\n"),
        ({"objective": {"class_weights": {"a": "x"}}}, "objective.class_weights.a: must be a number"),
        ({"training": {"task": "clasification"}}, 'Did you mean "classification"?'),
        ({"training": 5}, "training"),
        ({"data": {"test_fraction": 0.5}}, "data.test_fraction"),
        ({"model": {"trainable": "top:0"}}, "model.trainable"),
        ({"objective": {"terms": [{"name": "supkon"}]}}, 'Did you mean "supcon"?'),
        ({"objective": {"terms": [{"weight": 1}]}}, "objective.terms.0.name"),
        ({"objective": {"terms": [{"name": "supcon"}] * 2}}, "may stand once only"),
        ({"objective": {"class_weights": {"a": 0}}}, "above 0"),
    ],
)
def test_value_that_is_not_allowed(values: dict[str, Any], expected: str) -> None:
    assert expected in str(refused(values))


@pytest.mark.parametrize("value", [None, "x", 2.5, -1, 10**30, [1], {"a": 1}, True, "", float("nan"), b"x"])
@pytest.mark.parametrize(("name", "field"), [*fields(RunConfig)])
def test_no_message_speaks_of_inputs_and_types(name: str, field: FieldInfo, value: object) -> None:
    section, _, key = name.partition(".")
    try:
        RunConfig.parse({section: {key: value}}, source="a.yaml")
        return  # the value is allowed here
    except ConfigError as refusal:
        error = refusal
    assert error.problem.startswith(name)
    assert not any(word in error.problem for word in ("Input", "valid ", "input", "Field required"))
    assert str(field.description) in error.fix


def test_several_mistakes_are_counted() -> None:
    assert "(1 more)" in refused({"training": {"epochs": 0, "batch_size": 0}}).problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a: [", "not valid YAML"), ("- a", "Received: list"), ("5", "Received: int"), ("a: b: c", "line 1")],
)
def test_yaml_that_cannot_be_used(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert expected in str(caught.value)
    assert str(path) in caught.value.where


def test_yaml_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "missing.yaml", tmp_path, tmp_path / "binary.yaml"):
        with pytest.raises(ConfigError):
            read_yaml(path)
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert read_yaml(tmp_path / "empty.yaml") == {}


def test_settings_are_laid_over() -> None:
    values = {"training": {"epochs": 1, "seed": 4}}
    result = apply_settings(values, ["training.epochs=2", "model.backbone = minilm", "data.max_rows=null"])
    assert result == {
        "training": {"epochs": 2, "seed": 4},
        "model": {"backbone": "minilm"},
        "data": {"max_rows": None},
    }
    assert values == {"training": {"epochs": 1, "seed": 4}}


@pytest.mark.parametrize("assignment", ["training.epochs", "=2", "training..epochs=2", ""])
def test_setting_without_the_form(assignment: str) -> None:
    with pytest.raises(ConfigError, match=r"form section\.key=value"):
        apply_settings({}, [assignment])


def test_setting_through_a_value() -> None:
    with pytest.raises(ConfigError, match="is a value, not a section"):
        apply_settings({"training": {"epochs": 1}}, ["training.epochs.deep=2"])


def test_aliases_that_stand_for_billions_of_entries_are_told_in_no_time(tmp_path: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefghij", "bcdefghijk", strict=True)
    ]
    path = tmp_path / "a.yaml"
    path.write_text("\n".join([*lines, "data: {text_column: *k}"]), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"Received: \[\["):
        RunConfig.from_yaml(path)
