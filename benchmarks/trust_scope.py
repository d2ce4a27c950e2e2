"""Leaves some labels out of the training, and measures whether the scores of the part `scope` notice their texts.

    python benchmarks/trust.py scope banking77 --left-out 0.2 --settings '{"training": {"epochs": 3}}'

The folder has `train.csv` and `test.csv` with the columns `text` and `label`. Texts of the labels that are left out are
near to the others, and so harder to notice than the general sentences which the part itself uses. The scores are those
of the part: AUROC, and the shares of the proper and of the left-out texts that fall below a threshold which 95 % of the
validation rows pass.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd

from sft_keras.config import RunConfig
from sft_keras.diagnostics.parts.scope import SCORES, auroc, outside_texts, part_texts, scored, told_of
from sft_keras.runs.diagnosis import subject_of
from sft_keras.runs.directory import RunDirectory
from sft_keras.services import Services
from sft_keras.settings import Settings

MOST_OUTSIDE = 1_000


def measure(folder: Path, *, share: float, seed: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Trains without the labels that are left out, and scores the test texts of both kinds.

    Args:
        folder: The set.
        share: Share of the labels that are left out, drawn by `seed`.
        seed: Also that of the training.
        settings: Of the training.
    """
    services = Services(Settings.from_environment())
    train, test = (pd.read_csv(folder / f"{part}.csv", dtype=str) for part in ("train", "test"))
    names = np.array(sorted(train["label"].unique()))
    left_out = np.random.default_rng(seed).choice(names, max(1, round(share * len(names))), replace=False)
    outside = test[test["label"].isin(left_out)]["text"].tolist()[:MOST_OUTSIDE]
    config = RunConfig.parse({**settings, "training": {**settings.get("training", {}), "seed": seed}})
    with tempfile.TemporaryDirectory() as place:
        files = {}
        for name, frame in (("train", train), ("test", test)):
            files[name] = f"{place}/{name}.csv"
            frame[~frame["label"].isin(left_out)].to_csv(files[name], index=False)
        run = services.prepare(files["train"], config, out=Path(place) / "run", test=files["test"])
        report = services.start(run).report
        subject = subject_of(RunDirectory(Path(place) / "run"), services.settings)
        general = outside_texts("en")
        tried = {part: part_texts(subject, part) for part in ("validation", "test")}  # type: ignore[arg-type]  # literals
        scores = scored(subject, {**tried, "outside": outside, "general": general})
    assert report is not None
    chosen = max(SCORES, key=lambda name: auroc(scores["validation"][name], scores["general"][name][::2]))
    return {
        "set": folder.name,
        "labels": len(names),
        "left_out": len(left_out),
        "inside_texts": len(tried["test"]),
        "outside_texts": len(outside),
        "accuracy": round(report["metrics"]["accuracy"]["value"], 4),
        "chosen_by_general_sentences": chosen,
        **{
            name: {
                key: round(value, 3)
                for key, value in told_of(scores["validation"], scores["test"], scores["outside"], name).items()
                if key != "threshold"
            }
            for name in SCORES
        },
    }


def main(arguments: Sequence[str]) -> None:
    """Prints a line of JSON for each set."""
    parser = argparse.ArgumentParser(prog="trust.py scope", description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--left-out", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settings", type=json.loads, default={}, help="Settings of the training, JSON.")
    given = parser.parse_args(arguments)
    for folder in given.sets:
        found = measure(folder, share=given.left_out, seed=given.seed, settings=given.settings)
        print(json.dumps(found), flush=True)
