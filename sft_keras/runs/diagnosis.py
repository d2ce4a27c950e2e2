"""The diagnostics of a run: each part is examined after the other, and kept in the run's folder as soon as it is ready.

What they find lies with the texts (`data/diagnostics/`), since it may hold some.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sft_keras.artifacts.bundle import read_bundle
from sft_keras.data.examples import Examples
from sft_keras.diagnostics.base import Facts, NotApplicable, Part, ordered_parts
from sft_keras.diagnostics.draws import drawn_rows
from sft_keras.diagnostics.subject import Subject
from sft_keras.errors import ArtifactError, ConfigError, SftError, did_you_mean
from sft_keras.evaluation.report import json_safe
from sft_keras.json_files import write_json
from sft_keras.runs.diagnosed import FORMAT_VERSION, LOCK, PROGRESS, Found, State, folder_of, read_all
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.prepare import load_splits
from sft_keras.settings import MIB, Settings
from sft_keras.training.progress import ProgressSink, Silent, TrainingStopped

REPORT = "report/report.json"
MOST_OTHERS = 100
# Of more training rows a draw is looked at, so that memory and time are bounded.
MOST_TRAINING_ROWS = 20_000
# A page that asks whether somebody is at work has the lock for a moment itself.
LOCK_SECONDS = 2.0


def subject_of(
    run: RunDirectory,
    settings: Settings | None,
    *,
    sink: ProgressSink | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Subject:
    """A finished run for the parts to look at.

    Args:
        run: The run.
        settings: Say where vectors of frozen backbones are kept; nowhere if left out.
        sink: Hears of the progress.
        should_stop: Asked now and then.

    Raises:
        SftError: There is no model, or a file is damaged.
    """
    from sft_keras.inference.loading import quickest_predictor

    bundle = read_bundle(run.bundle)
    cache = None
    if settings is not None:
        from sft_keras.training.feature_cache import FeatureCache

        cache = FeatureCache(settings.cache_dir / "vectors", settings.max_cache_mib * MIB)
    splits = load_splits(run)
    drawn = drawn_rows(len(splits.train), MOST_TRAINING_ROWS, bundle.config.training.seed)
    return Subject(
        config=bundle.config,
        training_rows=len(splits.train),
        splits=replace(splits, train=splits.train.take(drawn)) if len(drawn) < len(splits.train) else splits,
        bundle=bundle,
        report=bundle.report,
        predictor=quickest_predictor(bundle),
        cache=cache,
        sink=sink or Silent(),
        should_stop=should_stop,
        scored_before=scored_on(run, splits.test) if splits.test is not None else 0,
    )


def scored_on(run: RunDirectory, test: Examples) -> int:
    """How many other runs beside this one scored a model on the same test rows; the newest 100 are looked at."""
    others = [path for path in run.path.parent.iterdir() if path != run.path and (path / REPORT).is_file()]
    others.sort(key=lambda path: (path / REPORT).stat().st_mtime, reverse=True)
    wanted, found = test.fingerprint(), 0
    for path in others[:MOST_OTHERS]:
        with contextlib.suppress(SftError):
            found += Examples.from_parquet(path / "data" / "test.parquet").fingerprint() == wanted
    return found


def diagnose(
    run: RunDirectory,
    settings: Settings | None,
    *,
    parts: Iterable[str] | None = None,
    sink: ProgressSink | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Found]:
    """Examines a finished run; a part that fails does not keep the others from appearing.

    Args:
        run: The run.
        settings: See `subject_of`.
        parts: Names of parts; all that were not examined yet if left out.
        sink: Hears `part` (name, number, count) and `step` (fraction).
        should_stop: Asked now and then; what is ready then is kept.

    Returns:
        What is known of all parts.

    Raises:
        ConfigError: There is no such part.
        ArtifactError: The run has no model, or is being examined by another process.
        OSError: The folder cannot be written.
    """
    wanted = _wanted(run, parts)
    if not wanted:
        return read_all(run)
    lock = FileLock(run.path / LOCK)
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise ArtifactError("The run is being examined at this moment.", fix="Wait until that is done.") from None
    folder = folder_of(run)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        told = _Progress(folder / PROGRESS, sink or Silent())
        subject = subject_of(run, settings, sink=told, should_stop=should_stop)
        subject.facts.update({found.part: dict(found.facts) for found in read_all(run) if found.state == "ready"})
        for number, (name, part) in enumerate(wanted):
            told.begin(name, number, len(wanted))
            try:
                found = _examine(run, name, part, subject)
            except TrainingStopped:
                break
            if found.state == "ready":
                subject.facts[name] = dict(found.facts)
            write_json(folder / f"{name}.json", {"format_version": FORMAT_VERSION, **vars(found)})
    finally:
        (folder / PROGRESS).unlink(missing_ok=True)
        lock.release()
    return read_all(run)


def _wanted(run: RunDirectory, parts: Iterable[str] | None) -> list[tuple[str, Part]]:
    known = ordered_parts()
    if parts is None:
        done = {found.part for found in read_all(run) if found.state in ("ready", "skipped")}
        return [each for each in known if each[0] not in done]
    names = list(parts)
    for name in names:
        if name not in dict(known):
            raise ConfigError(
                f'There is no part "{name}" of the diagnostics.',
                where="part",
                fix=did_you_mean(name, [each for each, _ in known]),
            )
    return [each for each in known if each[0] in names]


def _examine(run: RunDirectory, name: str, part: Part, subject: Subject) -> Found:
    began = time.monotonic()
    state: State = "ready"
    facts: Facts = {}
    reason: dict[str, Any] = {}
    try:
        if part.needs_test and subject.splits.test is None:
            raise NotApplicable("common.no_test")
        facts = json_safe(part.examine(subject))
    except NotApplicable as skipped:
        state, reason = "skipped", {"key": skipped.key, "values": json_safe(skipped.values)}
    except TrainingStopped:
        raise
    except SftError as error:
        state, reason = "failed", {"message": error.problem, "fix": error.fix}
    except Exception as error:  # one part must not take the others with it
        state, reason = "failed", {"message": "", "fix": ""}
        run.log(f"Diagnostics, {name}: {type(error).__name__}: {error}\n{traceback.format_exc()}")
    return Found(name, state, facts, reason, seconds=time.monotonic() - began)


class _Progress:
    """Writes down how far the examination is, at most twice a second."""

    def __init__(self, file: Path, sink: ProgressSink) -> None:
        self._file = file
        self._sink = sink
        self._now: dict[str, Any] = {}
        self._told = 0.0

    def begin(self, part: str, number: int, count: int) -> None:
        """A part begins."""
        self._now = {"part": part, "number": number, "parts": count}
        self._told = time.monotonic()
        self._sink.event("part", name=part, number=number, count=count)
        write_json(self._file, {**self._now, "fraction": 0.0})

    def event(self, kind: str, **values: Any) -> None:
        """Hears of a step and passes everything on."""
        self._sink.event(kind, **values)
        now = time.monotonic()
        if kind == "step" and now - self._told >= 0.5:
            self._told = now
            write_json(self._file, {**self._now, "fraction": values.get("fraction", 0.0)})
