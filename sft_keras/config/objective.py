"""The section on the loss: what is minimised, and by which weights."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sft_keras.config.section import Section, plugin_name
from sft_keras.errors import ConfigError

TermName = Annotated[str, plugin_name("sft_keras.losses.terms", "supervised loss term")]


class TermConfig(Section):
    """One supervised term of the loss and its weight λ."""

    name: TermName = Field(title="Term", description="Name of the supervised term.")
    weight: Annotated[float, Field(ge=0, le=1000)] | Literal["auto"] = Field(
        0.1,
        title="λ",
        description="Weight of the term, 0 to 1000; 0 leaves it out entirely, auto chooses on the validation part.",
    )
    temperature: float = Field(
        0.1, ge=0.01, le=100, title="Temperature", description="Divides the similarities (supcon, prototype)."
    )
    center_rate: float = Field(
        0.5, gt=0, le=1, title="Center rate", description="How fast the class centers follow (center)."
    )
    ramp_epochs: float = Field(
        0, ge=0, le=1000, title="Ramp", description="λ grows linearly from 0 over so many epochs; 0 keeps it constant."
    )

    @property
    def value(self) -> float:
        """λ as a number.

        Raises:
            ConfigError: It is still to be found.
        """
        if self.weight == "auto":
            raise ConfigError(
                f'λ of the term "{self.name}" is auto: it is found by a run, not by a single training.',
                where="objective.terms",
                fix="Give a number, or start a run (`sft-keras train`).",
            )
        return self.weight


class ObjectiveConfig(Section):
    """The loss L = L_task + Σ λ·L_sup."""

    task_loss: Literal["cross_entropy", "focal"] = Field(
        "cross_entropy", title="Task loss", description="cross_entropy, or focal (gives easy rows less weight)."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, title="Label smoothing", description="Probability spread evenly over all classes."
    )
    focal_gamma: float = Field(2.0, ge=0, le=10, title="Focal γ", description="How strongly easy rows fade (focal).")
    class_weights: Literal["none", "balanced", "effective"] | dict[str, float] = Field(
        "none",
        title="Class weights",
        description="none, balanced (inverse frequency), effective (Cui et al. 2019), or a weight for each label.",
    )
    terms: tuple[TermConfig, ...] = Field((), title="Supervised terms", description="Terms added to the task loss.")
    weight_grid: tuple[Annotated[float, Field(gt=0, le=1000)], ...] = Field(
        (0.03, 0.1, 0.3, 1.0),
        min_length=1,
        max_length=20,
        title="λ to try",
        description="The weights that a term with weight auto is tried with, beside 0.",
    )

    @property
    def searches_weight(self) -> bool:
        """Whether λ is to be found."""
        return any(term.weight == "auto" for term in self.terms)

    def with_weight(self, weight: float) -> ObjectiveConfig:
        """The same objective with this λ in place of each `auto`."""
        terms = (t.model_copy(update={"weight": weight}) if t.weight == "auto" else t for t in self.terms)
        return self.model_copy(update={"terms": tuple(terms)})

    @model_validator(mode="after")
    def _consistent(self) -> ObjectiveConfig:
        names = [term.name for term in self.terms]
        if len(set(names)) != len(names):
            raise ValueError("a supervised term may stand once only")
        if isinstance(self.class_weights, dict) and any(not w > 0 for w in self.class_weights.values()):
            raise ValueError("class weights must be above 0")
        return self
