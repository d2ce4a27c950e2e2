"""Fails when the documents and the code say different things; with `--write`, brings the generated parts up to date.

Generated are the tables between `<!-- generated: NAME -->` and `<!-- end of NAME -->`, and `configs/defaults.yaml`.
The rest is written by hand and searched for every name that the code offers. Keras is never imported.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import re
import subprocess
import sys
import tomllib
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import typer
import yaml
from pydantic import BaseModel

from sft_keras import cli
from sft_keras.config import RunConfig, TermConfig
from sft_keras.config_template import commented_yaml, describe_range
from sft_keras.data.checks import DataReport
from sft_keras.data.findings import Finding, Lengths
from sft_keras.data.samples import SAMPLES
from sft_keras.errors import SftError
from sft_keras.evaluation.evaluator import Metric, Scores
from sft_keras.evaluation.metrics import METRICS, CalibrationBin, ClassScores
from sft_keras.evaluation.report import Comparison, Report
from sft_keras.modeling.backbones.base import FAMILIES, Preset, known_presets
from sft_keras.recipes import recipes
from sft_keras.registry import plugin_names
from sft_keras.runs.status import STATES, Status
from sft_keras.services import SampleInfo
from sft_keras.settings import Settings
from sft_keras.tasks.base import Prediction

ROOT = Path(__file__).resolve().parents[1]
DEFAULTS = "configs/defaults.yaml"
DEFAULT_RECIPE = "balanced"
TERMS, TASKS = "sft_keras.losses.terms", "sft_keras.tasks"
PLUGINS = {"objective.terms[].name": TERMS, "training.task": TASKS}
# Fields whose content the report spreads over keys of its own.
REPORT_FIELDS = ({field.name for field in dataclasses.fields(Report)} - {"scores"}) | {"metrics", "format_version"}
CONTRACTS: tuple[Any, ...] = (
    *(Status, Prediction, SampleInfo, Preset, DataReport, Lengths),
    *(Metric, Comparison, ClassScores, CalibrationBin),
)

MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home)/[\w.-]*")
INDEX_ADDRESS = re.compile(r"pypi\.(?:org|python\.org)|pythonhosted\.org|https?://\S+/simple\b")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)
NAMED_FILE = re.compile(r"`((?:benchmarks|configs|docs|examples|scripts|sft_keras|tests)/[\w./-]*)`")
VARIABLE = re.compile(r"\b(?:SFT_[A-Z][A-Z_]+|KERAS_BACKEND|KAGGLEHUB_CACHE|TF_CPP_MIN_LOG_LEVEL)\b")
FINDING_CODE = re.compile(r"(?:Finding\(|^ {8}\()\s*f?\"([a-z_]+)\"", re.MULTILINE)


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


def generated_problems(document: str, text: str) -> list[str]:
    """Generated parts of a document that are no longer what the code gives."""
    problems = []
    for name, make in GENERATED.get(document, {}).items():
        try:
            if replace_block(text, name, make()) != text:
                problems.append(f"{document}: the part {name} is out of date; run scripts/check_docs.py --write")
        except ValueError as error:
            problems.append(f"{document}: {error}")
    return problems


def missing_names(document: str, text: str, names: Iterable[str]) -> list[str]:
    """Names that do not stand in a document as inline code."""
    return [f"{document}: {name} is not described" for name in sorted(set(names)) if f"`{name}`" not in text]


def contract_names() -> set[str]:
    """The keys that programs read: reports, predictions, checks, the status of a run, the files of a run."""
    fields = {field.name for contract in CONTRACTS for field in dataclasses.fields(contract)}
    scores = {field.name for field in dataclasses.fields(Scores)}
    finding = set(Finding("backbone_language", "warning").to_dict())
    return fields | finding | scores | REPORT_FIELDS | set(METRICS) | set(STATES)


def dependency_names(project: Mapping[str, Any]) -> set[str]:
    """The packages that `pyproject.toml` names: needed, optional, for development, and to build."""
    lists = [
        project["project"]["dependencies"],
        *project["project"].get("optional-dependencies", {}).values(),
        *project.get("dependency-groups", {}).values(),
        project["build-system"]["requires"],
    ]
    return {re.split(r"[\s<>=!~;\[]", line, maxsplit=1)[0] for lines in lists for line in lines}


def variable_names() -> set[str]:
    """The environment variables that the code reads or names."""
    sources = (ROOT / "sft_keras").rglob("*.py")
    return {name for path in sources for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}


def finding_codes() -> set[str]:
    """The codes of the findings of `sft-keras check`."""
    files = sorted((ROOT / "sft_keras/data").glob("*findings.py"))
    source = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return (set(FINDING_CODE.findall(source)) - {"missing_"}) | {"missing_text", "missing_label"}


@functools.cache
def expected_names() -> dict[str, set[str]]:
    """Which names the code offers, by the document that has to describe them."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    return {
        "docs/cli.md": contract_names(),
        "docs/losses.md": set(plugin_names(TERMS)),
        "docs/extending.md": set(plugin_names(TASKS)) | set(FAMILIES.names()),
        "docs/data.md": finding_codes(),
        "docs/settings.md": variable_names(),
        "docs/dependencies.md": dependency_names(project),
    }


