"""Kills trainings with SIGKILL at random moments, resumes them, and compares their predictions with an unbroken one's.

    python benchmarks/kill_nine.py --kills 50 --seed 0
    python benchmarks/kill_nine.py --kills 10 --backbone tiny-bert

A checkpoint is written after each step, so that kills fall into writes as well. TensorFlow is imported once: each
attempt is a fork of a process that imported it but never ran it (after its first operation it must not be forked).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_hub
import numpy as np

import sft_keras.evaluation.report
import sft_keras.inference.predictor
import sft_keras.runs.worker
import sft_keras.training.trainer  # noqa: F401 - all that an attempt would import anew
from sft_keras.config import RunConfig
from sft_keras.runs.directory import RunDirectory
from sft_keras.services import Services
from sft_keras.settings import Settings

FILLER = ["the", "film", "was", "really", "and", "story", "with", "an", "actor", "plot", "of", "scene"]
TELLING = {"good": ["great", "lovely", "superb"], "bad": ["awful", "boring", "sad"], "mixed": ["so-so", "fair"]}


def sentences(rows: int, draw: random.Random) -> list[tuple[str, str]]:
    """Sentences with one telling word each, one in eight of them under a wrong label."""
    made = []
    for index in range(rows):
        label = draw.choice(list(TELLING))
        words = [*draw.sample(FILLER, 6), draw.choice(TELLING[label]), f"n{index}"]
        draw.shuffle(words)
        made.append((" ".join(words), label if draw.random() > 1 / 8 else draw.choice(list(TELLING))))
    return made


def write_tiny_bert(folder: Path) -> None:
    """A BERT with two narrow layers and random weights, as a KerasHub preset."""
    keras.utils.set_random_seed(0)
    words = [*FILLER, *(word for words in TELLING.values() for word in words)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32, "max_sequence_length": 32}
    backbone = keras_hub.models.BertBackbone(vocabulary_size=len(vocabulary), **sizes)
    backbone.save_to_preset(str(folder))
    keras_hub.models.BertTokenizer(vocabulary=vocabulary, lowercase=True).save_to_preset(str(folder))


def settings(backbone: str, epochs: int) -> dict[str, Any]:
    """A tiny model with everything that has state: dropout, a ramp of λ, class centers."""
    return {
        "model": {"backbone": backbone, "max_length": 16, "lstm_units": 8, "lstm_embedding_dim": 8},
        "optimizer": {"learning_rate": 0.01},
        "training": {"epochs": epochs, "batch_size": 16, "patience": None, "checkpoint_minutes": 1e-6},
        "objective": {
            "terms": [{"name": "supcon", "weight": 0.2, "ramp_epochs": 2}, {"name": "center", "weight": 0.1}]
        },
        "evaluation": {"bootstrap_samples": 100, "baselines": False},
    }


def forked(work: Callable[[], None]) -> int:
    """Runs something in a fork; returns its pid."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def require(pid: int) -> None:
    """Waits for a fork that must end well."""
    if os.waitpid(pid, 0)[1]:
        raise SystemExit("An attempt failed; see above.")


def go_on(folder: Path) -> None:
    """What `sft-keras train --resume` does."""
    services = Services(Settings(data_dir=folder.parent / "data_dir"))
    services.start(services.open_run(folder))


def outcome(folder: Path, texts: list[str]) -> None:
    """Keeps beside the run what its bundle answers and how it scored."""
    services = Services(Settings(data_dir=folder.parent / "data_dir"))
    np.save(folder.with_suffix(".npy"), services.load(folder).probabilities(texts))


def half_written(folder: Path) -> set[str]:
    """What is being written beside its place."""
    places = [
        *folder.glob("checkpoints/.*"),
        *folder.glob("checkpoints/*.part"),
        *folder.glob(".*"),
        *folder.glob("report/.*"),
    ]
    return {str(path.relative_to(folder)) for path in places}


def phase_at(folder: Path, before: set[str]) -> str:
    """Where a killed run was."""
    new = sorted(half_written(folder) - before)
    if any(name.startswith("checkpoints/") for name in new):
        return "within a checkpoint's write"
    if any(name.startswith(".bundle") for name in new):
        return "within the bundle's write"
    if any(name.startswith("report/") for name in new):
        return "within the report's write"
    status = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    return status["phase"] if status["state"] == "running" else f"before the start ({status['state']})"


def main() -> None:
    """Runs the comparison; exits with 1 if a single prediction differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--kills-a-run", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--backbone", choices=["lstm", "tiny-bert"], default="lstm")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill_nine.") as place:
        compare(Path(place), options)


def compare(place: Path, options: argparse.Namespace) -> None:
    """Trains once unbroken, then over and over with kills in between."""
    draw = random.Random(options.seed)
    rows = sentences(160, draw)
    texts = [text for text, _ in sentences(40, draw)]
    data = place / "data.tsv"
    data.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")

    def prepare() -> None:
        backbone = options.backbone
        if backbone == "tiny-bert":
            backbone = str(place / "tiny_bert")
            write_tiny_bert(Path(backbone))
        config = RunConfig.parse(settings(backbone, options.epochs))
        Services(Settings(data_dir=place / "data_dir")).prepare(str(data), config, out=place / "queued")

    require(forked(prepare))
    shutil.copytree(place / "queued", place / "unbroken")
    began = time.monotonic()
    require(forked(lambda: go_on(place / "unbroken")))
    seconds = time.monotonic() - began
    require(forked(lambda: outcome(place / "unbroken", texts)))
    expected = np.load(place / "unbroken.npy")
    metrics = report_metrics(place / "unbroken")
    print(f"unbroken: {seconds:.1f} s", flush=True)

    phases: Counter[str] = Counter()
    different = runs = 0
    while phases.total() < options.kills:
        folder = place / f"run-{runs}"
        shutil.copytree(place / "queued", folder)
        for _ in range(min(options.kills_a_run, options.kills - phases.total())):
            before = half_written(folder)
            pid = forked(lambda folder=folder: go_on(folder))
            time.sleep(draw.uniform(0, seconds))
            if os.waitpid(pid, os.WNOHANG)[0]:
                break  # it was quicker
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            phases[phase_at(folder, before)] += 1
        if RunDirectory.open(folder).status().state != "finished":
            require(forked(lambda folder=folder: go_on(folder)))
        require(forked(lambda folder=folder: outcome(folder, texts)))
        same = np.array_equal(np.load(folder.with_suffix(".npy")), expected) and report_metrics(folder) == metrics
        different += not same
        runs += 1
        found = ", ".join(f"{count} {phase or 'starting'}" for phase, count in phases.most_common())
        print(f"run {runs}: {'the same' if same else 'DIFFERENT'}; kills so far: {found}", flush=True)
        if same:
            shutil.rmtree(folder)
    for phase, count in phases.most_common():
        print(f"{count:4d}  {phase or 'starting'}")
    print(f"{phases.total()} kills over {runs} runs; {different} ended with other predictions or scores")
    sys.exit(1 if different else 0)


def report_metrics(folder: Path) -> Any:
    """The scores of a finished run."""
    return json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))["metrics"]


if __name__ == "__main__":
    main()
