"""The page about a run or a bundle, made again from what they hold."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from sft_keras.artifacts.bundle import CONFIG, REPORT, read_bundle
from sft_keras.config import RunConfig
from sft_keras.data.samples import SAMPLE_PREFIX
from sft_keras.errors import ArtifactError
from sft_keras.evaluation.content import read_content
from sft_keras.evaluation.mistakes import Mistake
from sft_keras.runs.directory import RunDirectory

MISTAKES = "mistakes.json"
PREDICTIONS, VALIDATION_PREDICTIONS = "predictions.npz", "predictions-validation.npz"


@dataclass(frozen=True, eq=False)
class SavedPredictions:
    """What the model of a run says of each test row.

    Attributes:
        names: The labels that the model knows, in the order of the columns.
        probabilities: Shape [test rows, labels], float32; the rows are those of `load_splits(run).test`, in order.
    """

    names: tuple[str, ...]
    probabilities: np.ndarray


def save_predictions(
    run: RunDirectory, names: Sequence[str], probabilities: np.ndarray, name: str = PREDICTIONS
) -> None:
    """Keeps what the model says of the test rows: `data/predictions.npz`, read without pickle.

    Args:
        run: The run.
        names: The labels, in the order of the columns.
        probabilities: Shape [test rows, labels].
        name: Of the file, for other rows.
    """
    temporary = run.data / f".{name}.part"
    with temporary.open("wb") as file:
        # The names as JSON: an array of texts would lose what NumPy takes for padding.
        np.savez_compressed(file, probabilities=probabilities.astype(np.float32), names=json.dumps(list(names)))
    temporary.replace(run.data / name)


def load_predictions(run: RunDirectory, name: str = PREDICTIONS) -> SavedPredictions:
    """What `save_predictions` kept.

    Raises:
        ArtifactError: The file is missing or damaged: the run has no test part, or is of an older version.
    """
    file = run.data / name
    try:
        with np.load(file, allow_pickle=False) as content:
            names, probabilities = tuple(map(str, json.loads(str(content["names"])))), content["probabilities"]
        if probabilities.ndim != 2 or probabilities.shape[1] != len(names):
            raise ValueError(f"{len(names)} labels for an array of shape {list(probabilities.shape)}")
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, RecursionError) as error:
        raise _damaged(file, error) from None
    return SavedPredictions(names, probabilities)


def save_mistakes(run: RunDirectory, mistakes: Sequence[Mistake]) -> None:
    """Keeps test texts with wrong labels beside the other texts of the run."""
    content = [mistake.to_dict() for mistake in mistakes]
    (run.data / MISTAKES).write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")


def load_mistakes(run: RunDirectory) -> tuple[Mistake, ...]:
    """What `save_mistakes` kept.

    Raises:
        ArtifactError: The file is missing or damaged.
    """
    file = run.data / MISTAKES
    try:
        return tuple(Mistake(**row) for row in _read_json(file))
    except TypeError as error:
        raise _damaged(file, error) from None


def load_report(run: RunDirectory) -> Any:
    """What `report.json` of a run holds, unchecked.

    Raises:
        ArtifactError: It is missing or no JSON.
    """
    return _read_json(run.report / "report.json")


def settled_config(run: RunDirectory) -> RunConfig:
    """The settings of a run; what it chose by itself stands in the bundle only."""
    settings = run.bundle / CONFIG
    return RunConfig.from_yaml(settings) if settings.is_file() else run.config()


def data_title(data: str) -> str:
    """What to call the data in a headline: the name of the sample or of the file, without folder and ending."""
    return Path(data.removeprefix(SAMPLE_PREFIX).replace("\\", "/")).stem


def _diagnostics(run: RunDirectory, *, private: bool) -> dict[str, list[tuple[str, str]]]:
    """Title and HTML of each part that is ready, by language."""
    from sft_keras.evaluation.catalogue import LANGUAGES
    from sft_keras.runs.diagnosed import read_all, show

    ready = [found for found in read_all(run) if found.state == "ready"]
    shown: dict[str, list[tuple[str, str]]] = {language: [] for language in LANGUAGES}
    for language, found in product(LANGUAGES, ready):
        title, _, content = show(found, language, private=private)
        shown[language].append((title, Markup(content)))  # noqa: S704 - a template of ours escaped its values
    return shown


def report_page(place: Path, *, language: str | None = None, texts: bool = False) -> str:
    """The page about a finished run or a bundle.

    Args:
        place: The folder of a run, or a bundle.
        language: The language that is shown first; that of this machine's locale if left out.
        texts: Whether test texts with wrong labels are shown; only a run has them.

    Raises:
        ArtifactError: There is no report, or it is damaged.
        ConfigError: There is no such language.
    """
    from sft_keras.evaluation.page import render_page

    is_run = (place / "status.json").is_file()
    if texts and not is_run:
        raise ArtifactError(
            "A bundle holds no texts.", where=str(place), fix="Give the folder of the run, or leave the texts out."
        )
    content, config, where = _of_run(RunDirectory(place)) if is_run else _of_bundle(place)
    status = RunDirectory(place).status() if is_run else None
    return render_page(
        read_content(content, where=where),
        config,
        language=language,
        data=data_title(status.data) if status else "",
        created=status.created if status else "",
        mistakes=load_mistakes(RunDirectory(place)) if texts else (),
        diagnostics=_diagnostics(RunDirectory(place), private=texts) if is_run else None,
    )


def _of_run(run: RunDirectory) -> tuple[Any, RunConfig, str]:
    file = run.report / "report.json"
    if not file.is_file() and run.status().state == "finished":
        raise ArtifactError(
            "The run has no test part, so nothing was scored.",
            where=str(run.path),
            fix=f"Score it on another file: sft-keras evaluate {run.bundle} --data FILE",
        )
    if not file.is_file():
        raise ArtifactError(
            "The run has no report yet.", where=str(run.path), fix=f"Finish it: sft-keras train --resume {run.path}"
        )
    return load_report(run), settled_config(run), str(file)


def _of_bundle(place: Path) -> tuple[Any, RunConfig, str]:
    bundle = read_bundle(place)
    if bundle.report is None:
        raise ArtifactError(
            "The bundle has no report: there was no test part, or the training was stopped before it was scored.",
            where=str(place),
            fix="Finish the run that it comes from, or score it: sft-keras evaluate BUNDLE --data FILE",
        )
    return bundle.report, bundle.config, str(bundle.folder / REPORT)


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: Exception) -> ArtifactError:
    return ArtifactError(
        f"{file.name} cannot be read: {error}",
        where=str(file),
        fix="It is missing, was damaged, or belongs to a run of an older version; train anew.",
    )
