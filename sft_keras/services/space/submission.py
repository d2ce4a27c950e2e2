"""What an owner may ask for: names, limits, and settings that reach nothing but the owner's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sft_keras.config import RunConfig
from sft_keras.errors import ConfigError, did_you_mean, one_line
from sft_keras.modeling.backbone_choice import AUTO
from sft_keras.modeling.backbones.base import known_presets
from sft_keras.settings import Settings

LONGEST_NAME = 120
RUN_PREFIX = "run:"
_PART = r"[\w-][\w.-]*"  # never "." or ".."
_HANDLE = re.compile(rf"hf://{_PART}/{_PART}|kaggle://{_PART}/{_PART}/keras/{_PART}(/[0-9]+)?", re.ASCII)


def clean_name(name: str) -> str:
    """A name as it may be shown: one line without control characters, at most 120 characters.

    Example:
        >>> clean_name(" a\\x00b\\n")
        'a b'
    """
    valid = name.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate cannot be written
    return " ".join(one_line(valid[: 4 * LONGEST_NAME]).split())[:LONGEST_NAME].strip()


def checked_settings(values: Mapping[str, Any], columns: Mapping[str, str | None], settings: Settings) -> RunConfig:
    """The configuration of a run, which names no file of this machine.

    Args:
        values: What the owner set, laid over the defaults.
        columns: The columns that were chosen with the dataset, for settings that name none.
        settings: Say what is allowed here.

    Raises:
        ConfigError: A setting is wrong, or names a file.
    """
    given = values.get("data")
    if given is None or isinstance(given, Mapping):
        chosen = {name: column for name, column in columns.items() if column is not None}
        values = {**values, "data": {**chosen, **(given or {})}}
    config = RunConfig.parse(values, source="settings")
    if config.model.word_vectors is not None:
        raise ConfigError(
            "Word vectors are read from a file, which a page cannot name.",
            where="model.word_vectors",
            fix="Leave it empty.",
        )
    _require_allowed(config.model.backbone, settings)
    return config


def _require_allowed(backbone: str, settings: Settings) -> None:
    known = known_presets()
    if backbone == AUTO or backbone in known or backbone.startswith(RUN_PREFIX):
        return
    if _HANDLE.fullmatch(backbone):
        if settings.allow_hub:
            return
        raise ConfigError(
            "Models from a hub are not allowed here.",
            where="model.backbone",
            fix="Choose one of the list. Whoever runs this app can allow them with SFT_ALLOW_HUB=1.",
        )
    raise ConfigError(
        f'There is no backbone "{clean_name(backbone)}".',
        where="model.backbone",
        fix=did_you_mean(backbone[:LONGEST_NAME], known),
    )


def require_place_in_queue(settings: Settings) -> None:
    """Sees to it that the queue of all owners does not grow without end: a browser can be a new owner at will.

    Raises:
        ConfigError: It is full.
    """
    from sft_keras.runs.queue import still_waits, waiting

    number = sum(map(still_waits, set(waiting(settings))))
    if number >= settings.max_queued_all:
        raise ConfigError(
            f"{number} runs of all users of this server wait already, which is the limit.",
            where="SFT_MAX_QUEUED_ALL",
            fix="Try again in a while.",
        )
