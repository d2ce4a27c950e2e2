"""Carries out a run in its folder: train, score the test part once, write report and bundle."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.artifacts.bundle import disk_error, write_bundle
from sft_keras.artifacts.further import read_starting_point, recorded_bundle
from sft_keras.artifacts.model_card import model_card
from sft_keras.backend import BACKENDS, backend_name, load_backend
from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.data.splits import Splits
from sft_keras.errors import SftError, TrainingError
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.prepare import load_splits
from sft_keras.runs.reports import data_title, save_mistakes
from sft_keras.settings import MIB, Settings
from sft_keras.training.progress import ProgressSink, Several

PACKAGES = ("sft-keras", "keras", "keras-hub", "tokenizers", "scikit-learn", "numpy")
SUMMARY = ("accuracy", "macro_f1")


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        run: Its folder.
        complete: False if it was stopped on the way.
        report: The report as in `report.json`; None if it was stopped, or has no test part.
        has_bundle: Whether there is a bundle: a stopped run has one from its first full epoch on, but
            not while λ is searched.
        history: The figures of each epoch of the training that was kept.
    """

    run: RunDirectory
    complete: bool
    report: dict[str, Any] | None
    has_bundle: bool
    history: tuple[dict[str, float], ...] = ()


def versions() -> dict[str, str]:
    """The versions of the packages that decide a result; of the backends, the one in use.

    Raises:
        ConfigError: The backend that is asked for cannot be used.
    """
    found = {}
    for name in (*PACKAGES, *BACKENDS[backend_name()]):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def execute(
    run: RunDirectory, sink: ProgressSink, should_stop: Callable[[], bool], settings: Settings | None = None
) -> RunResult:
    """Carries out a run, or what is left of it.

    Args:
        run: The run.
        sink: Hears of the progress.
        should_stop: Asked after each step; True keeps the best model so far and stops.
        settings: Says where vectors of frozen backbones are kept for later runs; nowhere if left out.

    Raises:
        SftError: It failed for a reason that a person can mend; the status says so too.
    """
    try:
        with run.working(), _failure_told(run):
            result = _execute(run, Several((run, sink)), should_stop, settings)
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
            fix=f"Free some space or make the folder writable, then go on: sft-keras train --resume {run.path}",
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


def _execute(
    run: RunDirectory, sink: ProgressSink, should_stop: Callable[[], bool], settings: Settings | None
) -> RunResult:
    config = run.config()
    if run.config_was_changed:
        message = "config.yaml was changed since the run was made; it is trained with what stands there now."
        if any(run.checkpoints.rglob("epoch-*")):
            message += " A part was trained before, so the result is that of neither the old settings nor the new ones."
        sink.event("log", message=message)
    splits = load_splits(run)
    begun = recorded_bundle(config.model)
    sink.event("phase", name="loading")
    load_backend()
    from sft_keras.training.feature_cache import FeatureCache
    from sft_keras.training.strategies import train

    start = read_starting_point(begun) if begun else None
    cache = FeatureCache(settings.cache_dir / "vectors", settings.max_cache_mib * MIB) if settings else None

    def train_into(config: RunConfig, checkpoints: Path) -> Any:
        return train(
            config,
            splits.train,
            splits.validation,
            checkpoints=checkpoints,
            sink=sink,
            should_stop=should_stop,
            start=start,
            cache=cache,
        )

    checkpoints = run.checkpoints
    found: dict[str, Any] = {}
    if config.objective.searches_weight:
        from sft_keras.runs.lambda_search import folder_of, search_weight
        from sft_keras.training.adaptation import settled
        from sft_keras.training.frozen import require_effect

        sink.event("phase", name="searching")
        run.checkpoints.mkdir(exist_ok=True)
        if config.model.trainable == "head":
            require_effect(config)
        else:
            config = settled(config, run.checkpoints, sink)  # once for all weights
        search = search_weight(
            config,
            splits,
            checkpoints=checkpoints,
            sink=sink,
            train=train_into,
            probabilities=lambda trained, texts: _predictor(trained).probabilities(texts),
            labels=start.labels_with(splits.train.labels) if start else Labels.of(splits.train.labels),
        )
        if search is None:
            return RunResult(run, complete=False, report=None, has_bundle=run.bundle.is_dir())
        config, found["lambda_search"] = search
        # The winner is trained already: going on from where it stands is reading its best weights.
        checkpoints = folder_of(checkpoints, found["lambda_search"]["chosen"])

    sink.event("phase", name="training")
    trained = train_into(config, checkpoints)
    report = None
    if trained.complete and splits.test is not None:
        sink.event("phase", name="evaluating")
        report = _report(run, splits, splits.test, trained, {**found, **trained.findings})
    if trained.has_best:
        sink.event("phase", name="saving")
        _bundle(run, splits, trained, report)
    if trained.complete:
        # A finished run is not resumed; its checkpoints weigh three times the model.
        shutil.rmtree(run.checkpoints, ignore_errors=True)
    return RunResult(run, trained.complete, report, run.bundle.is_dir(), trained.position.history)


def _predictor(trained: Any) -> Any:
    from sft_keras.inference.predictor import Predictor
    from sft_keras.tasks.base import TASKS

    return Predictor(
        trained.model.inference_model(),
        trained.tokenizer,
        trained.labels,
        TASKS.get(trained.config.training.task),
        max_length=trained.config.model.max_length,
    )


def _report(run: RunDirectory, splits: Splits, test: Examples, trained: Any, found: dict[str, Any]) -> dict[str, Any]:
    from sft_keras.evaluation.mistakes import confident_mistakes
    from sft_keras.evaluation.report import build_report
    from sft_keras.evaluation.report_files import write_report

    config = trained.config
    began = time.monotonic()
    predictor = _predictor(trained)
    training = splits.train
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
        rows={name: len(part) for name, part in splits.parts.items()},
        seconds=seconds,
        data_fingerprint=fingerprint(splits),
        backbone=trained.backbone.location.name,
        versions=versions(),
        notes=splits.notes,
        class_weight=_baseline_weights(config, trained, training),
        history=trained.position.history,
    )
    report = replace(report, **found)
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
    """One SHA-256 over the fingerprints of the parts."""
    return hashlib.sha256("".join(part.fingerprint() for part in splits.parts.values()).encode()).hexdigest()


def _bundle(run: RunDirectory, splits: Splits, trained: Any, report: dict[str, Any] | None) -> None:
    config = trained.config
    information = {
        "backbone": trained.backbone.location.name,
        "family": trained.backbone.family.name,
        **({"trained_from": config.model.bundle_sha256} if config.model.bundle_sha256 else {}),
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
        weight_bytes=4 * trained.model.count_params(),
    )
