"""Plants wrong labels in real sets, and measures how many of them the part `suspicious_labels` lists.

    python benchmarks/trust.py labels trec6/train.csv cr/train.csv --share 0.1 --seed 0

Each file has the columns `text` and `label`. The labels of so many rows, drawn by chance, become another one: with
`--kind uniform` each as likely as any other, with `--kind similar` the one that a classifier that did not see the row
finds likeliest of the others, as in slips that people make. Real sets hold slips of their own, which count as false
alarms here: precision is a lower bound.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Mapping, Sequence
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


def planted(examples: Examples, share: float, seed: int, likeliest: Mapping[int, str]) -> tuple[Examples, set[int]]:
    """The rows with wrong labels among them, and the row numbers of these.

    Args:
        examples: The rows.
        share: Share of the rows that get a wrong label.
        seed: The same seed draws the same rows.
        likeliest: The wrong label by row number; drawn by chance where it is not there.
    """
    draw = np.random.default_rng(seed)
    names = sorted(set(examples.labels))
    chosen = draw.choice(len(examples), round(share * len(examples)), replace=False)
    labels = list(examples.labels)
    for i in chosen.tolist():
        wrong = str(draw.choice([name for name in names if name != labels[i]]))
        labels[i] = likeliest.get(int(examples.rows[i]), wrong)
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


def likeliest_of_others(examples: Examples, seed: int, settings: Settings) -> dict[int, str]:
    """For each row number the label that is likeliest after the given one."""
    subject = subject_of(examples, seed, settings)
    rows = out_of_fold(subject)
    others = rows.probabilities.copy()
    others[np.arange(len(rows.truth)), rows.truth] = -1
    return {
        int(row): subject.labels.names[best]
        for row, best in zip(rows.examples.rows, others.argmax(axis=1), strict=True)
    }


def measure(file: Path, *, share: float, kind: str, seed: int, most: int) -> dict[str, Any]:
    """Precision and recall of the list, and of its beginning, as long as rows were planted."""
    settings = Settings.from_environment()
    examples = read_examples(str(file), RunConfig(), settings, Silent())
    if len(examples) > most:
        chosen = np.random.default_rng(seed).choice(len(examples), most, replace=False)
        examples = examples.take(np.sort(chosen))
    likeliest = likeliest_of_others(examples, seed, settings) if kind == "similar" else {}
    noisy, wrong = planted(examples, share, seed, likeliest)
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
        "kind": kind,
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
    parser.add_argument("--kind", choices=("uniform", "similar"), default="uniform")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=12_000, help="Most rows of a set.")
    given = parser.parse_args(arguments)
    for file in given.files:
        print(
            json.dumps(measure(file, share=given.share, kind=given.kind, seed=given.seed, most=given.most)), flush=True
        )
