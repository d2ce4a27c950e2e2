"""What is kept of a run's rows to compare later texts with: `data/reference.npz`, made when it is first asked for."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sft_keras.errors import SftError
from sft_keras.evaluation.drift import Reference, Watch, reference_of
from sft_keras.json_files import beside
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.prepare import load_splits
from sft_keras.runs.reports import load_predictions

FILE = "reference.npz"


def watch_of(place: Path, names: Sequence[str]) -> Watch | None:
    """What hears of texts as the model of a run predicts them.

    Args:
        place: The folder of a run, or its bundle.
        names: The labels of the model, in order.

    Returns:
        None where the rows of the run are not there, as of a bundle that was copied away.
    """
    rows = training_rows(place)
    reference = run_reference(RunDirectory(rows.parents[1])) if rows is not None else None
    return None if reference is None else Watch(reference, tuple(names))


def run_of(place: Path) -> RunDirectory | None:
    """The run of a model.

    Args:
        place: The folder of a run, or its bundle.

    Returns:
        None where it is not there, as of a bundle that was copied away; what lies beside such a bundle is somebody
        else's.
    """
    for run in map(RunDirectory, (place, place.parent)):
        is_run = (run.path / "status.json").is_file() and run.bundle.is_dir()
        if is_run and (run.path == place or (place.is_dir() and run.bundle.samefile(place))):
            return run
    return None


def training_rows(place: Path) -> Path | None:
    """The file of a run's training rows; None where they are not there. See `run_of`."""
    run = run_of(place)
    rows = None if run is None else run.data / "train.parquet"
    return rows if rows is not None and rows.is_file() else None


def run_reference(run: RunDirectory) -> Reference | None:
    """What is kept of a run's rows; made from them if it is not there yet, None where that cannot be done."""
    kept = _read(run.data / FILE)
    if kept is not None:
        return kept
    try:
        splits = load_splits(run)
        probabilities = load_predictions(run).probabilities if splits.test is not None else None
        if splits.test is not None and probabilities is not None and len(probabilities) != len(splits.test):
            probabilities = None
    except SftError:  # a comparison is no reason to fail
        return None
    held_out = splits.test if splits.test is not None else splits.validation
    made = reference_of(splits.train.texts, held_out.texts, probabilities)
    with contextlib.suppress(OSError), beside(run.data / FILE) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **vars(made))
    return made


def _read(file: Path) -> Reference | None:
    try:
        with np.load(file, allow_pickle=False) as content:
            return Reference(**{name: content[name] for name in Reference.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
