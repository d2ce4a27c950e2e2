"""The configuration of a run: one frozen tree, read strictly."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from sft_keras.config.sections import (
    DataConfig,
    EvaluationConfig,
    ModelConfig,
    ObjectiveConfig,
    OptimizerConfig,
    Section,
    TermConfig,
    TrainingConfig,
)
from sft_keras.errors import ConfigError, did_you_mean
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
        >>> RunConfig().training.epochs
        3
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
        elif self.model.pooled_layers == "auto":
            raise ValueError("model.pooled_layers auto needs training.head_solver logistic")
        return self

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


def _known_keys(location: tuple[str | int, ...]) -> Iterable[str]:
    """The keys allowed beside an unknown one."""
    model: type[BaseModel] = RunConfig
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        if part == "terms":
            model = TermConfig
            continue
        annotation = model.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    return model.model_fields


def _shown(value: Any) -> str:
    """A value as a message shows it, in bounded time: YAML's aliases make a few lines billions of entries."""
    if isinstance(value, list | tuple | dict):
        brief = reprlib.Repr()
        brief.maxlevel = 2
        return brief.repr(value)[:200]
    return repr(value)[:200] if not isinstance(value, int) or abs(value) < 10**18 else "…"


def _explain(error: ValidationError, source: str) -> ConfigError:
    first = error.errors(include_url=False)[0]
    location = tuple(first["loc"])
    # A field of several types reports each of them; their brackets are no part of the setting's name.
    name = ".".join(str(part) for part in location if "[" not in str(part))
    if first["type"] == "extra_forbidden":
        return ConfigError(
            f'There is no setting "{name}".',
            where=source,
            fix=did_you_mean(str(location[-1]), _known_keys(location)),
        )
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    more = f" ({len(error.errors()) - 1} more)" if len(error.errors()) > 1 else ""
    if name.startswith("objective.terms") and name.endswith(".weight"):
        name = f"λ ({name})"
    received = _shown(first["input"])
    return ConfigError(
        f"{name or 'The configuration'}: {message}. Received: {received}{more}",
        where=source,
        fix="`sft-keras init-config` prints every setting with its default and meaning.",
    )
