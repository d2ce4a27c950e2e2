"""The process of one training: `python -m sft_keras.runs.train_process RUN`.

It outlives whoever started it. A file `cancel` in the run's folder, SIGTERM, or the limit on its time stop it after
the step; then the best model so far is kept.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from sft_keras.errors import SftError
from sft_keras.runs.directory import RunDirectory
from sft_keras.settings import Settings
from sft_keras.training.progress import Silent

LOOK_SECONDS = 0.5
# What a training that shall stop may still take: its step, scoring, saving.
GRACE_SECONDS = 3600.0
DIAGNOSIS_SECONDS = 3600.0
NICENESS = 5


class Stop:
    """Whether a training shall stop, and why.

    Args:
        run: The run.
        seconds: The longest that it may take.
    """

    def __init__(self, run: RunDirectory, seconds: float) -> None:
        self._cancel = run.cancel
        self._ends = time.monotonic() + seconds
        self._terminated = False
        self.timed_out = False

    def terminate(self, number: int, frame: object) -> None:
        """Hears a signal."""
        del number, frame
        self._terminated = True

    def __call__(self) -> bool:
        """Whether it shall stop."""
        self.timed_out = self.timed_out or time.monotonic() > self._ends
        return self._terminated or self.timed_out or self._cancel.exists()


def main(run: RunDirectory, settings: Settings) -> int:
    """Carries out a run that waits; returns the exit code."""
    be_modest()
    seconds = settings.max_run_hours * 3600.0
    stop = Stop(run, seconds)
    signal.signal(signal.SIGTERM, stop.terminate)
    with _slot(settings, run, stop) as may_start:
        if not may_start:
            return 0
        # Whatever hangs, it does not hold its place in the queue for ever.
        alarm = threading.Timer(seconds + GRACE_SECONDS, os._exit, args=(1,))
        alarm.daemon = True
        alarm.start()
        from sft_keras.runs.worker import execute

        if run.status().state != "queued":
            return 0
        try:
            result = execute(run, Silent(), stop, settings)
        except SftError as error:
            print(error, file=sys.stderr)
            return 2
        if not result.complete and stop.timed_out:
            kept = "the best model so far is kept" if result.has_bundle else "no epoch was completed"
            message = f"Stopped after {settings.max_run_hours} hours, the limit (SFT_MAX_RUN_HOURS); {kept}."
            run.log(message)
            run.update(message=message)
    # Not in its place in the queue: the next training need not wait for it.
    if result.complete and settings.diagnose:
        _examine(run, settings)
    return 0


def _examine(run: RunDirectory, settings: Settings) -> None:
    """What may be believed of the model; whatever happens here, the run is finished."""
    from sft_keras.runs.diagnosis import diagnose

    stop = Stop(run, DIAGNOSIS_SECONDS)
    signal.signal(signal.SIGTERM, stop.terminate)
    try:
        with one_at_a_time(settings, stop) as may_begin:
            if may_begin:
                diagnose(run, settings, should_stop=stop)
    except (SftError, OSError) as error:
        with contextlib.suppress(OSError):  # the disk is full, or the run was deleted
            run.log(f"Diagnostics: {error}")


@contextlib.contextmanager
def one_at_a_time(settings: Settings, stop: Stop) -> Iterator[bool]:
    """The only place for diagnostics on this machine; False if it was to stop while it waited."""
    settings.locks_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.locks_dir / "diagnostics.lock")
    while not stop():
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=LOOK_SECONDS)
            break
    try:
        yield lock.is_locked
    finally:
        lock.release()


def be_modest() -> None:
    """Lets the web process go first, also when memory runs out."""
    with contextlib.suppress(OSError, AttributeError):  # Windows has no such thing
        os.nice(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


@contextlib.contextmanager
def _slot(settings: Settings, run: RunDirectory, stop: Stop) -> Iterator[bool]:
    """One of the places for trainings; False if the run was stopped or deleted while it waited for one.

    The consumer has as many workers, but one that was killed and started again does not know of the trainings that
    went on without it.
    """
    settings.locks_dir.mkdir(parents=True, exist_ok=True)
    locks = [FileLock(settings.locks_dir / f"training-{number}.lock") for number in range(settings.max_trainings)]
    while True:
        try:
            if stop() or run.status().state != "queued":
                yield False
                return
        except SftError:  # it was deleted
            yield False
            return
        for lock in locks:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            try:
                yield True
            finally:
                lock.release()
            return
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    sys.exit(main(RunDirectory(Path(sys.argv[1])), Settings.from_environment()))
