"""The queue of trainings: what waits, in which order, and the light process that starts one after the other.

The folders are the truth: a run whose status says `queued` belongs into the queue, and is put back if the queue
lost it. A training is a process of its own, and so is the one that starts them (`consumer`), so that no end of
the web server, and no kill, takes a training with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from huey import SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

from sft_keras.errors import ArtifactError, TrainingError
from sft_keras.json_files import read_json
from sft_keras.runs.about import read_about
from sft_keras.runs.directory import RunDirectory
from sft_keras.settings import Settings
from sft_keras.training.killed import NOTE, was_killed

OUTPUT = "process.txt"
WATCH_SECONDS = 10.0
IDLE_SECONDS, BUSY_SECONDS = 300.0, 10.0
# The package may lie beside the app without being installed; the working directory is none of its places.
_ROOT = str(Path(__file__).parents[2])
_PYTHON = {
    "PYTHONPATH": os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH")))),
    "PYTHONSAFEPATH": "1",
    "PYTHONUNBUFFERED": "1",
}
_started: list[subprocess.Popen[bytes]] = []
_starting = threading.Lock()


class _Json(Serializer):  # type: ignore[misc]  # huey is untyped
    """Messages as JSON: nothing that lies in a file is unpickled."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(*json.loads(data))


def open_huey(settings: Settings) -> tuple[SqliteHuey, Callable[[str], Any]]:
    """The queue, and what puts the folder of a run into it.

    An open connection does not notice when the file is deleted, so that web processes open it anew each time.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    file = str(settings.queue_file)
    huey = SqliteHuey(
        "trainings",
        filename=file,
        results=False,
        fsync=True,
        strict_fifo=True,
        timeout=BUSY_SECONDS,
        serializer=_Json(),
    )
    return huey, huey.task(name="train")(carry_out)


def carry_out(folder: str) -> None:
    """Starts the training process of a run and waits for its end. This runs in a thread of the consumer."""
    run, settings = RunDirectory(Path(folder)), Settings.from_environment()
    asked = read_about(run.path).queued
    if _state(run) != "queued":  # stopped or deleted meanwhile, or somebody started it elsewhere
        return
    code = start_detached("sft_keras.runs.train_process", [folder], settings, run.path / OUTPUT).wait()
    while _state(run) == "interrupted" and killed_for_memory(run) and not run.cancel.exists():
        # It goes on with half as many rows at once; if that was a single one, it fails and says so.
        run.log("The system ended the training for lack of memory. It is started again.")
        run.update(state="queued", pid=0)
        code = start_detached("sft_keras.runs.train_process", [folder], settings, run.path / OUTPUT).wait()
    # A run that still waits never began, unless it was put into the queue once more in this moment.
    if _state(run) == "queued" and read_about(run.path).queued == asked:
        run.update(state="interrupted", message=f"The process of the training ended before it began (code {code}).")
        run.log(f"Interrupted: the process ended with code {code} before it began; see {OUTPUT}.")


@contextlib.contextmanager
def _queue(settings: Settings) -> Iterator[tuple[SqliteHuey, Callable[[str], Any]]]:
    """The queue for a moment; one that is damaged is made anew, since the folders are the truth."""
    try:
        huey, put = open_huey(settings)
        huey.storage.queue_size()
    except sqlite3.OperationalError:  # busy, or the disk is full: no reason to throw it away
        raise
    except sqlite3.DatabaseError:
        for ending in ("", "-wal", "-shm"):
            Path(f"{settings.queue_file}{ending}").unlink(missing_ok=True)
        huey, put = open_huey(settings)
        _put_back(settings, huey, put)
    try:
        yield huey, put
    finally:
        huey.storage.close()


def enqueue(settings: Settings, run: RunDirectory) -> None:
    """Puts a run into the queue; one that is in it already keeps its place.

    Raises:
        TrainingError: The queue cannot be written.
    """
    try:
        with _queue(settings) as (huey, put):
            if str(run.path) not in _waiting(huey):
                put(str(run.path))
    except (OSError, sqlite3.Error) as error:
        raise TrainingError(
            f"The queue cannot be written: {error}.", fix="Free space on the disk, then try again."
        ) from None


def waiting(settings: Settings) -> list[Path]:
    """The runs in the queue, the next one first; read without holding anybody up."""
    if not settings.queue_file.is_file():
        return []
    try:
        with contextlib.closing(sqlite3.connect(settings.queue_file, timeout=BUSY_SECONDS)) as connection:
            rows = connection.execute("select data from task order by priority desc, id").fetchall()
    except sqlite3.DatabaseError:  # damaged, or being made: whoever puts something into it mends it
        return []
    return list(map(Path, _folders(row[0] for row in rows)))


def still_waits(folder: Path) -> bool:
    """Whether a run in the queue still waits; one that was stopped or deleted stays there until its turn comes."""
    return _state(RunDirectory(folder)) == "queued"


def _waiting(huey: SqliteHuey) -> list[str]:
    return _folders(huey.storage.enqueued_items())


def _folders(messages: Iterable[bytes]) -> list[str]:
    found = []
    for message in messages:
        with contextlib.suppress(ValueError, TypeError, IndexError):
            found.append(str(Message(*json.loads(bytes(message))).args[0]))
    return found


def put_back(settings: Settings) -> int:
    """Puts runs that say they wait, but are not in the queue, back into it; returns how many.

    Only while no consumer works: what one just took out is starting, and not lost.
    """
    with _queue(settings) as (huey, put):
        return _put_back(settings, huey, put)


def _put_back(settings: Settings, huey: SqliteHuey, put: Callable[[str], Any]) -> int:
    known = set(_waiting(huey))
    lost = [run for run in owned_runs(settings) if str(run.path) not in known and _state(run) == "queued"]
    for run in sorted(lost, key=lambda run: read_about(run.path).queued):
        put(str(run.path))
    return len(lost)


def killed_for_memory(run: RunDirectory) -> bool:
    """Whether the system ended a training of this run, the main one or one beside it, for lack of memory."""
    return any(was_killed(note.parent) for note in run.checkpoints.rglob(NOTE))


def owned_runs(settings: Settings) -> Iterator[RunDirectory]:
    """The runs of all owners."""
    for status in settings.owners_dir.glob("*/runs/*/status.json"):
        if not status.parent.name.startswith("."):
            yield RunDirectory(status.parent)


def _state(run: RunDirectory) -> str:
    try:
        return run.status().state
    except ArtifactError:
        return "unreadable"


def recover(settings: Settings) -> int:
    """Looks at all runs that claim to be running, and says of those whose process is gone that they were interrupted.

    Returns:
        How many these were.
    """
    broken = 0
    for run in owned_runs(settings):
        if _state(run) == "interrupted":
            with contextlib.suppress(OSError, Timeout), FileLock(run.lock, timeout=0):
                if read_json(run.path / "status.json").get("state") == "running":
                    run.update(state="interrupted", pid=0)
                    run.log("Interrupted: its process is gone.")
                    broken += 1
    return broken


def consumer_lock(settings: Settings) -> FileLock:
    """The lock that the consumer holds as long as it lives."""
    settings.locks_dir.mkdir(parents=True, exist_ok=True)
    return FileLock(settings.locks_dir / "queue.lock")


def has_consumer(settings: Settings) -> bool:
    """Whether a consumer lives."""
    lock = consumer_lock(settings)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def ensure_consumer(settings: Settings) -> None:
    """Starts a consumer if none lives. Of two that start at the same time, one ends at once."""
    if not has_consumer(settings):
        start_detached("sft_keras.runs.consumer", [], settings, settings.data_dir / "queue.log")


def start_detached(module: str, arguments: list[str], settings: Settings, output: Path) -> subprocess.Popen[bytes]:
    """Starts a module of this package as a process of its own, which outlives this one.

    Args:
        module: Its name.
        arguments: What it is told.
        settings: What it shall find in its environment.
        output: A file for what it prints; never a pipe, which would end the process with this one.
    """
    with _starting, output.open("ab") as file:
        _started[:] = [process for process in _started if process.poll() is None]  # no zombies
        process = subprocess.Popen(  # noqa: S603 - this very Python, with arguments of our own
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            env={**os.environ, **settings.environment(), **_PYTHON},
        )
        _started.append(process)
    return process


def is_training() -> bool:
    """Whether a process that this one started still works."""
    return any(process.poll() is None for process in _started)


class Watchdog:
    """Sees to it that a consumer lives while anything waits.

    Args:
        settings: Say where the queue lies.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="queue-watchdog", daemon=True)

    def start(self) -> None:
        """Looks at all runs once, then begins to watch."""
        recover(self._settings)
        ensure_consumer(self._settings)
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch, and nothing else."""
        self._done.set()

    def _watch(self) -> None:
        while not self._done.wait(WATCH_SECONDS):
            with contextlib.suppress(OSError, sqlite3.Error):  # a full disk must not end the watch
                if not self._settings.queue_file.is_file() or waiting(self._settings):
                    ensure_consumer(self._settings)
