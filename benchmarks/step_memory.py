"""How much memory a training step takes, beside what is foretold before the first one.

    python benchmarks/step_memory.py --tokens 32 256 512 --rows 2 8

Each pair of rows and tokens is a process of its own: one update of the whole backbone, and the most memory that the
process ever had. From two numbers of rows follows what a row needs; `sft_keras/training/step_memory.py` holds how
many copies a layer keeps. `--backbone` takes any preset, also a folder with random weights, since the values do not
matter.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

MIB = 2**20


def one_step(backbone: str, rows: int, tokens: int, precision: str) -> None:
    """Trains one update and prints the forecast and the peak, in MiB."""
    from sft_keras.config import RunConfig
    from sft_keras.data.examples import Examples
    from sft_keras.training import trainer
    from sft_keras.training.progress import Silent
    from sft_keras.training.strategies import train

    foretold: list[int] = []
    forecast = trainer.step_memory

    def watched(*arguments: Any) -> Any:
        found = forecast(*arguments)
        foretold.append(found.of(rows) if found else 0)
        return found

    trainer.step_memory = watched
    trainer.room = lambda: 2**62
    texts = [f"{number} " + "great " * tokens for number in range(rows)]
    examples = Examples(texts, ["good" if row % 2 else "bad" for row in range(rows)], None, np.arange(1, rows + 1))
    settings = {
        "model": {"backbone": backbone, "max_length": tokens},
        "training": {"epochs": 1, "batch_size": rows, "mixed_precision": precision},
    }
    with tempfile.TemporaryDirectory() as folder:
        train(
            RunConfig.parse(settings),
            examples,
            examples.take([0, 1]),
            checkpoints=Path(folder) / "state",
            sink=Silent(),
        )
    print(f"{foretold[0] / MIB:.0f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")


def main() -> None:
    """Measures each pair and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="minilm")
    parser.add_argument("--rows", type=int, nargs="+", default=[2, 8])
    parser.add_argument("--tokens", type=int, nargs="+", default=[32, 256, 512])
    parser.add_argument("--precision", default="none", choices=("none", "bfloat16", "float16"))
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        one_step(given.backbone, given.rows[0], given.tokens[0], given.precision)
        return
    print("| rows | tokens | foretold, MiB | peak, MiB | to it |\n|---|---|---|---|---|")
    for tokens in given.tokens:
        for rows in given.rows:
            asked = {"backbone": given.backbone, "precision": given.precision, "rows": rows, "tokens": tokens}
            options = [f"--{name}={value}" for name, value in asked.items()]
            command = [sys.executable, __file__, "--alone", *options]
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            foretold, peak = map(int, answer.stdout.split()[-2:])
            print(f"| {rows} | {tokens} | {foretold:,} | {peak:,} | {foretold / peak:.2f} |", flush=True)


if __name__ == "__main__":
    main()
