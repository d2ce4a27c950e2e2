"""The control of a run with a supervised term: the same training at λ = 0, scored on the same test rows."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.evaluation.pairs import compare_answers
from sft_keras.evaluation.wording import outcome
from sft_keras.training.progress import ProgressSink, With

FOLDER = "control"


def wants_control(config: RunConfig) -> bool:
    """Whether a control run is asked for and there is something to control: a term with λ above 0."""
    return config.evaluation.control_run and any(term.weight for term in config.objective.terms)


def train_control(
    config: RunConfig,
    test: Examples,
    trained: Any,
    *,
    checkpoints: Path,
    sink: ProgressSink,
    train: Callable[[RunConfig, Path, ProgressSink], Any],
    probabilities: Callable[[Any, list[str]], np.ndarray],
) -> dict[str, Any] | None:
    """Trains without the terms, with the same seed, rows and settings, and compares the two on the test part.

    Args:
        config: The configuration that the run was carried out with.
        test: The test rows.
        trained: The run's model.
        checkpoints: Folder of the run's state; the control has its own within, and is resumed from there.
        sink: Hears of the progress.
        train: Trains with a configuration into a folder, and tells a sink of it.
        probabilities: Those of a trained model for texts, [rows, classes].

    Returns:
        For the report: accuracy and macro F1 of both, the paired difference with its interval, McNemar's p-value and
        what follows; None if somebody asked to stop on the way.
    """
    sink.event("log", message="Control run: the same training with λ = 0.")
    plain = config.model_copy(update={"objective": config.objective.model_copy(update={"terms": ()})})
    checkpoints.mkdir(exist_ok=True)
    control = train(plain, checkpoints / FOLDER, With(sink, weight=0.0, training=2, trainings=2))
    if not control.complete:
        sink.event("log", message="The control run was stopped; the report has none.")
        return None
    answers = [
        [each.labels.names[i] for i in probabilities(each, test.texts).argmax(axis=1)] for each in (trained, control)
    ]
    pair = compare_answers(
        test.labels, *answers, samples=config.evaluation.bootstrap_samples, seed=config.training.seed
    )
    found = {
        "terms": [{"name": term.name, "weight": term.weight} for term in config.objective.terms if term.weight],
        "with_terms": pair.first,
        "without": pair.second,
        **{key: value for key, value in asdict(pair.difference).items() if key in ("value", "low", "high")},
        "p_value": pair.p_value,
        "outcome": outcome(pair.difference),
        "epochs": control.position.epoch,
        "seconds": control.position.seconds,
    }
    del control
    gc.collect()
    return found
