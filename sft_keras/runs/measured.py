"""What a training measured so far: `metrics.jsonl`, of which only new lines are read each time."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cachetools import LRUCache

# Of more steps than a page can show, each second is dropped, and so on.
MOST_STEPS = 4000
LOSSES = ("loss", "task_loss", "sup_loss")
_NO_FIGURES = {"event", "time", "epochs", "best", "weight", "training", "trainings", "steps", "step"}


@dataclass
class Training:
    """One training of a run: the only one, or that with one λ.

    Attributes:
        weight: λ, where several are tried.
        steps: One dict a step event: step (over all epochs) and losses.
        epochs: One dict an epoch.
        stride: Only each so-many-th step event is kept.
    """

    weight: float | None
    steps: list[dict[str, float]] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    stride: int = 1
    seen: int = 0


@dataclass
class Progress:
    """Where a run stands.

    Attributes:
        step: Steps done, of all epochs and all trainings.
        steps: Steps in all; 0 if not known yet.
        epoch: Epochs done of the present training.
        epochs: Epochs of a training.
        rows_per_second: Rate; 0 if not known.
        eta_seconds: Until the last step; None if not known.
        weight: The λ that is tried, where several are.
    """

    step: int = 0
    steps: int = 0
    epoch: int = 0
    epochs: int = 0
    rows_per_second: float = 0.0
    eta_seconds: float | None = None
    weight: float | None = None


class Measured:
    """The events of a run, read on from where the last reading ended.

    Args:
        path: The `metrics.jsonl` of a run; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._read, self._inode = 0, 0
        self.trainings: dict[float | None, Training] = {}
        self.current: float | None = None
        self.chosen: float | None = None
        self.progress = Progress()
        self._pace: float | None = None  # seconds a step

    def refresh(self) -> Measured:
        """Reads what is new."""
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    self._follow(file)
            except OSError:
                self._clear()
        return self

    def _follow(self, file: Any) -> None:
        inode, size = (found := Path(file.name).stat()).st_ino, found.st_size
        if inode != self._inode or size < self._read:
            self._clear()
            self._inode = inode
        file.seek(self._read)
        for line in file:
            if not line.endswith(b"\n"):  # it is being written
                break
            self._read += len(line)
            try:
                event = json.loads(line)
                self._take(event["event"], event)
            except (ValueError, KeyError, TypeError, RecursionError):  # half a line that a kill left
                continue

    def _take(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "chosen":
            self.chosen = float(event["weight"])
        elif kind == "phase":
            if event["name"] in ("evaluating", "saving"):
                self.progress.step, self.progress.eta_seconds = self.progress.steps, None
            elif event["name"] == "training" and self.chosen is None:
                self.progress = Progress()
        elif kind in ("start", "step", "epoch"):
            weight = event.get("weight", self.chosen)
            self.current = None if weight is None else float(weight)
            if kind == "step" and "loss" not in event:  # vectors of a frozen backbone are computed
                self.progress = Progress(int(event["step"]), int(event["steps"]), **_rates(event))
                return
            training = self.trainings.setdefault(self.current, Training(self.current))
            {"start": self._start, "step": self._step, "epoch": self._epoch}[kind](training, event)

    def _start(self, training: Training, event: dict[str, Any]) -> None:
        epochs, steps = int(event["epochs"]), int(event["steps"])
        epoch, step = int(event.get("epoch", 0)), int(event.get("step", 0))
        training.steps = [row for row in training.steps if row["step"] <= epoch * steps + step]
        training.epochs = [row for row in training.epochs if row["epoch"] <= epoch]
        if "training" not in event and self.chosen is not None:  # the winner is read back, and not trained again
            return
        before, trainings = int(event.get("training", 1)) - 1, int(event.get("trainings", 1))
        done = before * epochs * steps + epoch * steps + step
        total = trainings * epochs * steps
        eta = None if self._pace is None or not before else self._pace * (total - done)
        self.progress = Progress(done, total, epoch, epochs, eta_seconds=eta, weight=self.current)

    def _step(self, training: Training, event: dict[str, Any]) -> None:
        epoch, epochs = int(event["epoch"]), int(event["epochs"])
        step, steps = int(event["step"]), int(event["steps"])
        at = (epoch - 1) * steps + step
        before, trainings = int(event.get("training", 1)) - 1, int(event.get("trainings", 1))
        left = epochs * steps - at
        if _is_number(event.get("eta_seconds")) and left > 0:
            self._pace = event["eta_seconds"] / left
        done = before * epochs * steps + at
        total = trainings * epochs * steps
        eta = None if self._pace is None else self._pace * (total - done)
        rate = float(event.get("rows_per_second") or 0.0)
        self.progress = Progress(done, total, epoch - 1, epochs, rate, eta, self.current)
        training.seen += 1
        if training.seen % training.stride:
            return
        training.steps.append({"step": at, **{name: event[name] for name in LOSSES if _is_number(event.get(name))}})
        if len(training.steps) > MOST_STEPS:
            training.steps = training.steps[::2]
            training.stride *= 2

    def _epoch(self, training: Training, event: dict[str, Any]) -> None:
        row = {name: value for name, value in event.items() if name not in _NO_FIGURES and _is_number(value)}
        training.epochs = [*(old for old in training.epochs if old["epoch"] < row["epoch"]), row]
        self.progress.epoch = int(event["epoch"])

    def shown(self) -> Training:
        """The training that was kept, or else that which is under way."""
        wanted = self.current if self.chosen is None else self.chosen
        return self.trainings.get(wanted, Training(wanted))


def _rates(event: dict[str, Any]) -> dict[str, Any]:
    return {"rows_per_second": float(event.get("rows_per_second") or 0.0), "eta_seconds": event.get("eta_seconds")}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_KNOWN: LRUCache[Path, Measured] = LRUCache(64)
_LOCK = threading.Lock()


def measured(folder: Path) -> Measured:
    """What the run in a folder measured so far; the last runs that were asked for are kept in memory."""
    path = folder / "metrics.jsonl"
    with _LOCK:
        found = _KNOWN.get(path)
        if found is None:
            found = _KNOWN[path] = Measured(path)
    return found.refresh()
