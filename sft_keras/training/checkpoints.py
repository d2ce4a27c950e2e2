"""Everything a broken training needs to go on as if nothing had happened, written so that no half of it is ever read.

A checkpoint holds what changes: trained weights, random states, metric sums, optimizer slots, the position
and the best score so far. Frozen weights come from the backbone again. Files are safetensors: no pickle.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import SafetensorError

from sft_keras.errors import ArtifactError, TrainingError
from sft_keras.training.state_files import read_values, unreadable, values_of, write_values

KEPT = 2  # the newest and the one before, should the newest be damaged
BEST = "best.safetensors"


@dataclass(frozen=True)
class Position:
    """Where a training stands.

    Attributes:
        epoch: Epochs completed.
        step: Steps completed within the next epoch.
        best_score: Best validation score so far, higher is better; None before the first epoch.
        best_epoch: The epoch it was reached in, counted from 1; 0 before the first.
        waited: Epochs since then.
        history: The figures of each completed epoch.
        seconds: Time spent in training so far, over all tries.
        accumulation_steps: Parts a batch was computed in; the counters in the checkpoint count parts.
        backend: Keras's backend when it was saved; empty before that.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    best_score: tuple[float, float] | None = None
    best_epoch: int = 0
    waited: int = 0
    history: tuple[dict[str, float], ...] = field(default_factory=tuple)
    accumulation_steps: int = 1
    backend: str = ""


def _changing(model: keras.Model) -> list[Any]:
    """The variables that a training changes, in a fixed order."""
    trainable = {id(v) for v in model.trainable_variables}
    own = [v for v in model.variables if id(v) in trainable or "seed_generator" in v.path]
    metrics = [v for metric in model.metrics for v in metric.variables]
    # A checkpoint is made between updates, where what gradients are gathered in is zero.
    optimizer = [v for v in model.optimizer.variables if "gradient_accumulator" not in v.path]
    state = [*own, *model.state_variables, *metrics, *optimizer]
    return list({id(v): v for v in state}.values())


