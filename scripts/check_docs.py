"""Fails when the documents and the code say different things; with `--write`, brings the generated parts up to date.

Generated are the tables between `<!-- generated: NAME -->` and `<!-- end of NAME -->`, and `configs/defaults.yaml`.
The rest is written by hand and searched for every name that the code offers. Keras is never imported.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from sft_keras.config import RunConfig
from sft_keras.config_template import commented_yaml
from sft_keras.data.checks import DataReport
from sft_keras.data.findings import Finding, Lengths
from sft_keras.errors import SftError
from sft_keras.evaluation.evaluator import Metric, Scores
from sft_keras.evaluation.metrics import METRICS, CalibrationBin, ClassScores
from sft_keras.evaluation.report import Comparison, Report
from sft_keras.modeling.backbones.base import FAMILIES, Preset
from sft_keras.registry import plugin_names
from sft_keras.runs.status import STATES, Status
from sft_keras.services import SampleInfo
from sft_keras.settings import Settings
from sft_keras.tasks.base import Prediction

sys.path.insert(0, str(Path(__file__).parent))

from generated_docs import DEFAULT_RECIPE, DEFAULTS, GENERATED, ROOT, TASKS, TERMS, replace_block, write

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
DIVIDER = re.compile(r"\|(?: *:?-+:? *\|)+ *$")
FINDING_CODE = re.compile(r"(?:Finding\(|^ {8}\()\s*f?\"([a-z_]+)\"", re.MULTILINE)


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


def table_problems(document: str, text: str) -> list[str]:
    """Tables without a header, which are shown as lines of bars."""
    problems, before = [], ""
    lines = FENCE.sub("", text).splitlines()
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("|") and not before.startswith("|") and not DIVIDER.match(after):
            problems.append(f"{document}: a table has no header: {line[:60]}")
        before = line
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
        problems += generated_problems(name, text) + link_problems(name, text) + table_problems(name, text)
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
