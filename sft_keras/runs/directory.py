"""The run folder: the truth about a run, written so that a kill at any moment leaves it readable."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sft_keras.config import RunConfig
from sft_keras.errors import ArtifactError, ConfigError, TrainingError
from sft_keras.places import given_path
from sft_keras.runs.heartbeat import beating
from sft_keras.runs.lines import append_line, event_line
from sft_keras.runs.status import Status, read_status

# A listing that looks whether the lock is held has it for a moment itself.
LOCK_SECONDS = 1.0


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

    @property
    def lock(self) -> Path:
        """The file whose lock the working process holds; the system frees it when that process ends."""
        return self.path / "lock"

    @property
    def cancel(self) -> Path:
        """A file whose presence asks the working process to stop and keep the best so far."""
        return self.path / "cancel"

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
        # Where links lead in a circle, `resolve` of Path raises what is no OSError.
        if Path(os.path.realpath(path)) in (Path.cwd(), *Path.cwd().parents):
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
        path = Path(os.path.realpath(path)) if path.is_symlink() else path  # the link stays, its target becomes the run
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            (temporary / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
            created = datetime.now(UTC).isoformat(timespec="seconds")
            cls(temporary)._write_status(
                Status(created=created, data=data, config_sha256=cls(temporary)._config_sha256())
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
        path = given_path(path, "run")
        if not (path / "status.json").is_file():
            raise ArtifactError(
                "There is no run here.", where=str(path), fix="Give the folder of a run: `sft-keras runs` lists them."
            )
        return cls(path)

    @property
    def is_prepared(self) -> bool:
        """Whether the rows are divided; before that the run's folder holds what is to be read."""
        return self.data.is_dir()

    def replace_config(self, config: RunConfig) -> None:
        """Puts a configuration in the place of that which the run was made with."""
        temporary = self.path / ".config.yaml.part"
        temporary.write_text(config.to_yaml(), encoding="utf-8")
        temporary.replace(self.path / "config.yaml")
        self.update(config_sha256=self._config_sha256())

    def config(self) -> RunConfig:
        """The resolved configuration of the run."""
        return RunConfig.from_yaml(self.path / "config.yaml")

    def _config_sha256(self) -> str:
        return hashlib.sha256((self.path / "config.yaml").read_bytes()).hexdigest()

    @property
    def config_was_changed(self) -> bool:
        """Whether somebody edited `config.yaml` since the run was made."""
        return self.status().config_sha256 not in ("", self._config_sha256())

    def status(self) -> Status:
        """The status; a run whose process is gone is `interrupted`, whatever the file says.

        Raises:
            ArtifactError: The file cannot be read.
        """
        return read_status(self.path / "status.json", self.lock)

    def mend(self) -> bool:
        """Makes a damaged `status.json` anew from what else is in the folder; True if it had to.

        A file that another version wrote is no damage, and stays as it is.

        Raises:
            ArtifactError: It cannot be read, or not be written anew.
        """
        path = self.path / "status.json"
        try:
            with contextlib.suppress(ValueError, RecursionError):
                if isinstance(json.loads(path.read_text(encoding="utf-8")), dict):
                    return False
            finished = (self.bundle / "manifest.json").is_file() and not self.checkpoints.exists()
            made = datetime.fromtimestamp((self.path / "config.yaml").stat().st_mtime, UTC)
            state = "finished" if finished else "interrupted"
            self._write_status(Status(state=state, created=made.isoformat(timespec="seconds")))
            self.log("The status was damaged; it was made anew.")
        except OSError as error:
            raise ArtifactError(
                f"The run's status is damaged, and cannot be made anew: {error.strerror or error}",
                where=str(path),
                fix="Make the folder writable, or copy it to where it is.",
            ) from None
        return True

    def update(self, **changes: Any) -> None:
        """Replaces fields of the status, atomically."""
        with self._lock:
            self._write_status(
                Status(**{**json.loads((self.path / "status.json").read_text(encoding="utf-8")), **changes})
            )

    def _write_status(self, status: Status) -> None:
        temporary = self.path / ".status.json.part"
        try:
            with temporary.open("w", encoding="utf-8") as file:
                json.dump(asdict(status), file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())  # else a power cut can leave an empty file under the new name
            temporary.replace(self.path / "status.json")
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def log(self, message: str) -> None:
        """Adds a line with the time to `log.txt`."""
        append_line(self.path / "log.txt", f"{datetime.now(UTC).isoformat(timespec='seconds')} {message}")

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
        append_line(self.path / "metrics.jsonl", event_line(kind, values))

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Marks the run as running by this process, with a heartbeat, until the block ends.

        Raises:
            TrainingError: Another process works on it.
            ConfigError: It is finished.
        """
        lock = FileLock(self.lock)
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            raise self._busy() from None
        try:
            known = self.status()
            self.require_unfinished(known)  # it may have ended while this process waited for it
            # On a disk that machines share, a lock may hold on one of them only; the heartbeat is seen by all.
            if known.state == "running" and known.host not in ("", platform.node()):
                raise self._busy()
            self.update(
                state="running", pid=os.getpid(), host=platform.node(), heartbeat=time.time(), message="", fix=""
            )
            with beating(lambda: self.update(heartbeat=time.time())):
                yield
        finally:
            lock.release()

    def require_unfinished(self, known: Status) -> None:
        """Refuses to go on with a run that came to its end: its checkpoints are gone, and its bundle is whole.

        Raises:
            ConfigError: It is finished.
        """
        if known.state == "finished":
            raise ConfigError(
                "The run is finished; there is nothing to resume.",
                where=str(self.path),
                fix=f'Use its model: sft-keras predict {self.bundle} --text "…"',
            )

    def _busy(self) -> TrainingError:
        try:
            known = self.status()
            whose = f" (pid {known.pid} on {known.host or 'this machine'})" if known.pid else ""
        except ArtifactError:
            whose = ""
        return TrainingError(
            f"Another process works on this run{whose}.",
            where=str(self.path),
            fix="Wait for it, or stop it first.",
        )


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
        inside: list[Path] = []
        with contextlib.suppress(OSError):  # what may not be looked into holds no run of this person
            inside = sorted(place.iterdir())
        for folder in (place, *inside):
            with contextlib.suppress(OSError):
                if (folder / "status.json").is_file() and (folder / "config.yaml").is_file():
                    found.setdefault(folder.resolve(), RunDirectory(folder))
    return list(found.values())
