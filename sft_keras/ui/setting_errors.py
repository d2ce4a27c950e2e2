"""What is wrong with a value of the form, with the words of the page: the title of its field, and no commands."""

from __future__ import annotations

from sft_keras.errors import SettingError, SftError, one_line
from sft_keras.services.wording import told as worded
from sft_keras.ui.texts import Catalogue

_KINDS = {
    "whole": ("int_type", "int_parsing", "int_from_float"),
    "number": ("float_type", "float_parsing", "finite_number"),
    "switch": ("bool_type", "bool_parsing"),
    "text": ("string_type",),
    "missing": ("string_too_short", "missing"),
    "above": ("greater_than",),
    "least": ("greater_than_equal",),
    "below": ("less_than",),
    "most": ("less_than_equal",),
    "one_of": ("literal_error",),
    "list": ("tuple_type", "list_type"),
    "form": ("string_pattern_mismatch",),
    "unreadable": ("unreadable",),
    "unusable": ("int_parsing_size", "dict_type", "model_type", "model_attributes_type", "none_required"),
}
_KEYS = {kind: key for key, kinds in _KINDS.items() for kind in kinds}
_TERM = "objective.terms."


def setting_told(error: SettingError, say: Catalogue) -> str:
    """The failure as one sentence or two for whoever filled in the form.

    Args:
        error: The failure.
        say: The catalogue of the reader.
    """
    if error.kind not in _KEYS:
        # A sentence on settings that do not go together.
        return say("setting.together", what=worded(SftError(error.kind), say.language).problem)
    path, title, meaning = error.setting, error.title, error.meaning
    if path == f"{_TERM}weight":
        title, meaning = say("train.weight"), say("train.weight_info")
    elif path:
        path = path.replace(_TERM, "term.")
        title = say.named("config", f"{path}.title", title)
        meaning = say.named("config", f"{path}.description", meaning)
    received = say("setting.nothing") if error.received in ("None", "''") else error.received
    limits = {name: value for name, value in error.limits.items() if isinstance(value, int | float | str)}
    what = say(f"setting.{_KEYS[error.kind]}", **limits)
    found = say("setting.wrong", title=title or error.setting, what=what, received=received)
    return one_line(" ".join(part for part in (found, meaning) if part))