def _read_position(path: Path) -> Position:
    """The position in a file.

    Raises:
        ArtifactError: It cannot be read, or another version wrote it.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        unknown = sorted(set(values) - {known.name for known in fields(Position)})
        if unknown:
            raise ArtifactError(
                f"The checkpoint was written by another version of sft-keras (unknown: {', '.join(unknown)}).",
                where=str(path),
                fix="Resume with the version that wrote it, or upgrade: pip install --upgrade sft-keras",
            )
        score = values.get("best_score")
        position = Position(
            **{**values, "best_score": tuple(map(float, score)) if score else None, "history": tuple(values["history"])}
        )
        counts = (position.epoch, position.step, position.best_epoch, position.waited)
        if not all(isinstance(count, int) for count in counts) or not all(
            isinstance(e, dict) for e in position.history
        ):
            raise TypeError("a count is no number")
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise unreadable(path, error) from None
    return position


def _recount(model: keras.Model, before: int, now: int) -> None:
    """Turns counters of parts into counters of parts of another size."""
    if before != now:
        for counter in (model.steps, *(v for v in model.optimizer.variables if v.name == "iteration")):
            counter.assign(counter // before * now)


class Checkpoints:
    """The `checkpoints` folder of a run.

    Args:
        folder: Where they lie; made if need be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._has_best = False
        self._unwritten_best: dict[str, np.ndarray] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, model: keras.Model, position: Position) -> int:
        """Writes the best weights if they are new, and the state beside the others; drops old ones.

        Returns:
            The bytes of the state.

        Raises:
            TrainingError: The disk is full or not writable; the checkpoints before stay as they were.
        """
        name = f"epoch-{position.epoch:05d}-step-{position.step:08d}"
        temporary = self.folder / f".{name}.part"
        if self._unwritten_best is not None:
            self._write_best(model, self._unwritten_best)
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            changing = _changing(model)
            size = write_values(temporary / "state.safetensors", changing, values_of(changing))
            with (temporary / "position.json").open("w", encoding="utf-8") as file:
                json.dump(asdict(replace(position, backend=keras.config.backend())), file)
                file.flush()
                os.fsync(file.fileno())
            shutil.rmtree(self.folder / name, ignore_errors=True)
            temporary.rename(self.folder / name)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise disk_full(error, self.folder) from error
        for old in self._all()[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
        return size

    def restore(self, model: keras.Model, log: Callable[[str], None] = lambda _: None) -> Position:
        """Loads the newest checkpoint that can be read; without any, the start.

        Args:
            model: Gets the state.
            log: Hears of a checkpoint that had to be left out.

        Raises:
            ArtifactError: There are checkpoints, but none can be read, or they are another backend's.
        """
        for half in self.folder.glob(".*.part"):  # left by a kill
            shutil.rmtree(half, ignore_errors=True)
        self._unwritten_best = None  # of a try that broke off
        failure: ArtifactError | None = None
        for folder in self._all():
            try:
                position = _read_position(folder / "position.json")
                _require_backend(position.backend, folder)
                self._require_best(model, position)
                read_values(folder / "state.safetensors", _changing(model))
                _recount(model, position.accumulation_steps, model.accumulation_steps)
                position = replace(position, accumulation_steps=model.accumulation_steps)
            except ArtifactError as error:
                log(f"The checkpoint {folder.name} was left out. {error.problem}")
                failure = failure or error
                continue
            if position.best_epoch and not self._best_is_readable(model):
                self._write_best(model, values_of(list(model.trainable_variables)))
                log("The weights of the best epoch were missing or damaged; the checkpoint holds the same.")
            self._has_best = position.best_epoch > 0
            return position
        if failure:
            raise failure
        return Position(accumulation_steps=model.accumulation_steps)

    def _require_best(self, model: keras.Model, position: Position) -> None:
        """Makes sure that the best weights are there, or are those of this checkpoint.

        Raises:
            ArtifactError: They are lost: the training could go on, but not end with the best epoch.
        """
        if not position.best_epoch or (position.best_epoch == position.epoch and not position.step):
            return
        read_values(self.folder / BEST, list(model.trainable_variables), assign=False)

    def _best_is_readable(self, model: keras.Model) -> bool:
        try:
            read_values(self.folder / BEST, list(model.trainable_variables), assign=False)
        except ArtifactError:
            return False
        return True

    def keep_best(self, model: keras.Model) -> None:
        """Keeps the trained weights of the best epoch; the next `save` writes them, so that both stand for one time."""
        self._unwritten_best = values_of(list(model.trainable_variables))

    def _write_best(self, model: keras.Model, weights: dict[str, np.ndarray]) -> None:
        try:
            write_values(self.folder / BEST, list(model.trainable_variables), weights)
        except (OSError, SafetensorError) as error:
            raise disk_full(error, self.folder) from error
        self._unwritten_best = None
        self._has_best = True

    def load_best(self, model: keras.Model) -> bool:
        """Puts the best weights that were saved into the model; False if no epoch was completed.

        Raises:
            ArtifactError: They are damaged, or gone.
        """
        if not self._has_best and not (self.folder / BEST).is_file():
            return False
        read_values(self.folder / BEST, list(model.trainable_variables))
        return True

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob("epoch-*"), reverse=True)


def _require_backend(name: str, folder: Path) -> None:
    """Each backend draws its own random numbers: a run that changed it would end in a model that nothing repeats."""
    if name != keras.config.backend():
        raise ArtifactError(
            f"The run was started with the backend {name}. Received: KERAS_BACKEND={keras.config.backend()}",
            where=str(folder),
            fix=f"Set the environment variable KERAS_BACKEND={name} and resume again.",
        )


def disk_full(error: Exception, folder: Path) -> TrainingError:
    """What to tell when something beside the checkpoints cannot be written."""
    run = next((place for place in folder.parents if (place / "status.json").is_file()), folder.parent)
    return TrainingError(
        f"The checkpoint could not be written: {getattr(error, 'strerror', None) or error}",
        where=str(folder),
        fix=f"Free some space, then: sft-keras train --resume {run} (what was saved before is still there)",
    )
