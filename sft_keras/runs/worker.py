"""Carries out a run in its folder: train, score the test part once, write report and bundle."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sft_keras.artifacts.bundle import disk_error
from sft_keras.artifacts.further import read_starting_point, recorded_bundle
from sft_keras.backend import load_backend
from sft_keras.config import RunConfig
from sft_keras.data.labels import Labels
from sft_keras.errors import SftError, TrainingError
from sft_keras.runs.control import train_control, wants_control
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.prepare import load_splits
from sft_keras.runs.request import is_requested, prepare_requested
from sft_keras.runs.results import calibrated, keep_bundle, predictor_of, report_on_test, validation_probabilities
from sft_keras.settings import MIB, Settings
from sft_keras.training.progress import ProgressSink, Several

SUMMARY, BASELINE = ("accuracy", "macro_f1"), "tfidf_logreg"


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


def execute(
    run: RunDirectory,
    sink: ProgressSink,
    should_stop: Callable[[], bool],
    settings: Settings | None = None,
    *,
    exports: bool = True,
) -> RunResult:
    """Carries out a run, or what is left of it.

    Args:
        run: The run.
        sink: Hears of the progress.
        should_stop: Asked after each step; True keeps the best model so far and stops.
        settings: Says where vectors of frozen backbones are kept for later runs; nowhere if left out.
        exports: Whether the bundle gets the model in other formats too, which takes some seconds.

    Raises:
        SftError: It failed for a reason that a person can mend; the status says so too.
    """
    try:
        with run.working(), _failure_told(run):
            result = _execute(run, Several((run, sink)), should_stop, settings, exports)
            summary = _summary(result.report) if result.report else {}
            run.update(state="finished" if result.complete else "cancelled", pid=0, phase="", summary=summary)
            if result.complete:
                # They weigh three times the model. Only a run that is known to be finished can do without them: one
                # that was killed while they go would find half of them.
                shutil.rmtree(run.checkpoints, ignore_errors=True)
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


def _summary(report: Mapping[str, Any]) -> dict[str, float | None]:
    """The headline figures of a report, and those of the baseline beside them, as far as it was asked for."""
    baseline = report["baselines"].get(BASELINE, {"metrics": {}})["metrics"]
    return {
        **{name: report["metrics"][name]["value"] for name in SUMMARY},
        **{f"baseline_{name}": baseline[name]["value"] for name in SUMMARY if name in baseline},
    }


@contextlib.contextmanager
def _failure_told(run: RunDirectory) -> Iterator[None]:
    """Leaves the reason in the status and the log if the block fails."""
    try:
        yield
    except BaseException as error:
        refused = disk_error(error)
        # What it was stands in the log; to people it says nothing, and it may name places of this machine.
        problem, fix = f"The training ended by an unexpected error ({type(error).__name__}); its log says more.", ""
        details = f" {error}" if not isinstance(error, SftError) and str(error) else ""
        if isinstance(error, SftError):
            problem, fix = error.problem, error.fix
        elif refused is not None:
            problem = f"The run could not write or read its files: {refused.strerror or refused}"
        state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        with contextlib.suppress(OSError):  # if the disk is what failed, the dead heartbeat will tell
            run.update(state=state, pid=0, message=problem, fix=fix)
            run.log(f"{state.capitalize()}: {problem}{details}")
        raise


def _execute(
    run: RunDirectory, sink: ProgressSink, should_stop: Callable[[], bool], settings: Settings | None, exports: bool
) -> RunResult:
    if is_requested(run):
        sink.event("phase", name="preparing")
        prepare_requested(run, settings or Settings.from_environment(), sink)
        if should_stop():
            return RunResult(run, complete=False, report=None, has_bundle=False)
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

    def train_into(config: RunConfig, checkpoints: Path, sink: ProgressSink = sink) -> Any:
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
            probabilities=validation_probabilities,
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
    if trained.has_best:
        sink.event("phase", name="evaluating")
        trained = calibrated(trained, splits.validation)
    if trained.complete and splits.test is not None:
        if wants_control(trained.config):
            sink.event("phase", name="control")
            found["control"] = train_control(
                trained.config,
                splits.test,
                trained,
                checkpoints=run.checkpoints,
                sink=sink,
                train=train_into,
                probabilities=lambda model, texts: predictor_of(model).probabilities(texts),
            )
            sink.event("phase", name="evaluating")
        report = report_on_test(run, splits, splits.test, trained, {**found, **trained.findings})
    if trained.has_best:
        sink.event("phase", name="saving")
        report = keep_bundle(run, splits, trained, report, exports=exports)
    return RunResult(run, trained.complete, report, run.bundle.is_dir(), trained.position.history)
