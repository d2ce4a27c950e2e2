"""Plants wrong labels in real sets, and measures how many of them the part `suspicious_labels` lists.

    python benchmarks/trust.py labels trec6/train.csv cr/train.csv --share 0.1 --seed 0

Each file has the columns `text` and `label`. The labels of so many rows, drawn by chance, become another one, each as
likely as any other. Real sets hold slips of their own, which count as false alarms here: precision is a lower bound.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from sft_keras.artifacts.bundle import Bundle
from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.diagnostics.out_of_fold import out_of_fold
from sft_keras.diagnostics.parts.suspicious_labels import suspects
from sft_keras.diagnostics.subject import Subject
from sft_keras.inference.base import TextPredictor
from sft_keras.runs.prepare import divide, read_examples
from sft_keras.settings import MIB, Settings
from sft_keras.training.feature_cache import FeatureCache
from sft_keras.training.progress import Silent


def planted(examples: Examples, share: float, seed: int) -> tuple[Examples, set[int]]:
    """The rows with wrong labels among them, and the row numbers of these."""
    draw = np.random.default_rng(seed)
    names = sorted(set(examples.labels))
    chosen = draw.choice(len(examples), round(share * len(examples)), replace=False)
    labels = list(examples.labels)
    for i in chosen.tolist():
        labels[i] = str(draw.choice([name for name in names if name != labels[i]]))
    return replace(examples, labels=labels), set(examples.rows[chosen].tolist())


def subject_of(examples: Examples, seed: int, settings: Settings) -> Subject:
    """What the part looks at: the rows are divided into training and validation, and there is no model."""
    config = RunConfig.parse({"data": {"test_fraction": 0.0}, "training": {"seed": seed}})
    prepared = divide(config, settings, data=examples, validation=None, test=None, sink=Silent())
    labels = Labels(tuple(sorted(set(prepared.splits.train.labels))))
    return Subject(
        config=prepared.config,
        splits=prepared.splits,
        bundle=cast(Bundle, SimpleNamespace(labels=labels)),
        report=None,
        predictor=cast(TextPredictor, None),
        cache=FeatureCache(settings.cache_dir / "vectors", settings.max_cache_mib * MIB),
    )


def measure(file: Path, share: float, seed: int, most: int) -> dict[str, Any]:
    """Precision and recall of the list, and of its beginning, as long as rows were planted."""
    settings = Settings.from_environment()
    examples = read_examples(str(file), RunConfig(), settings, Silent())
    if len(examples) > most:
        chosen = np.random.default_rng(seed).choice(len(examples), most, replace=False)
        examples = examples.take(np.sort(chosen))
    noisy, wrong = planted(examples, share, seed)
    subject = subject_of(noisy, seed, settings)
    for part in ("train", "validation"):
        subject.quick(part)  # type: ignore[arg-type]  # a tuple of literals is a tuple of str
    began = time.perf_counter()
    rows = out_of_fold(subject)
    found = [int(rows.examples.rows[i]) for i, _ in suspects(rows)]
    hits = sum(row in wrong for row in found)
    first = sum(row in wrong for row in found[: len(wrong)])
    return {
        "set": file.parent.name,
        "rows": len(examples),
        "labels": len(subject.labels),
        "backbone": subject.config.model.backbone,
        "planted": len(wrong),
        "listed": len(found),
        "precision": round(hits / max(1, len(found)), 3),
        "recall": round(hits / len(wrong), 3),
        "precision_first": round(first / max(1, min(len(wrong), len(found))), 3),
        "recall_first": round(first / len(wrong), 3),
        "seconds": round(time.perf_counter() - began, 1),
    }


def main(arguments: Sequence[str]) -> None:
    """Prints a line of JSON for each file."""
    parser = argparse.ArgumentParser(prog="trust.py labels", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=12_000, help="Most rows of a set.")
    given = parser.parse_args(arguments)
    for file in given.files:
        print(json.dumps(measure(file, given.share, given.seed, given.most)), flush=True)
