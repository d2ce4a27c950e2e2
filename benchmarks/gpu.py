"""Full fine-tuning in bfloat16 on a GPU, next to Hugging Face's Trainer with bf16 and SDPA on the same card.

    KERAS_BACKEND=jax python benchmarks/gpu.py --peer .venv-peer --peak 989      # TFLOP/s of the card in bf16
    python benchmarks/gpu.py --smoke                                             # whether it works, also without a GPU

A BERT of BERT-base's shape with random weights learns to tell made-up texts of exactly so many tokens apart, so that
nothing is padded on either side. Both sides in turns, each in a process of its own; rates are those after the first
epoch, which compiles. The useful work is counted as `training.py` says.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from training import rate, training_flops, work_on
from turns import HERE, in_turns, peer_python

SHAPE = {"layers": 12, "width": 768, "heads": 12}
SMALL = {"layers": 2, "width": 64, "heads": 2}
WORDS = 30_000
HELD_OUT = 200


def texts(rows: int, tokens: int, seed: int) -> list[tuple[str, str]]:
    """Texts of so many tokens, two of which are special, with labels that their first word tells."""
    draw = random.Random(seed)
    found = []
    for _ in range(rows):
        words = [draw.randrange(WORDS) for _ in range(tokens - 2)]
        found.append((" ".join(f"w{word}" for word in words), "even" if words[0] % 2 == 0 else "odd"))
    return found


def main() -> None:
    """Prints both rates, their ratio, and the share of the card; as the last line, everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=8_192)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peak", type=float, help="TFLOP/s of the card in bfloat16, for the share of it.")
    parser.add_argument("--peer", type=Path, default=Path(".venv-peer"), help="The peer's virtual environment.")
    parser.add_argument("--smoke", action="store_true")
    given = parser.parse_args()
    shape, rows, rounds = (SMALL, 128, 1) if given.smoke else (SHAPE, given.rows, given.rounds)
    interpreter = peer_python(given.peer.resolve())
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        weights = str(folder / "weights")
        told = [f"--{name}={value}" for name, value in shape.items()]
        subprocess.run([interpreter, str(HERE / "random_bert.py"), weights, *told], check=True, capture_output=True)
        names = ("train", "validation", "test")
        parts = {name: texts(rows if name == "train" else HELD_OUT, given.tokens, i) for i, name in enumerate(names)}
        work = {
            **work_on(parts, given.epochs, folder),
            "weights": weights,
            "backbone": weights,
            "max_length": given.tokens,
            "batch_size": given.batch_size,
            "gpu": not given.smoke,
            "bfloat16": not given.smoke,
            "mode": "dynamic",
        }
        sides = {
            "ours": ([sys.executable, str(HERE / "training.py"), "--child"], work),
            "Trainer": ([interpreter, str(HERE / "peer_training.py")], work),
        }
        found = in_turns(rounds, sides, folder)
    flops = training_flops([given.tokens], layers=shape["layers"], width=shape["width"])
    print("| side | rows/s | useful TFLOP/s | share of the card |\n| --- | --- | --- | --- |")
    for side in sides:
        own = statistics.median(rate(each[side], rows) for each in found)
        share = f"{100 * own * flops / given.peak / 1e12:.0f} %" if given.peak else ""
        print(f"| {side} | {own:.1f} | {own * flops / 1e12:.2f} | {share} |")
    ratio = statistics.median(rate(each["ours"], rows) / rate(each["Trainer"], rows) for each in found)
    print(f"ours to the Trainer: {ratio:.2f}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
