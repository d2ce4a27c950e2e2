"""The parts of the documents that are made from the code: tables of commands, settings, backbones, recipes."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from sft_keras import cli
from sft_keras.config import RunConfig, TermConfig
from sft_keras.config_template import commented_yaml, describe_range
from sft_keras.data.samples import SAMPLES
from sft_keras.modeling.backbones.base import FAMILIES, known_presets
from sft_keras.recipes import recipes
from sft_keras.registry import plugin_names

ROOT = Path(__file__).resolve().parents[1]
DEFAULTS = "configs/defaults.yaml"
DEFAULT_RECIPE = "balanced"
TERMS, TASKS = "sft_keras.losses.terms", "sft_keras.tasks"
PLUGINS = {"objective.terms[].name": TERMS, "training.task": TASKS}


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; a bar within a cell is escaped."""
    names = list(columns)
    lines = [names, ["---"] * len(names), *[[cell.replace("|", r"\|") for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(values: Iterable[str]) -> str:
    """Names as inline code, separated by commas."""
    return ", ".join(f"`{value}`" for value in values)


def commands_text() -> str:
    """Every command with its arguments and options, from the command line itself."""
    group: Any = typer.main.get_command(cli.app)
    return "\n\n".join(_command_text(name, command) for name, command in group.commands.items())


def _command_text(name: str, command: Any) -> str:
    parts = [f"### `sft-keras {name}`", command.help]
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    if arguments:
        rows = [(f"`{_argument_name(p)}`", "required" if p.required else "optional", p.help) for p in arguments]
        parts.append(table(("Argument", "", "Meaning"), rows))
    if options:
        rows = [(code(p.opts), _option_value(p), p.help + " Required." * p.required) for p in options]
        parts.append(table(("Option", "Value", "Meaning"), rows))
    return "\n\n".join(parts)


def _argument_name(parameter: Any) -> str:
    return str(parameter.metavar or f"[{parameter.name.upper()}]...")


def _option_value(parameter: Any) -> str:
    if parameter.is_flag:
        return "flag"
    return "one value each, repeatable" if parameter.multiple else "one value"


def config_fields() -> Iterator[tuple[str, Any]]:
    """Every key of the configuration with its field: `training.epochs`, `objective.terms[].weight`."""
    for section, outer in RunConfig.model_fields.items():
        model: type[BaseModel] = typing.cast(type[BaseModel], outer.annotation)
        for name, field in model.model_fields.items():
            yield f"{section}.{name}", field
    for name, field in TermConfig.model_fields.items():
        yield f"objective.terms[].{name}", field


def config_text() -> str:
    """One table a section: key, default, what is allowed, meaning."""
    sections: dict[str, list[tuple[str, str, str, str]]] = {}
    for key, field in config_fields():
        section = key.rpartition(".")[0]
        row = (f"`{key}`", default_text(field), allowed_text(key, field), field.description)
        sections.setdefault(section, []).append(row)
    columns = ("Key", "Default", "Allowed", "Meaning")
    return "\n\n".join(f"### `{section}`\n\n{table(columns, rows)}" for section, rows in sections.items())


def default_text(field: Any) -> str:
    """The default as it stands in YAML."""
    if field.is_required():
        return "required"
    if field.default is None:
        return "empty"
    return f"`{field.default if isinstance(field.default, str) else json.dumps(field.default)}`"


def allowed_text(key: str, field: Any) -> str:
    """What a field takes, in words."""
    if key in PLUGINS:
        return code(plugin_names(PLUGINS[key]))
    words = list(_kinds(field.annotation))
    bounds = describe_range(field).strip(" ()")
    if bounds:
        words = [f"{word} {bounds}" if word in ("number", "whole number") else word for word in words]
    return ", ".join(words)


def _kinds(annotation: Any) -> Iterator[str]:
    names: Mapping[Any, str] = {
        bool: "`true`, `false`",
        int: "whole number",
        float: "number",
        str: "text",
        type(None): "or empty",
    }
    origin = typing.get_origin(annotation)
    if annotation in names:
        yield names[annotation]
    elif origin is typing.Literal:
        yield code(typing.get_args(annotation))
    elif origin is dict:
        yield "a number above 0 by label"
    elif origin is tuple:
        yield "list"
    else:
        for part in typing.get_args(annotation):
            yield from _kinds(part)


def backbones_text() -> str:
    """The presets that are known by name."""
    rows = [
        (
            f"`{name}`",
            f"`{family.name}`",
            f"{preset.parameters / 1e6:.1f} M" if preset.parameters else "by data",
            preset.languages,
            preset.source,
            preset.licence,
        )
        for name, (family, preset) in known_presets().items()
    ]
    return table(("Backbone", "Family", "Parameters", "Languages", "Weights from", "Licence"), rows)


def families_text() -> str:
    """The defaults of each backbone family."""
    rows = [
        (f"`{name}`", f"`{family.default_pooling}`", f"`{family.default_learning_rate:g}`")
        for name, family in FAMILIES.items()
    ]
    return table(("Family", "`model.pooling: auto` means", "Empty `optimizer.learning_rate` means"), rows)


def samples_text() -> str:
    """The sample data sets."""
    rows = [(f"`{s.name}`", s.title, s.language, s.task, s.source, s.licence) for s in SAMPLES.values()]
    return table(("Sample", "Texts", "Language", "Labels", "Source", "Licence"), rows)


def recipes_text() -> str:
    """Each recipe with when to take it."""
    rows = (f"| [`{recipe.name}`](../configs/{recipe.path.name}) | {recipe.advice} |" for recipe in recipes())
    return "\n".join(["| Recipe | When to take it |", "| --- | --- |", *rows])


def settings_text() -> str:
    """The project's own variables, as `docs/settings.md` describes them."""
    lines = (ROOT / "docs/settings.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| `SFT_")]
    return "\n".join(["| Variable | Default | Meaning |", "| --- | --- | --- |", *rows])


GENERATED: dict[str, dict[str, Callable[[], str]]] = {
    "docs/cli.md": {"commands": commands_text},
    "docs/configuration.md": {
        "settings": config_text,
        "backbones": backbones_text,
        "families": families_text,
        "recipes": recipes_text,
    },
    "docs/data.md": {"samples": samples_text},
    "docs/hosting.md": {"settings": settings_text},
}


def replace_block(text: str, name: str, content: str) -> str:
    """The document with what stands between the markers of `name` replaced.

    Raises:
        ValueError: A marker is missing.
    """
    begin, end = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the markers of {name} are missing. Expected: {begin} and {end}")
    return f"{head}{begin}\n\n{content}\n\n{end}{tail}"


def write() -> None:
    """Brings the generated parts and the default configuration up to date."""
    (ROOT / DEFAULTS).write_text(commented_yaml(RunConfig()), encoding="utf-8", newline="\n")
    for document, parts in GENERATED.items():
        path = ROOT / document
        text = path.read_text(encoding="utf-8")
        for name, make in parts.items():
            text = replace_block(text, name, make())
        path.write_text(text, encoding="utf-8", newline="\n")
