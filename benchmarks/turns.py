"""Two sides on the same work, in turns; what the benchmarks share.

It needs the standard library alone, since the peer's interpreter imports it too.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WARM_UP = 64


def peer_python(folder: Path) -> str:
    """The interpreter of the peer; its environment is made if it is not there."""
    interpreter = folder / "bin" / "python"
    if not interpreter.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(interpreter), "-m", "pip", "install", "--quiet", "-r", str(HERE / "peer-requirements.txt")]
        subprocess.run(install, check=True)
    return str(interpreter)


def carried_out(command: Sequence[str], work: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What one side, a process of its own, says of itself on its last line."""
    file = folder / "work.json"
    file.write_text(json.dumps(work), encoding="utf-8")
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return dict(json.loads(lines[-1]))


def in_turns(
    rounds: int, sides: Mapping[str, tuple[Sequence[str], Mapping[str, Any]]], folder: Path
) -> list[dict[str, dict[str, Any]]]:
    """All sides after one another, so many times: A B A B … A side is a command and its work."""
    found = []
    for turn in range(rounds):
        found.append({name: carried_out(command, work, folder) for name, (command, work) in sides.items()})
        print(f"round {turn + 1} of {rounds} done", file=sys.stderr, flush=True)
    return found


def peak_mib() -> float:
    """The most memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed_answers(
    in_batches: Callable[[list[str]], object], alone: Callable[[str], object], texts: list[str], single: list[str]
) -> dict[str, float]:
    """How fast texts are answered together, and one by one."""
    in_batches(texts[:WARM_UP])
    began = time.perf_counter()
    in_batches(texts)
    seconds = time.perf_counter() - began
    each = []
    for text in single:
        began = time.perf_counter()
        alone(text)
        each.append(time.perf_counter() - began)
    return {
        "texts_per_second": len(texts) / seconds,
        "single_ms": 1000 * statistics.median(each),
        "peak_mib": peak_mib(),
    }
