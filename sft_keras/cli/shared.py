"""What the commands share: the program, its common options, settings from them, output."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sft_keras.errors import ConfigError

if TYPE_CHECKING:
    from sft_keras.config import RunConfig
    from sft_keras.services import Services

USER_MISTAKE, BUG, INTERRUPTED = 2, 1, 130

app = typer.Typer(
    name="sft-keras",
    help="Fine-tune a text model on your labelled examples, and see honestly how good it is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Data = Annotated[str, typer.Option("--data", help="A labelled file, or sample:NAME (see `sft-keras samples`).")]
TextColumn = Annotated[str | None, typer.Option(help="Column with the texts; found if left out.")]
LabelColumn = Annotated[str | None, typer.Option(help="Column with the labels; found if left out.")]
Config = Annotated[Path | None, typer.Option("--config", help="YAML file with settings (see `init-config`).")]
Recipe = Annotated[str | None, typer.Option("--recipe", help="Settings by name, such as quick (see `recipes`).")]
Set = Annotated[list[str] | None, typer.Option("--set", help="One setting, as section.key=value; repeatable.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs, and nothing else.")]
BundlePath = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle of a run, or the run's folder.")]


def open_services() -> Services:
    from sft_keras.services import Services

    return Services()


def print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, allow_nan=False))


def resolved_config(recipe: str | None, path: Path | None, assignments: list[str] | None, **options: Any) -> RunConfig:
    """The recipe, then the file, then --set, then the options of their own: the later wins."""
    from sft_keras.config import RunConfig
    from sft_keras.yaml_files import apply_settings, laid_over, read_yaml

    values = open_services().recipe(recipe) if recipe else {}
    values = apply_settings(laid_over(values, read_yaml(path) if path else {}), assignments or [])
    for key, value in options.items():
        section, _, name = key.partition("__")
        before = values.get(section) or {}
        if value is not None and isinstance(before, dict):  # what is no section is told by `parse`
            values = {**values, section: {**before, name: value}}
    return RunConfig.parse(values, source=str(path) if path else "the settings given")


def require_new(out: Path) -> None:
    if out.exists():
        raise ConfigError(
            "The file exists already; nothing is overwritten.", where=str(out), fix="Choose another name."
        )


def write_new(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"The file cannot be written: {error.strerror}", where=str(out), fix="Choose another place."
        ) from None
    print(f"Wrote {out}", file=sys.stderr)
