"""Everything a broken training needs to go on as if nothing had happened, written so that no half of it is ever read.

A checkpoint holds what changes: trained weights, random states, metric sums, optimizer slots, the position
and the best score so far. Frozen weights come from the backbone again. Files are safetensors: no pickle.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from sft_keras.errors import ArtifactError, TrainingError

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
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    best_score: tuple[float, float] | None = None
    best_epoch: int = 0
    waited: int = 0
    history: tuple[dict[str, float], ...] = field(default_factory=tuple)
    accumulation_steps: int = 1


def _changing(model: keras.Model) -> list[Any]:
    """The variables that a training changes, in a fixed order."""
    trainable = {id(v) for v in model.trainable_variables}
    own = [v for v in model.variables if id(v) in trainable or "seed_generator" in v.path]
    metrics = [v for metric in model.metrics for v in metric.variables]
    # A checkpoint is made between updates, where what gradients are gathered in is zero.
    optimizer = [v for v in model.optimizer.variables if "gradient_accumulator" not in v.path]
    state = [*own, *model.state_variables, *metrics, *optimizer]
    return list({id(v): v for v in state}.values())


def _write(path: Path, variables: list[Any]) -> None:
    tensors = {f"{i:05d}": np.array(keras.ops.convert_to_numpy(v), order="C") for i, v in enumerate(variables)}
    temporary = path.with_name(path.name + ".part")
    save_file(tensors, str(temporary), metadata={f"{i:05d}": v.path for i, v in enumerate(variables)})
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def _read(path: Path, variables: list[Any]) -> None:
    try:
        tensors = load_file(str(path))
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"The checkpoint cannot be read: {error}", where=str(path)) from None
    shapes = {f"{i:05d}": tuple(v.shape) for i, v in enumerate(variables)}
    if shapes != {name: tuple(tensor.shape) for name, tensor in tensors.items()}:
        raise ArtifactError(
            "The checkpoint does not fit the model of this run.",
            where=str(path),
            fix="Resume with the version of sft-keras that started the run, or train anew.",
        )
    for index, variable in enumerate(variables):
        variable.assign(tensors[f"{index:05d}"])


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
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, model: keras.Model, position: Position) -> None:
        """Writes the state beside the others, renames it into place, and drops old ones.

        Raises:
            TrainingError: The disk is full or not writable; the checkpoints before stay as they were.
        """
        name = f"epoch-{position.epoch:05d}-step-{position.step:08d}"
        temporary = self.folder / f".{name}.part"
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            _write(temporary / "state.safetensors", _changing(model))
            values = {**asdict(position), "backend": keras.config.backend()}
            (temporary / "position.json").write_text(json.dumps(values), encoding="utf-8")
            shutil.rmtree(self.folder / name, ignore_errors=True)
            temporary.rename(self.folder / name)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise disk_full(error, self.folder) from error
        for old in self._all()[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)

    def restore(self, model: keras.Model) -> Position:
        """Loads the newest checkpoint that can be read; without any, the start.

        Raises:
            ArtifactError: There are checkpoints, but none can be read, or they are another backend's.
        """
        failure: ArtifactError | None = None
        for folder in self._all():
            try:
                values = json.loads((folder / "position.json").read_text(encoding="utf-8"))
                _require_backend(values.pop("backend", "tensorflow"), folder)
                values["best_score"] = tuple(values["best_score"]) if values["best_score"] else None
                position = Position(**{**values, "history": tuple(values["history"])})
                _read(folder / "state.safetensors", _changing(model))
                _recount(model, position.accumulation_steps, model.accumulation_steps)
                position = replace(position, accumulation_steps=model.accumulation_steps)
            except (OSError, ValueError, TypeError, KeyError) as error:
                failure = ArtifactError(f"The checkpoint cannot be read: {error}", where=str(folder))
            except ArtifactError as error:
                failure = error
            else:
                return position
        if failure:
            raise failure
        return Position(accumulation_steps=model.accumulation_steps)

    def save_best(self, model: keras.Model) -> None:
        """Keeps the trained weights of the best epoch.

        Raises:
            TrainingError: The disk is full or not writable.
        """
        try:
            _write(self.folder / BEST, list(model.trainable_variables))
        except (OSError, SafetensorError) as error:
            raise disk_full(error, self.folder) from error

    def load_best(self, model: keras.Model) -> bool:
        """Puts the weights of the best epoch into the model; False if no epoch was completed."""
        if not (self.folder / BEST).is_file():
            return False
        _read(self.folder / BEST, list(model.trainable_variables))
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
    return TrainingError(
        f"The checkpoint could not be written: {getattr(error, 'strerror', None) or error}",
        where=str(folder),
        fix=f"Free some space, then: sft-keras train --resume {folder.parent} (what was saved before is still there)",
    )
