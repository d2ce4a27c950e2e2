"""The configuration as a form: each field becomes a component by its type, with its title, sentence and range.

A field that is added to a section of the configuration appears here by itself; only those appear elsewhere on the page
that are named in `HIDDEN`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import gradio as gr
import yaml
from gradio.i18n import I18nData
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sft_keras.config_template import describe_range
from sft_keras.errors import SettingError
from sft_keras.ui.texts import Catalogue

Kind = Literal["switch", "choice", "whole", "number", "share", "text", "yaml"]
# Chosen with the data, on cards or in drop-downs of their own; or names a file of the machine.
HIDDEN = frozenset(
    {
        *("data.text_column", "data.label_column", "data.validation_fraction", "data.test_fraction"),
        *("model.backbone", "model.bundle_sha256", "model.word_vectors"),
        *("objective.terms", "training.task"),
    }
)
_LONGEST_YAML = 4000
_EXAMPLE = "{spam: 2, ham: 1}"


@dataclass(frozen=True)
class FormField:
    """A field of the form.

    Attributes:
        path: Its place in the configuration, with dots.
        title: What it is called.
        description: A sentence on what it does, with its range.
        kind: What sort of component it becomes.
        optional: Whether it may be left empty.
        choices: What a "choice" may be.
        low: Lower end of a "share".
        high: Upper end of a "share".
    """

    path: str
    title: str
    description: str
    kind: Kind
    optional: bool
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0

    @property
    def elem_id(self) -> str:
        """Its id on the page."""
        return "field-" + self.path.replace(".", "-").replace("_", "-")


def form_fields(model: type[BaseModel], *, prefix: str = "", hidden: Collection[str] = HIDDEN) -> list[FormField]:
    """The fields of a section and of the sections in it, in their order.

    Args:
        model: The section.
        prefix: What stands before the names of its fields.
        hidden: Paths that are left out.
    """
    found: list[FormField] = []
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        if path in hidden:
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += form_fields(field.annotation, prefix=f"{path}.", hidden=hidden)
        else:
            found.append(_form_field(path, field))
    return found


def _form_field(path: str, field: FieldInfo) -> FormField:
    types = (
        list(get_args(field.annotation)) if get_origin(field.annotation) in (Union, UnionType) else [field.annotation]
    )
    optional = NoneType in types
    types = [each for each in types if each is not NoneType]
    title = field.title or path.rsplit(".", 1)[-1]
    description = f"{field.description or ''}{describe_range(field)}".strip()
    only = types[0] if len(types) == 1 else None
    if get_origin(only) is Literal and all(isinstance(each, str) for each in get_args(only)) and not optional:
        return FormField(path, title, description, "choice", optional, tuple(get_args(only)))
    if only is bool and not optional:
        return FormField(path, title, description, "switch", optional)
    if only is int:
        return FormField(path, title, description, "whole", optional)
    if only is float:
        bounds = _bounds(field)
        if bounds is None or optional:
            return FormField(path, title, description, "number", optional)
        return FormField(path, title, description, "share", optional, (), *bounds)
    return FormField(path, title, description, "text" if only is str else "yaml", optional)


def _bounds(field: FieldInfo) -> tuple[float, float] | None:
    """The ends of a slider in steps of a hundredth, if the field lies between 0 and 1."""
    low: float | None = None
    high: float | None = None
    for item in field.metadata:
        low = getattr(item, "ge", low)
        high = getattr(item, "le", high)
        low = item.gt + 0.01 if getattr(item, "gt", None) is not None else low
        high = item.lt - 0.01 if getattr(item, "lt", None) is not None else high
    return (low, high) if low is not None and high is not None and 0 <= low < high <= 1 else None


def sentences(fields: Iterable[FormField]) -> Callable[[Catalogue], dict[str, str]]:
    """Titles and descriptions for `Texts`: of the catalogue where it has them, else as the configuration says."""
    listed = list(fields)

    def of(say: Catalogue) -> dict[str, str]:
        told: dict[str, str] = {}
        for field in listed:
            told[f"config.{field.path}.title"] = say.named("config", f"{field.path}.title", field.title)
            told[f"config.{field.path}.description"] = say.named(
                "config", f"{field.path}.description", field.description
            )
        return told

    return of


def component(field: FormField, label: Callable[[str], I18nData]) -> gr.components.Component:
    """The component of a field, empty.

    Args:
        field: The field.
        label: Makes a label of a key, as `Texts.label`.
    """
    common: dict[str, Any] = {
        "label": label(f"config.{field.path}.title"),
        "info": label(f"config.{field.path}.description"),
        "elem_id": field.elem_id,
    }
    match field.kind:
        case "switch":
            return gr.Checkbox(**common)
        case "choice":
            return gr.Dropdown(list(field.choices), **common)
        case "whole":
            return gr.Number(precision=0, **common)
        case "number":
            return gr.Number(**common)
        case "share":
            return gr.Slider(field.low, field.high, step=0.01, **common)
        case _:
            return gr.Textbox(max_lines=1, max_length=_LONGEST_YAML, **common)


def shown(field: FormField, value: Any) -> Any:
    """A value of the configuration (as JSON) as its component shows it."""
    if field.kind == "yaml":
        written = (
            "" if value is None else yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
        )
        return written.removesuffix("\n").removesuffix("...").rstrip("\n")
    if field.kind == "text":
        return value or ""
    return value


def read(field: FormField, value: Any) -> Any:
    """What a component holds as a value for the configuration, which checks it.

    Raises:
        SettingError: A list or mapping is not written so that it can be read.
    """
    if field.kind == "whole" and isinstance(value, float) and value.is_integer():
        return int(value)
    if field.kind not in ("text", "yaml"):
        return value
    text = str(value or "").strip()
    if not text:
        return None if field.optional or field.kind == "yaml" else ""
    if field.kind == "text":
        return text
    try:
        return yaml.safe_load(text[:_LONGEST_YAML])
    except yaml.YAMLError:
        raise SettingError(
            f'{field.title}: this cannot be read. Received: "{text[:60]}"',
            setting=field.path,
            title=field.title,
            meaning="",
            kind="unreadable",
            limits={"example": _EXAMPLE},
            received=text[:60],
            where=field.path,
            fix="Write a word, a number, a list such as [0.1, 0.3], or pairs such as " + _EXAMPLE + ".",
        ) from None


def value_at(tree: Mapping[str, Any], path: str) -> Any:
    """The value at a path with dots."""
    value: Any = tree
    for part in path.split("."):
        value = value[part]
    return value


def changes(fields: Sequence[FormField], values: Sequence[Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """What of the form differs from a configuration, by path.

    Args:
        fields: The fields.
        values: What their components hold, in the same order.
        base: The configuration that the form started from, as JSON.

    Raises:
        SettingError: See `read`.
    """
    found: dict[str, Any] = {}
    for field, value in zip(fields, values, strict=True):
        made, before = read(field, value), value_at(base, field.path)
        if made != before and not (isinstance(before, float) and made is not None and _same(made, before)):
            found[field.path] = made
    return found


def _same(value: Any, before: float) -> bool:
    return isinstance(value, int | float) and abs(value - before) < 1e-9


def laid_over(settings: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with changes by path laid over them; neither is changed.

    Example:
        >>> laid_over({"training": {"epochs": 3}}, {"training.seed": 1})
        {'training': {'epochs': 3, 'seed': 1}}
    """
    tree = {name: dict(section) if isinstance(section, Mapping) else section for name, section in settings.items()}
    for path, value in found.items():
        section, _, name = path.partition(".")
        tree[section] = {**(tree.get(section) or {}), name: value}
    return tree
