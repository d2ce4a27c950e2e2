"""The command line in process: what it prints, where, with which exit code, and what it leaves alone."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sft_keras import cli
from tests.conftest import TINY

TINY_OPTIONS = [
    "--backbone=lstm",
    *(f"--set={section}.{key}={value}" for section, values in TINY.items() for key, value in values.items()),
]


@dataclass(frozen=True)
class Answer:
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.err.splitlines() if line.startswith('{"event"')]

    @property
    def message(self) -> list[str]:
        return [line for line in self.err.splitlines() if not line.startswith('{"event"')]


Cli = Callable[..., Answer]


def command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Calls `sft-keras` in this process."""

    def call(*arguments: object, stdin: str | bytes = "") -> Answer:
        raw = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "argv", ["sft-keras", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
        capsys.readouterr()
        code: Any = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code or 0
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_refused(sft: Cli, arguments: Iterable[object], *told: str) -> Answer:
    """A mistake gets one to three lines on standard error, exit code 2, and changes nothing."""
    before = contents(Path())
    answer = sft(*arguments)
    assert answer.code == 2, answer
    assert answer.out == ""
    assert 1 <= len(answer.message) <= 3
    assert answer.message[0].startswith("Error: ")
    assert [line.partition(": ")[0] for line in answer.message[1:]] in (
        [],
        ["Where"],
        ["What to do"],
        ["Where", "What to do"],
    )
    for part in told:
        assert part in "\n".join(answer.message)
    assert contents(Path()) == before
    assert not [path for path in Path().iterdir() if path.name.startswith(".")]
    return answer
