"""Deleting a run: its process first, then its name, then its files."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time

import psutil
from filelock import FileLock, Timeout

from sft_keras.errors import ArtifactError
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.store import Index, link_in
from sft_keras.settings import Settings

GONE = ".gone"
KILL_SECONDS = 5.0
# Nobody needs longer to write one.
HALF_MADE_SECONDS = 3600.0


def remove(run: RunDirectory, settings: Settings) -> None:
    """Deletes a run with its link; a training that is under way is ended first.

    Args:
        run: The run, below the folder of its owner.
        settings: Say where the index lies.

    Raises:
        ArtifactError: The folder cannot be removed.
    """
    link = link_in(run.path)
    try:
        run.cancel.touch()  # for a process that is about to start
        _end(run)
        gone = run.path.with_name(f".{run.path.name}{GONE}")
        run.path.rename(gone)
    except OSError as error:
        raise ArtifactError(
            f"The run cannot be deleted: {error.strerror or error}.", fix="Try again in a while."
        ) from None
    if link is not None:
        Index(settings).remove(link)
    shutil.rmtree(gone, ignore_errors=True)


def sweep(settings: Settings) -> None:
    """Deletes what a kill left of deletions, and of folders that were not complete."""
    now = time.time()
    for ending, age in ((GONE, 0.0), (".part", HALF_MADE_SECONDS)):
        for left in settings.owners_dir.glob(f"*/*/.*{ending}"):
            with contextlib.suppress(OSError):  # it vanished meanwhile
                if now - left.stat().st_mtime >= age:
                    shutil.rmtree(left, ignore_errors=True)


def _end(run: RunDirectory) -> None:
    """Kills the process that works on a run, and waits until it is gone."""
    lock = FileLock(run.lock)
    for _ in range(2):
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0.1)
            lock.release()
            return
        with contextlib.suppress(ArtifactError, psutil.Error, ProcessLookupError):
            status = run.status()
            # The lock is held, so the number is that of its holder; still, no other program is ever ended.
            if status.pid > 0 and str(run.path) in psutil.Process(status.pid).cmdline():
                os.kill(status.pid, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=KILL_SECONDS)
            lock.release()
            return
