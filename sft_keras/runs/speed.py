"""How fast this machine trains a backbone: what was measured, and starting a measurement that is still missing.

A measurement is a process of its own with the lowest priority, at most one at a time; what it finds lies in
`cache/speed.json`, by backbone, by what is trained, by the versions of the packages, and by the machine.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sft_keras.json_files import read_json, write_json
from sft_keras.runs.queue import start_detached
from sft_keras.settings import Settings

# A process needs a moment before it holds the lock that says it works.
START_SECONDS, AGAIN_SECONDS = 20.0, 600.0
# What a measurement leaves that is under way, or that was killed.
CUT_OFF = "The measurement was cut off."
# What failed may work later, when memory is free or a network is there.
FAILED_SECONDS = 3600.0
PACKAGES = ("sft-keras", "keras", "keras-hub", "tensorflow")
_asked: dict[str, float] = {}


@dataclass(frozen=True)
class Subject:
    """What a speed belongs to.

    Attributes:
        backbone: Name of a preset that is known.
        trainable: `model.trainable`.
        lora_rank: `model.lora_rank`; 0 if there is none.
    """

    backbone: str
    trainable: str
    lora_rank: int = 0

    @property
    def key(self) -> str:
        """The name of its measurement: with other packages or on another machine it is another one."""
        versions = []
        for name in PACKAGES:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                versions.append(importlib.metadata.version(name))
        told = (self.backbone, self.trainable, self.lora_rank, *versions, platform.machine(), os.cpu_count())
        return " ".join(map(str, told))


@dataclass(frozen=True)
class Speed:
    """What was measured.

    Attributes:
        start_seconds: From the start of the process until everything is loaded.
        build_seconds: Of each training: building the model, and what the first step takes more than others.
        step_seconds: Of a step that trains on no token.
        token_seconds: Of each token of it.
        forward_seconds: Of each token that is only predicted.
        memory_mib: Of the process with the model.
        token_mib: Of each token of a batch, in addition.
        length: The only length that the model takes, in tokens; 0 if it takes any.
        busy: Whether a training went on beside it, so that it says too much.
        failed: Why nothing could be measured, or "".
        measured: When, in seconds since 1970.
    """

    start_seconds: float = 0.0
    build_seconds: float = 0.0
    step_seconds: float = 0.0
    token_seconds: float = 0.0
    forward_seconds: float = 0.0
    memory_mib: float = 0.0
    token_mib: float = 0.0
    length: int = 0
    busy: bool = False
    failed: str = ""
    measured: float = 0.0


def speed_file(settings: Settings) -> Path:
    """Where the measurements lie."""
    return settings.cache_dir / "speed.json"


def measuring_lock(settings: Settings) -> FileLock:
    """The lock that a measurement holds."""
    settings.locks_dir.mkdir(parents=True, exist_ok=True)
    return FileLock(settings.locks_dir / "measure.lock")


def known_speed(settings: Settings, subject: Subject) -> Speed | None:
    """What was measured; None if nothing was yet, or if that failed an hour ago."""
    found: Any = read_json(speed_file(settings)).get(subject.key)
    try:
        speed = Speed(**found) if isinstance(found, dict) else None
    except TypeError:  # of another version
        return None
    if speed and speed.failed == CUT_OFF and _is_measuring(settings):
        return None
    return None if speed and speed.failed and time.time() - speed.measured > FAILED_SECONDS else speed


def keep_speed(settings: Settings, subject: Subject, speed: Speed) -> None:
    """Adds a measurement; whoever calls holds the lock."""
    settings.cache_dir.mkdir(parents=True, exist_ok=True)
    write_json(speed_file(settings), {**read_json(speed_file(settings)), subject.key: asdict(speed)})


def _is_measuring(settings: Settings) -> bool:
    try:
        with measuring_lock(settings).acquire(timeout=0):
            return False
    except Timeout:
        return True


def ask_for_speed(settings: Settings, subject: Subject, known: Speed | None) -> None:
    """Starts a measurement, unless one is under way, or what is known is good enough.

    What was measured beside a training is measured once more when there is none, but not again and again.
    """
    now = time.monotonic()
    pause = START_SECONDS if known is None else AGAIN_SECONDS
    if now - _asked.get(subject.key, -pause) < pause:
        return
    if known is not None and (not known.busy or is_training(settings)):
        return
    if _is_measuring(settings):
        return
    _asked[subject.key] = now
    settings.cache_dir.mkdir(parents=True, exist_ok=True)
    arguments = [subject.backbone, subject.trainable, str(subject.lora_rank)]
    start_detached("sft_keras.runs.measure", arguments, settings, settings.cache_dir / "measure.log")


def is_training(settings: Settings) -> bool:
    """Whether a training of the web app is under way on this machine."""
    for number in range(settings.max_trainings):
        try:
            with FileLock(settings.locks_dir / f"training-{number}.lock").acquire(timeout=0):
                pass
        except Timeout:
            return True
        except OSError:  # there is no such folder yet
            return False
    return False
