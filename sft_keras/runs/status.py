"""What is known of a run at any moment: `status.json`, and whether the process that wrote it still lives."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sft_keras.errors import ArtifactError

# A busy machine may delay a beat; one that is six beats late is dead.
DEAD_AFTER_SECONDS = 30.0
STATES = ("queued", "running", "finished", "cancelled", "failed", "interrupted")


@dataclass(frozen=True)
class Status:
    """The content of `status.json`.

    Attributes:
        state: One of `STATES`.
        pid: The process that works on it; 0 if none does.
        host: The machine that process runs on; a pid means nothing on another.
        heartbeat: When that process last said that it lives, in seconds since 1970.
        created: When the run was made, ISO 8601 in UTC.
        data: What the person named as data.
        phase: What is being done, in a word.
        epoch: Epochs completed.
        epochs: Epochs in all.
        message: What went wrong, if something did.
        fix: What to do about it, if that is known.
        config_sha256: SHA-256 of `config.yaml` as it was made; empty in a run of an older version.
        summary: Headline figures of a finished run.
    """

    state: str = "queued"
    pid: int = 0
    host: str = ""
    heartbeat: float = 0.0
    created: str = ""
    data: str = ""
    phase: str = ""
    epoch: int = 0
    epochs: int = 0
    message: str = ""
    fix: str = ""
    config_sha256: str = ""
    summary: dict[str, Any] = field(default_factory=dict)


def read_status(path: Path, lock_file: Path) -> Status:
    """The status in a file; a run whose process is gone is `interrupted`, whatever the file says.

    Args:
        path: The `status.json` of a run.
        lock_file: The file whose lock the process at work holds.

    Raises:
        ArtifactError: The file cannot be read.
    """
    try:
        known = Status(**json.loads(path.read_text(encoding="utf-8")))
        _require_types(known)
        if known.state == "running" and not _is_alive(known, lock_file):
            return replace(known, state="interrupted", pid=0)
    except (OSError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ArtifactError(
            f"The run's status cannot be read: {error}",
            where=str(path),
            fix=f"If it was damaged, `sft-keras train --resume {path.parent}` makes it anew. "
            "If another version wrote it, use that version.",
        ) from None
    return known


def _require_types(status: Status) -> None:
    """Raises `TypeError` if a field of a status that was read holds another kind of value than a new one."""
    for name, value in asdict(Status()).items():
        kinds = (int, float) if isinstance(value, float) else type(value)
        if not isinstance(getattr(status, name), kinds):
            raise TypeError(f"{name} must be {type(value).__name__}")


def _is_alive(status: Status, lock_file: Path) -> bool:
    """Whether the process that wrote the status still works on it.

    On its own machine its lock tells, whatever became of the pid since. Elsewhere, or where the lock cannot be
    looked at, the heartbeat does.
    """
    if status.host == platform.node() and lock_file.is_file():
        lock = FileLock(lock_file)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except (OSError, NotImplementedError):  # a folder that is only for reading
            pass
        else:
            lock.release()
            return False
    if abs(time.time() - status.heartbeat) > DEAD_AFTER_SECONDS:
        return False
    return status.host not in ("", platform.node()) or _has_process(status.pid)


def _has_process(pid: int) -> bool:
    """Whether there is a process with this number on this machine; True where that cannot be asked."""
    if os.name == "nt":  # signal 0 would interrupt the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it lives, but belongs to somebody else
        return True
    return True
