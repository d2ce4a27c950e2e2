"""The configuration of a run: one frozen tree, read strictly."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from sft_keras.config.objective import ObjectiveConfig, TermConfig
from sft_keras.config.section import Section
from sft_keras.config.sections import (
    DataConfig,
    EvaluationConfig,
    ModelConfig,
    OptimizerConfig,
    TrainingConfig,
)
from sft_keras.errors import ConfigError, SettingError, did_you_mean
from sft_keras.yaml_files import read_yaml

__all__ = [
    "DataConfig",
    "EvaluationConfig",
    "ModelConfig",
    "ObjectiveConfig",
    "OptimizerConfig",
    "RunConfig",
    "Section",
    "TermConfig",
    "TrainingConfig",
]


class RunConfig(Section):
    """All that decides a run, beside the data.

    Example:
        >>> RunConfig().training.batch_size
        32
    """

    data: DataConfig = Field(default_factory=DataConfig, title="Data")
    model: ModelConfig = Field(default_factory=ModelConfig, title="Model")
    objective: ObjectiveConfig = Field(default_factory=ObjectiveConfig, title="Objective")
    optimizer: OptimizerConfig = Field(default_factory=OptimizerConfig, title="Optimizer")
    training: TrainingConfig = Field(default_factory=TrainingConfig, title="Training")
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig, title="Evaluation")

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        if self.training.head_solver == "logistic":
            if self.model.trainable != "head":
                raise ValueError("training.head_solver logistic needs model.trainable head")
            if self.objective.terms or self.objective.task_loss != "cross_entropy" or self.objective.label_smoothing:
                raise ValueError("training.head_solver logistic minimises plain cross-entropy: no terms, no other loss")
            if self.model.pooled_layers == "auto" and self.model.pooling in ("max", "mean_max"):
                raise ValueError("model.pooled_layers auto pools each layer apart: not with pooling max or mean_max")
        elif self.model.pooled_layers == "auto":
            raise ValueError("model.pooled_layers auto needs training.head_solver logistic")
        return self

    def for_rows(self, rows: int, labels: int) -> RunConfig:
        """The same with what follows from the numbers of training rows and labels; see `TrainingConfig.for_rows`."""
        return self.model_copy(update={"training": self.training.for_rows(rows, labels)})

    def for_many_rows(self) -> RunConfig:
        """Likewise where there are so many rows that no update is wanting."""
        return self.for_rows(10**9, labels=1)

    @classmethod
    def parse(cls, values: Mapping[str, Any], *, source: str = "configuration") -> RunConfig:
        """Checks a nested mapping and fills in the defaults.

        Raises:
            ConfigError: A key is unknown (the nearest is named) or a value is not allowed.
        """
        try:
            # A section that is named and left empty has its defaults.
            return cls.model_validate({name: section for name, section in values.items() if section is not None})
        except ValidationError as error:
            raise _explain(error, source) from None

    @classmethod
    def from_yaml(cls, path: Path) -> RunConfig:
        """Reads a configuration file.

        Raises:
            ConfigError: The file is missing, is no YAML mapping, or holds what `parse` refuses.
        """
        return cls.parse(read_yaml(path), source=str(path))

    def to_yaml(self) -> str:
        """The whole tree as YAML, in the order of the fields."""
        return str(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True))


_WHOLE = "must be a whole number, such as 3"
_NUMBER = "must be a number, such as 0.5"
_TYPE = re.compile(r"constrained-(int|float|str)$|.*\[")
_SECTION = "must be a section with settings of its own"
_PLAIN = {
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "is too large a number",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "must be a number, and not infinite",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be a text; put it in quotation marks",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "has not one of the forms that are allowed",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be one of {expected}",
    "missing": "is needed, but not given",
    "dict_type": _SECTION,
    "model_type": _SECTION,
    "model_attributes_type": _SECTION,
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "none_required": "must be empty",
}


class _Place(NamedTuple):
    """Where a location leads: the section that its last part stands in, and the nearest setting above it."""

    section: type[BaseModel]
    setting: str
    title: str
    meaning: str


def _walk(location: tuple[str | int, ...]) -> _Place:
    section: type[BaseModel] = RunConfig
    inner: type[BaseModel] | None = RunConfig
    names: list[str] = []
    title = meaning = ""
    for part in location:
        if isinstance(part, int):
            continue
        if inner is None or part not in inner.model_fields:
            section = inner or section
            break
        section, field = inner, inner.model_fields[part]
        names.append(part)
        title, meaning = field.title or title, field.description or meaning
        inner = None
        if part == "terms":
            inner = TermConfig
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            inner = field.annotation
    return _Place(section, ".".join(names), title, meaning)


def _shown(value: Any) -> str:
    """A value as a message shows it, in bounded time: YAML's aliases make a few lines billions of entries."""
    if isinstance(value, list | tuple | dict):
        brief = reprlib.Repr()
        brief.maxlevel = 2
        return brief.repr(value)[:200]
    return repr(value)[:200] if not isinstance(value, int) or abs(value) < 10**18 else "…"


def _in_plain_words(error: ErrorDetails) -> str:
    """What is wrong with a value, without the vocabulary of the library that found it."""
    words = _PLAIN.get(error["type"])
    if words is None:
        return error["msg"].removeprefix("Value error, ").rstrip(".")
    return words.format(**error.get("ctx", {}))


def _explain(error: ValidationError, source: str) -> ConfigError:
    found = error.errors(include_url=False)
    # A field of several types reports each of them; what they are called is no part of the setting's name.
    places = [tuple(part for part in each["loc"] if not _TYPE.match(str(part))) for each in found]
    first, location = found[0], places[0]
    if first["type"] == "literal_error" and isinstance(first["input"], dict):
        # Something is wrong with a value in it, and not with its being a mapping.
        position = next((i for i, place in enumerate(places) if len(place) > len(location)), 0)
        first, location = found[position], places[position]
    name = ".".join(map(str, location))
    place = _walk(location)
    if first["type"] == "extra_forbidden":
        return ConfigError(
            f'There is no setting "{name}".',
            where=source,
            fix=did_you_mean(str(location[-1]), place.section.model_fields),
        )
    others = {place[: len(location)] for place in places} - {location, location[:-1]}
    more = f" ({len(others)} more)" if others else ""
    told = f"λ ({name})" if name.startswith("objective.terms") and name.endswith(".weight") else name
    return SettingError(
        f"{told or 'The configuration'}: {_in_plain_words(first)}. Received: {_shown(first['input'])}{more}",
        setting=place.setting,
        title=place.title,
        meaning=place.meaning,
        kind=first["type"] if first["type"] in _PLAIN else _in_plain_words(first),
        limits=first.get("ctx", {}),
        received=_shown(first["input"]),
        where=source,
        fix=f"{place.meaning} `sft-keras init-config` prints every setting with its default and meaning.".strip(),
    )
