"""λ found for the person: each of a few weights is trained and scored on the validation part; 0 stays unless beaten.

The best of several figures on the same rows is partly luck. λ above 0 is therefore taken only if its lead over
λ = 0 exceeds the noise of a paired bootstrap, with an interval that is wider the more weights were tried
(Bonferroni): 95% for all of them together.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.data.splits import Splits
from sft_keras.evaluation.bootstrap import paired_difference
from sft_keras.evaluation.metrics import classification_metrics
from sft_keras.training.progress import ProgressSink, With

# What the figure that is watched is called where only answers are at hand.
FIGURES = {"task_loss": "log_loss"}
RESULT, PROBABILITIES, BEST = "result.json", "validation.npy", "best.safetensors"


@dataclass(frozen=True)
class Tried:
    """One λ and what it gave on the validation part.

    Attributes:
        weight: λ.
        score: The monitored figure of its best epoch (of the task loss, the log loss); higher is better, a loss is
            negated.
        epochs: Epochs trained.
        seconds: Time of its training.
        settings: SHA-256 of the settings that it was trained with.
    """

    weight: float
    score: float
    epochs: int
    seconds: float
    settings: str


def folder_of(checkpoints: Path, weight: float) -> Path:
    """Where the training with this λ keeps its state."""
    return checkpoints / f"lambda-{weight!r}"


def search_weight(
    config: RunConfig,
    splits: Splits,
    *,
    checkpoints: Path,
    sink: ProgressSink,
    train: Callable[[RunConfig, Path, ProgressSink], Any],
    probabilities: Callable[[Any, Examples], np.ndarray],
    labels: Labels,
) -> tuple[RunConfig, dict[str, Any]] | None:
    """Trains with each λ and chooses.

    What was tried before a run was broken is read back; the training that was under way goes on.

    Args:
        config: The whole configuration, with a term whose weight is `auto`.
        splits: The divided rows; only the training and validation parts are used.
        checkpoints: Folder of the run's state; each λ has one of its own within.
        sink: Hears what was found.
        train: Trains with a configuration into a folder, and tells a sink of it.
        probabilities: Those of a trained model for the validation part, [rows, classes].
        labels: The labels that the model will know.

    Returns:
        The configuration with the chosen λ, and the table for the report; None if it was stopped on the way.
    """
    weights = list(dict.fromkeys((0.0, *sorted(config.objective.weight_grid))))
    names = [term.name for term in config.objective.terms if term.weight == "auto"]
    settings = hashlib.sha256(config.to_yaml().encode()).hexdigest()
    tried: list[Tried] = []
    answers: list[np.ndarray] = []
    targets = labels.encode(splits.validation.labels)
    for number, weight in enumerate(weights, start=1):
        folder = folder_of(checkpoints, weight)
        chosen = config.model_copy(update={"objective": config.objective.with_weight(weight)})
        known = _read(folder, settings, len(targets))
        if known is None:
            sink.event("log", message=f"λ = {weight:g} ({number} of {len(weights)}) for {' + '.join(names)}.")
            trained = train(chosen, folder, With(sink, weight=weight, training=number, trainings=len(weights)))
            if not trained.complete:
                return None
            found = probabilities(trained, splits.validation)
            score = _score(config.training.monitor, targets, found)
            known = _keep(folder, trained, weight, score, found, settings), found
            # What memory allowed for one weight holds for the others.
            config = config.model_copy(update={"training": trained.config.training})
            del trained
            gc.collect()
        tried.append(known[0])
        answers.append(known[1])
        _forget_losers(checkpoints, tried)
        sink.event("log", message=f"λ = {weight:g}: validation {config.training.monitor} {abs(known[0].score):.4f}.")
    table = _choose(config, tried, answers, targets, names)
    sink.event("log", message=str(table["message"]))
    weight = float(table["chosen"])
    sink.event("chosen", weight=weight)
    return config.model_copy(update={"objective": config.objective.with_weight(weight)}), table


def _forget_losers(checkpoints: Path, tried: Sequence[Tried]) -> None:
    """Drops the states that can no longer be chosen: each weighs four times the model."""
    leader = max(tried, key=lambda row: (row.score, -row.weight))
    for row in tried:
        if row.weight not in (0.0, leader.weight):
            for state in folder_of(checkpoints, row.weight).glob("epoch-*"):
                shutil.rmtree(state, ignore_errors=True)
            (folder_of(checkpoints, row.weight) / BEST).unlink(missing_ok=True)


def _choose(
    config: RunConfig, tried: Sequence[Tried], answers: Sequence[np.ndarray], labels: np.ndarray, names: Sequence[str]
) -> dict[str, Any]:
    """The table for the report, with the choice and its reason."""
    monitor = config.training.monitor
    best = max(range(len(tried)), key=lambda index: (tried[index].score, -tried[index].weight))
    # A loss that fell counts as a gain: the difference is then that of λ = 0 minus that of the best.
    lower_is_better = monitor == "task_loss"
    first, second = (0, best) if lower_is_better else (best, 0)
    others = max(1, len(tried) - 1)
    difference, low, high = paired_difference(
        labels,
        answers[first],
        answers[second],
        metric=FIGURES.get(monitor, monitor),
        # The ends of a wider interval are rarer: so many that ten of them lie beyond each end.
        samples=max(config.evaluation.bootstrap_samples, 400 * others),
        seed=config.training.seed,
        confidence=1 - 0.05 / others,
    )
    beyond = best != 0 and low is not None and low > 0
    chosen = tried[best].weight if beyond else 0.0
    terms = " + ".join(names)
    if best == 0:
        message = f"λ = 0 is best on the validation part: {terms} did not help here and is left out."
    elif beyond:
        lead = f"{_points(difference, monitor)} better than without ({_span(low, high, monitor)})"
        message = f"λ = {chosen:g} for {terms}: {lead}."
    else:
        message = (
            f"λ = {tried[best].weight:g} was {_points(difference, monitor)} better than λ = 0 on {len(labels)} "
            f"validation rows, which is within the noise ({_span(low, high, monitor)}): λ = 0 is kept."
        )
    return {
        "terms": list(names),
        "monitor": monitor,
        "rows": [{**asdict(row), "score": abs(row.score)} for row in tried],
        "best": tried[best].weight,
        "chosen": chosen,
        "kept_zero": chosen == 0,
        "difference": difference,
        "interval": None if low is None else [low, high],
        "validation_rows": len(labels),
        "message": message,
    }


def _points(difference: float, monitor: str) -> str:
    return f"{difference:.4f}" if monitor == "task_loss" else f"{100 * difference:.1f} points"


def _span(low: float | None, high: float | None, monitor: str) -> str:
    if low is None or high is None:
        return "too few rows for an interval"
    return f"interval {_points(low, monitor)} to {_points(high, monitor)}"


def _score(monitor: str, labels: np.ndarray, found: np.ndarray) -> float:
    """The figure that the bootstrap compares as well, of the model that is kept; no row or class has a weight."""
    name = FIGURES.get(monitor, monitor)
    value = classification_metrics(labels, found, bins=1)[name]
    return -value if name == "log_loss" else value


def _keep(folder: Path, trained: Any, weight: float, score: float, found: np.ndarray, settings: str) -> Tried:
    result = Tried(
        weight,
        score,
        trained.position.epoch,
        trained.position.seconds,
        settings,
    )
    with (folder / PROBABILITIES).open("wb") as file:
        np.save(file, found, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    # Written last: its presence says that both are complete.
    temporary = folder / f".{RESULT}.part"
    temporary.write_text(json.dumps(asdict(result)), encoding="utf-8")
    temporary.replace(folder / RESULT)
    return result


def _read(folder: Path, settings: str, rows: int) -> tuple[Tried, np.ndarray] | None:
    """What was found before; None if nothing was, or with other settings."""
    try:
        result = Tried(**json.loads((folder / RESULT).read_text(encoding="utf-8")))
        found = np.load(folder / PROBABILITIES, allow_pickle=False)
    except (OSError, ValueError, TypeError, EOFError):
        return None
    return (result, found) if result.settings == settings and len(found) == rows else None
