"""Runs of an owner that were never trained: test rows, the answers of a made-up model, and its report."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.evaluation.report import build_report
from sft_keras.evaluation.report_files import write_report
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.reports import save_predictions
from sft_keras.services import Space
from sft_keras.services.space.base import new_id

NAMES = ("bad", "good", "so-so")


def examples(texts: Sequence[str], labels: Sequence[str]) -> Examples:
    return Examples(list(texts), list(labels), None, np.arange(1, len(texts) + 1))


def answers(truth: Sequence[int], classes: int, *, seed: int, right: float) -> np.ndarray:
    """Probabilities of a model that is right on about such a share of the rows."""
    draw = np.random.default_rng(seed)
    scores = draw.dirichlet(np.ones(classes), size=len(truth))
    for row, label in enumerate(truth):
        if draw.random() < right:
            best = scores[row].argmax()
            scores[row, [best, label]] = scores[row, [label, best]]
    return scores


def made_run(
    space: Space,
    texts: Sequence[str],
    labels: Sequence[str],
    probabilities: np.ndarray,
    *,
    predictions: bool = True,
    report: bool = True,
    names: Sequence[str] = NAMES,
) -> str:
    """Makes a finished run of an owner and returns its id."""
    config = RunConfig.parse({"evaluation": {"bootstrap_samples": 100}})
    test, run = examples(texts, labels), new_id()

    def fill(folder: RunDirectory) -> None:
        folder.data.mkdir(exist_ok=True)
        test.to_parquet(folder.data / "test.parquet")
        if predictions:
            save_predictions(folder, names, probabilities)

    (space.folder / "runs").mkdir(parents=True, exist_ok=True)
    folder = RunDirectory.create(space.folder / "runs" / run, config, data="reviews.csv", fill=fill)
    if report:
        known = Labels(tuple(names))
        training = [f"{name} {secrets.token_hex(4)}" for name in names for _ in range(5)]
        made = build_report(
            labels=known.encode(labels),
            probabilities=probabilities,
            names=names,
            train_texts=training,
            train_labels=known.encode([text.rsplit(" ", 1)[0] for text in training]),
            test_texts=texts,
            config=config.evaluation,
            seed=0,
            rows={"train": len(training), "validation": 5, "test": len(texts)},
            seconds={"training": 3.0, "prediction": 0.5},
            data_fingerprint="0" * 64,
            backbone="lstm",
            versions={"sft-keras": "1"},
        )
        write_report(made, folder.report, config=config, data="reviews", created="2026-01-01")
    folder.update(state="finished")
    return run
