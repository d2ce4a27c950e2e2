"""How fast a fine-tuned model answers, next to `transformers.pipeline` with the same weights.

    python benchmarks/prediction.py --rounds 3

Both sides take turns (A B A B …), each time in a process of its own: texts in batches of 32, in the order in which they
come and, for the peer, also sorted by length; then single texts. Loading is not counted; the cold start is that of
`sft-keras predict` for one text, as a whole process.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training import work_of, write_rows
from turns import HERE, in_turns, peer_python, timed_answers

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Enough for the 8-bit copy to be compared on.
TRAINED_ROWS = 400
OURS = ("ours", "ours, 8-bit")


def predict_once(work: Mapping[str, Any]) -> None:
    """Predicts as `sft-keras predict` does, and prints what it took as JSON."""
    from sft_keras.inference.loading import quickest_predictor

    predictor = quickest_predictor(Path(work["run"]) / "bundle", eight_bit=work["eight_bit"], alone=True)
    texts = work["texts"]
    print(json.dumps(timed_answers(predictor.predict, lambda text: predictor.predict([text]), texts, work["single"])))


def cold_start(work: Mapping[str, Any]) -> float:
    """Seconds of `sft-keras predict` for one text, the fastest of three processes."""
    command = [str(Path(sys.executable).parent / "sft-keras"), "predict", work["run"], "--text", work["texts"][0]]
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return min(taken)


def table(rounds: list[dict[str, dict[str, float]]]) -> str:
    """The medians of all sides as Markdown, ours first."""
    lines = [
        "| side | texts/s | ours to it | 8-bit to it | one text, ms | ours to it | 8-bit to it | peak, MiB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for side in rounds[0]:
        own = {name: statistics.median(each[side][name] for each in rounds) for name in rounds[0][side]}
        cells = [f"{own['texts_per_second']:.0f}", *_ratios(rounds, side, "texts_per_second")]
        cells += [f"{own['single_ms']:.1f}", *_ratios(rounds, side, "single_ms"), f"{own['peak_mib']:.0f}"]
        lines.append(f"| {side} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _ratios(rounds: list[dict[str, dict[str, float]]], side: str, what: str) -> list[str]:
    """How many times as quick as a side each of ours is, the median over the rounds."""
    found = []
    for ours in OURS:
        pairs = [(each[ours][what], each[side][what]) for each in rounds]
        found.append(f"{statistics.median(b / a if what == 'single_ms' else a / b for a, b in pairs):.2f}")
    return found


def main() -> None:
    """Prints the table and, as the last line, everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--texts", choices=("short", "long"), default="short")
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", type=Path, default=Path(".venv-peer"), help="The peer's virtual environment.")
    given = parser.parse_args()
    if given.child:
        predict_once(json.loads(given.child.read_text(encoding="utf-8")))
        return
    interpreter = peer_python(given.peer.resolve())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        made = work_of(given.texts, given.rows, 1, folder)
        texts = texts_of(made["train"])
        run = train(made, folder)
        work = {**made, "run": run, "texts": texts, "single": texts[:200], "sorted": False, "eight_bit": False}
        peer = [interpreter, str(HERE / "peer_prediction.py")]
        sides = {
            "ours": ([sys.executable, __file__, "--child"], work),
            "ours, 8-bit": ([sys.executable, __file__, "--child"], {**work, "eight_bit": True}),
            "pipeline": (peer, work),
            "pipeline, sorted": (peer, {**work, "sorted": True}),
        }
        rounds = in_turns(given.rounds, sides, folder)
        cold = cold_start(work)
    print(f"{len(texts)} {given.texts} texts, {given.rounds} rounds; cold start {cold:.2f} s")
    print(table(rounds))
    print(json.dumps({"rounds": rounds, "cold_start": cold}))


def texts_of(file: str) -> list[str]:
    """The column `text` of a CSV file."""
    with Path(file).open(encoding="utf-8", newline="") as opened:
        return [row["text"] for row in csv.DictReader(opened)]


def train(work: Mapping[str, Any], folder: Path) -> str:
    """A model with the same weights below, trained on few rows, since only its speed counts."""
    short = folder / "few.csv"
    with Path(work["train"]).open(encoding="utf-8", newline="") as opened:
        write_rows(short, [(row["text"], row["label"]) for row in list(csv.DictReader(opened))[:TRAINED_ROWS]])
    run = str(folder / "run")
    command = [str(Path(sys.executable).parent / "sft-keras"), "train", "--data", str(short), "--out", run]
    limits = ["--set", "training.epochs=1", "--set", f"model.max_length={work['max_length']}"]
    subprocess.run([*command, *limits, "--set", "model.backbone=minilm"], check=True, capture_output=True)
    return run


if __name__ == "__main__":
    main()
