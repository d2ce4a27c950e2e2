"""Carries out a run in its folder: train, score the test part once, write report and bundle."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sft_keras.artifacts.bundle import disk_error, write_bundle
from sft_keras.artifacts.model_card import model_card
from sft_keras.backend import load_backend
from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.splits import Splits
from sft_keras.errors import SftError, TrainingError
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.prepare import PARTS, load_splits
from sft_keras.runs.reports import data_title, save_mistakes
from sft_keras.training.progress import ProgressSink, Several

PACKAGES = ("sft-keras", "keras", "keras-hub", "tensorflow", "tokenizers", "scikit-learn", "numpy")
SUMMARY = ("accuracy", "macro_f1")


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        run: Its folder.
        complete: False if it was stopped on the way.
        report: The report as in `report.json`; None if it was stopped.
        has_bundle: Whether there is a bundle: a stopped run has one from its first full epoch on.
    """

    run: RunDirectory
    complete: bool
    report: dict[str, Any] | None
    has_bundle: bool


def versions() -> dict[str, str]:
    """The versions of the packages that decide a result."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def execute(run: RunDirectory, sink: ProgressSink, should_stop: Callable[[], bool]) -> RunResult:
    """Carries out a run, or what is left of it.

    Raises:
        SftError: It failed for a reason that a person can mend; the status says so too.
    """
    try:
        with run.working(), _failure_told(run):
            result = _execute(run, Several((run, sink)), should_stop)
            summary = {}
            if result.report:
                summary = {name: result.report["metrics"][name]["value"] for name in SUMMARY}
            run.update(state="finished" if result.complete else "cancelled", pid=0, phase="", summary=summary)
            return result
    except Exception as error:
        refused = disk_error(error)
        if refused is None:
            raise
        raise TrainingError(
            f"The run could not write or read its files: {refused.strerror or refused}",
            where=str(run.path),
            fix=f"Mend the disk, then go on: sft-keras train --resume {run.path}",
        ) from error


@contextlib.contextmanager
def _failure_told(run: RunDirectory) -> Iterator[None]:
    """Leaves the reason in the status and the log if the block fails."""
    try:
        yield
    except BaseException as error:
        problem = error.problem if isinstance(error, SftError) else f"{type(error).__name__}: {error}"
        state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        with contextlib.suppress(OSError):  # if the disk is what failed, the dead heartbeat will tell
            run.update(state=state, pid=0, message=problem)
            run.log(f"{state.capitalize()}: {problem}")
        raise


def _execute(run: RunDirectory, sink: ProgressSink, should_stop: Callable[[], bool]) -> RunResult:
    config = run.config()
    splits = load_splits(run)
    sink.event("phase", name="loading")
    load_backend()
    from sft_keras.training.trainer import train

    sink.event("phase", name="training")
    trained = train(
        config,
        splits.train,
        splits.validation,
        checkpoints=run.checkpoints,
        sink=sink,
        should_stop=should_stop,
    )
    report = None
    if trained.complete:
        sink.event("phase", name="evaluating")
        report = _report(run, config, splits, trained)
    if trained.has_best:
        sink.event("phase", name="saving")
        _bundle(run, config, splits, trained, report)
    if trained.complete:
        # A finished run is not resumed; its checkpoints weigh three times the model.
        shutil.rmtree(run.checkpoints, ignore_errors=True)
    return RunResult(run, trained.complete, report, trained.has_best)


def _report(run: RunDirectory, config: RunConfig, splits: Splits, trained: Any) -> dict[str, Any]:
    from sft_keras.evaluation.mistakes import confident_mistakes
    from sft_keras.evaluation.report import build_report
    from sft_keras.evaluation.report_files import write_report
    from sft_keras.inference.predictor import Predictor
    from sft_keras.tasks.base import TASKS

    began = time.monotonic()
    predictor = Predictor(
        trained.model.inference_model(),
        trained.tokenizer,
        trained.labels,
        TASKS.get(config.training.task),
        max_length=config.model.max_length,
    )
    test, training = splits.test, splits.train
    probabilities = predictor.probabilities(test.texts)
    seconds = {"training": trained.position.seconds, "prediction": time.monotonic() - began}
    truth = trained.labels.encode(test.labels)
    report = build_report(
        labels=truth,
        probabilities=probabilities,
        names=trained.labels.names,
        train_texts=training.texts,
        train_labels=trained.labels.encode(training.labels),
        test_texts=test.texts,
        config=config.evaluation,
        seed=config.training.seed,
        rows={name: len(getattr(splits, name)) for name in PARTS},
        seconds=seconds,
        data_fingerprint=fingerprint(splits),
        backbone=trained.backbone.location.name,
        versions=versions(),
        notes=splits.notes,
        class_weight=_baseline_weights(config, trained, training),
        history=trained.position.history,
    )
    # Texts stay with the texts: what lies in `report/` can be shown to anybody.
    save_mistakes(run, confident_mistakes(truth, probabilities, test.texts, trained.labels.names))
    status = run.status()
    write_report(report, run.report, config=config, data=data_title(status.data), created=status.created)
    return report.to_dict()


def _baseline_weights(config: RunConfig, trained: Any, training: Examples) -> dict[int, float] | None:
    """The class weights of the training by class id, so that the baseline is told the same."""
    from sft_keras.losses.class_weights import class_weights

    if config.objective.class_weights == "none":
        return None
    counts = np.bincount(trained.labels.encode(training.labels), minlength=len(trained.labels))
    weights = class_weights(config.objective.class_weights, counts, trained.labels.names)
    return dict(enumerate(map(float, weights)))


def fingerprint(splits: Splits) -> str:
    """One SHA-256 over the fingerprints of the three parts."""
    return hashlib.sha256("".join(getattr(splits, name).fingerprint() for name in PARTS).encode()).hexdigest()


def _bundle(run: RunDirectory, config: RunConfig, splits: Splits, trained: Any, report: dict[str, Any] | None) -> None:
    information = {
        "backbone": trained.backbone.location.name,
        "task": config.training.task,
        "epochs_done": trained.position.epoch,
        "best_epoch": trained.position.best_epoch,
        "data_fingerprint": fingerprint(splits),
        "versions": versions(),
    }
    write_bundle(
        run.bundle,
        save_model=lambda path: trained.model.inference_model().save(path),
        save_tokenizer=trained.tokenizer.save,
        save_preset=trained.preset_writer(),
        labels=trained.labels,
        config=config,
        report=report,
        card=model_card(config, labels=trained.labels.names, report=report, information=information),
        information=information,
    )
