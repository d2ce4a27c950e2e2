"""The run folder: the truth about a run, written so that a kill at any moment leaves it readable."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sft_keras.config import RunConfig
from sft_keras.errors import ArtifactError, ConfigError, TrainingError

HEARTBEAT_SECONDS = 5.0
# A busy machine may delay a beat; one that is six beats late is dead.
DEAD_AFTER_SECONDS = 30.0
STATES = ("queued", "running", "finished", "cancelled", "failed", "interrupted")


@dataclass(frozen=True)
class Status:
    """The content of `status.json`.

    Attributes:
        state: One of `STATES`.
        pid: The process that works on it; 0 if none does.
        heartbeat: When that process last said that it lives, in seconds since 1970.
        created: When the run was made, ISO 8601 in UTC.
        data: What the person named as data.
        phase: What is being done, in a word.
        epoch: Epochs completed.
        epochs: Epochs in all.
        message: What went wrong, if something did.
        summary: Headline figures of a finished run.
    """

    state: str = "queued"
    pid: int = 0
    heartbeat: float = 0.0
    created: str = ""
    data: str = ""
    phase: str = ""
    epoch: int = 0
    epochs: int = 0
    message: str = ""
    summary: dict[str, Any] = field(default_factory=dict)


class RunDirectory:
    """A run's folder.

    Args:
        path: An existing run folder; `RunDirectory.create` makes one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    @property
    def data(self) -> Path:
        """The divided rows, so that a resumed run sees the same ones whatever became of the file."""
        return self.path / "data"

    @property
    def checkpoints(self) -> Path:
        """The state of the training."""
        return self.path / "checkpoints"

    @property
    def bundle(self) -> Path:
        """What a person keeps."""
        return self.path / "bundle"

    @property
    def report(self) -> Path:
        """The report and its plots."""
        return self.path / "report"

    @staticmethod
    def require_free(path: Path) -> None:
        """Makes sure that a run folder can be made here.

        Raises:
            ConfigError: Something is there already, or the place cannot be looked at.
        """
        try:
            taken = path.exists() and (not path.is_dir() or any(path.iterdir()))
            is_run = taken and (path / "status.json").is_file()
        except OSError as error:
            raise _no_folder(error, path) from None
        if taken:
            resume = f", or resume it: sft-keras train --resume {path}" if is_run else "."
            raise ConfigError(
                "The output folder exists already; nothing is overwritten.",
                where=str(path),
                fix=f"Choose another --out{resume}",
            )
        if path.resolve() in (Path.cwd(), *Path.cwd().parents):
            raise ConfigError(
                "The current folder cannot become the run folder.",
                where=str(path),
                fix="Choose a new folder with --out, for example --out my-run",
            )

    @classmethod
    def create(
        cls,
        path: Path,
        config: RunConfig,
        data: str = "",
        fill: Callable[[RunDirectory], None] = lambda _: None,
    ) -> RunDirectory:
        """Makes a run folder that is complete from the moment it is seen.

        Args:
            path: Where; nothing may be there but an empty folder.
            config: The resolved configuration.
            data: What the person named as data, for listings.
            fill: Writes what else belongs in it, before it is seen.

        Raises:
            ConfigError: Something is there already, or the place is full or not writable.
        """
        cls.require_free(path)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            (temporary / "data").mkdir(parents=True)
            (temporary / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
            created = datetime.now(UTC).isoformat(timespec="seconds")
            (temporary / "status.json").write_text(
                json.dumps(asdict(Status(created=created, data=data))), encoding="utf-8"
            )
            fill(cls(temporary))
            if path.exists():
                path.rmdir()
            temporary.rename(path)
        except OSError as error:
            raise _no_folder(error, path) from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """An existing run folder.

        Raises:
            ArtifactError: It is none.
        """
        if not (path / "status.json").is_file():
            raise ArtifactError(
                "There is no run here.", where=str(path), fix="Give the folder of a run: `sft-keras runs` lists them."
            )
        return cls(path)

    def config(self) -> RunConfig:
        """The resolved configuration of the run."""
        return RunConfig.from_yaml(self.path / "config.yaml")

    def status(self) -> Status:
        """The status; a run whose process is gone is `interrupted`, whatever the file says.

        Raises:
            ArtifactError: The file cannot be read.
        """
        try:
            known = Status(**json.loads((self.path / "status.json").read_text(encoding="utf-8")))
            _require_types(known)
            if known.state == "running" and not _is_alive(known):
                return replace(known, state="interrupted", pid=0)
        except (OSError, ValueError, TypeError, OverflowError) as error:
            raise ArtifactError(
                f"The run's status cannot be read: {error}",
                where=str(self.path / "status.json"),
                fix="It was damaged or written by another version; train anew.",
            ) from None
        return known

    def update(self, **changes: Any) -> None:
        """Replaces fields of the status, atomically."""
        with self._lock:
            status = Status(**{**json.loads((self.path / "status.json").read_text(encoding="utf-8")), **changes})
            temporary = self.path / ".status.json.part"
            temporary.write_text(json.dumps(asdict(status), ensure_ascii=False), encoding="utf-8")
            temporary.replace(self.path / "status.json")

    def log(self, message: str) -> None:
        """Adds a line with the time to `log.txt`."""
        with (self.path / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {message}\n")

    def event(self, kind: str, **values: Any) -> None:
        """Keeps a training's events: figures in `metrics.jsonl`, words in `log.txt`, the phase in the status."""
        if kind == "log":
            self.log(str(values["message"]))
            return
        if kind == "phase":
            self.update(phase=values["name"])
            self.log(f"Phase: {values['name']}.")
        elif kind == "epoch":
            self.update(epoch=values["epoch"], epochs=values["epochs"])
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(event_line(kind, values) + "\n")

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Marks the run as running by this process, with a heartbeat, until the block ends.

        Raises:
            TrainingError: Another process works on it.
        """
        known = self.status()
        if known.state == "running" and known.pid != os.getpid():
            raise TrainingError(
                f"Another process works on this run (pid {known.pid}).",
                where=str(self.path),
                fix="Wait for it, or stop it first.",
            )
        self.update(state="running", pid=os.getpid(), heartbeat=time.time(), message="")
        done = threading.Event()

        def beat() -> None:
            while not done.wait(HEARTBEAT_SECONDS):
                with contextlib.suppress(OSError):  # a full disk must not end the training from here
                    self.update(heartbeat=time.time())

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _require_types(status: Status) -> None:
    """Raises `TypeError` if a field of a status that was read holds another kind of value than a new one."""
    for name, value in asdict(Status()).items():
        kinds = (int, float) if isinstance(value, float) else type(value)
        if not isinstance(getattr(status, name), kinds):
            raise TypeError(f"{name} must be {type(value).__name__}")


def _is_alive(status: Status) -> bool:
    """Whether the process that wrote the status still works on it."""
    if time.time() - status.heartbeat > DEAD_AFTER_SECONDS:
        return False
    if os.name == "nt":  # signal 0 would interrupt the process there
        return True
    try:
        os.kill(status.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it lives, but belongs to somebody else
        return True
    return True


def event_line(kind: str, values: Mapping[str, Any]) -> str:
    """An event as one line of strict JSON: a figure that is no number, such as a lost loss, is null."""
    plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
    return json.dumps({"event": kind, "time": round(time.time(), 3), **plain}, ensure_ascii=False, allow_nan=False)


def _no_folder(error: OSError, path: Path) -> ConfigError:
    return ConfigError(
        f"The output folder cannot be made: {error.strerror or error}",
        where=str(path),
        fix="Choose another --out, on a disk with free space.",
    )


def find_runs(places: list[Path]) -> list[RunDirectory]:
    """The run folders that are, or lie directly in, the given folders, each once."""
    found: dict[Path, RunDirectory] = {}
    for place in places:
        if not place.is_dir():
            continue
        for folder in (place, *sorted(place.iterdir())):
            if (folder / "status.json").is_file() and (folder / "config.yaml").is_file():
                found.setdefault(folder.resolve(), RunDirectory(folder))
    return list(found.values())
