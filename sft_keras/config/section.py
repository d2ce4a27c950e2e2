"""What all sections of a configuration have in common."""

from __future__ import annotations

from pydantic import AfterValidator, BaseModel, ConfigDict

from sft_keras.errors import did_you_mean
from sft_keras.registry import plugin_names


def plugin_name(package: str, kind: str) -> AfterValidator:
    """Checks that a name is that of a plug-in: a module in the package."""

    def check(name: str) -> str:
        known = plugin_names(package)
        if name not in known:
            raise ValueError(f'there is no {kind} "{name}". {did_you_mean(name, known)}')
        return name

    return AfterValidator(check)


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)