def setting_problems(text: str, settings: Settings) -> list[str]:
    """Limits whose default does not stand in the line of their variable."""
    problems = []
    for field in dataclasses.fields(settings):
        variable, value = f"SFT_{field.name.upper()}", getattr(settings, field.name)
        line = next((line for line in text.splitlines() if line.startswith(f"| `{variable}`")), "")
        if not line or (isinstance(value, int) and f"`{int(value)}`" not in line):
            problems.append(f"docs/settings.md: the line of {variable} lacks its default {value}")
    return problems


def config_problems(name: str, text: str) -> list[str]:
    """Whether a configuration is valid, says when to take it, and changes something."""
    if name == DEFAULTS:
        same = text == commented_yaml(RunConfig())
        return [] if same else [f"{name}: differs from the code; run scripts/check_docs.py --write"]
    try:
        config = RunConfig.parse(yaml.safe_load(text) or {}, source=name)
    except (SftError, yaml.YAMLError) as error:
        return [f"{name}: {error}"]
    problems = [] if text.startswith("# ") else [f"{name}: the first lines do not say when to take it"]
    given = {f"{section}.{key}" for section, values in yaml.safe_load(text).items() for key in values}
    changed = {key for key in given if _value(config, key) != _value(RunConfig(), key)}
    if PurePosixPath(name).stem == DEFAULT_RECIPE:  # the defaults, written down
        return problems + [f"{name}: {key} is not the default" for key in sorted(changed)]
    return problems + [f"{name}: {key} is what the default is" for key in sorted(given - changed)]


def _value(config: RunConfig, key: str) -> Any:
    section, _, name = key.partition(".")
    return getattr(getattr(config, section), name)


def heading_anchors(text: str) -> set[str]:
    """The anchors that a code host gives to the headings."""
    titles = HEADING.findall(FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def link_problems(document: str, text: str) -> list[str]:
    """Relative links and named files that lead nowhere."""
    prose = FENCE.sub("", text)
    problems = []
    for target in LINK.findall(prose):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (ROOT / document).parent / path if path else ROOT / document
        if not place.exists():
            problems.append(f"{document}: the link {target} leads nowhere")
        elif anchor and place.suffix == ".md":
            there = text if place == ROOT / document else place.read_text(encoding="utf-8")
            if anchor not in heading_anchors(there):
                problems.append(f"{document}: there is no heading for the link {target}")
    named = {name for name in NAMED_FILE.findall(prose) if not (ROOT / name).exists()}
    return problems + [f"{document}: there is no file {name}" for name in sorted(named)]


def address_problems(name: str, text: str) -> list[str]:
    """Paths of one machine and addresses of a package index, which have no place in a project."""
    found = [*MACHINE_PATH.findall(text), *INDEX_ADDRESS.findall(text)]
    return [f"{name}: holds {address}" for address in dict.fromkeys(found)]


def project_files() -> list[str]:
    """The files of the project by their path within it: tracked, or not yet and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    names = done.stdout.splitlines()
    if done.returncode != 0:  # an unpacked archive without a history
        hidden = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        names = [path.as_posix() for path in hidden if not any(part.startswith(".") for part in path.parts)]
    return [name for name in names if (ROOT / name).is_file()]


def problems_of(name: str, text: str) -> list[str]:
    """Everything that is wrong with one file."""
    problems = address_problems(name, text)
    if PurePosixPath(name).suffix == ".md":
        problems += generated_problems(name, text) + link_problems(name, text)
    if PurePosixPath(name).match("configs/*.yaml"):
        problems += config_problems(name, text)
    problems += missing_names(name, text, expected_names().get(name, ()))
    if name == "docs/settings.md":
        problems += setting_problems(text, Settings())
    return problems


def all_problems() -> list[str]:
    """Everything that is wrong with the project's documents."""
    names = project_files()
    wanted = {*expected_names(), *GENERATED, DEFAULTS}
    problems = [f"{name}: is missing" for name in sorted(wanted - set(names))]
    for name in names:
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        problems += problems_of(name, text)
    return problems


def write() -> None:
    """Brings the generated parts and the default configuration up to date."""
    (ROOT / DEFAULTS).write_text(commented_yaml(RunConfig()), encoding="utf-8", newline="\n")
    for document, parts in GENERATED.items():
        path = ROOT / document
        text = path.read_text(encoding="utf-8")
        for name, make in parts.items():
            text = replace_block(text, name, make())
        path.write_text(text, encoding="utf-8", newline="\n")


def main() -> int:
    """Prints what is wrong; 0 if nothing is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="bring the generated parts up to date first")
    if parser.parse_args().write:
        write()
    problems = all_problems()
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print("The documents agree with the code.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
