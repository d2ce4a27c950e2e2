"""Makes the lock files from `pyproject.toml`.

`requirements.lock` is to run, `requirements-dev.lock` to develop, on top of it, and `requirements-jax.lock` to run
and test with JAX in place of TensorFlow. `requirements-gpu.lock` holds only what a GPU of NVIDIA needs beside
`requirements.lock`. They hold exact versions with hashes for every platform, and no index
address. They are installed with `--no-deps`; `tool.uv.dependency-metadata` in `pyproject.toml` leaves torch out,
which the package with the embedded weights declares and does not need.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMON = (
    "--universal",
    "--python-version",
    "3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-annotate",
    "--no-header",
    "--quiet",
)
# `pyproject.toml` and KerasHub declare these; neither is imported while Keras runs on another backend.
TENSORFLOW = ("tensorflow", "tensorflow-text")
HEADER = "# Made by `make lock`; install with: pip install --require-hashes --no-deps -r {name}\n"


def compile_lock(name: str, *options: str) -> None:
    """Resolves `pyproject.toml` into the file `name`, keeping versions that still fit."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", *COMMON, *options, "-o", name]
    subprocess.run(command, cwd=ROOT, check=True)
    path = ROOT / name
    text = path.read_text(encoding="utf-8")
    path.write_text(HEADER.format(name=name) + text, encoding="utf-8")


def keep_additions(name: str, base: str) -> None:
    """Drops from the lock file `name` what stands in the lock file `base` word for word."""
    known = set(blocks(base))
    additions = [block for block in blocks(name) if block not in known]
    (ROOT / name).write_text(HEADER.format(name=name) + "".join(additions), encoding="utf-8")


def blocks(name: str) -> list[str]:
    """The packages of a lock file, each with its hashes."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(r"^[A-Za-z0-9].*\n(?:[ ].*\n)*", text, flags=re.MULTILINE)


if __name__ == "__main__":
    compile_lock("requirements.lock", "--extra", "embedded")
    compile_lock("requirements-dev.lock", "--extra", "embedded", "--group", "dev", "--constraint", "requirements.lock")
    compile_lock("requirements-gpu.lock", "--extra", "embedded", "--extra", "gpu", "--constraint", "requirements.lock")
    keep_additions("requirements-gpu.lock", "requirements.lock")
    with tempfile.TemporaryDirectory() as folder:
        excludes = Path(folder) / "excludes.txt"
        excludes.write_text("\n".join(TENSORFLOW), encoding="utf-8")
        options = ("--extra", "embedded", "--group", "jax", "--constraint", "requirements-dev.lock")
        compile_lock("requirements-jax.lock", *options, "--excludes", str(excludes))
