"""What a training tells of itself, and to whom: the run folder, a terminal, or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class TrainingStopped(Exception):
    """Somebody asked to stop; the state is saved."""


class ProgressSink(Protocol):
    """Receives events as they happen. It must be quick: the training waits for it."""

    def event(self, kind: str, **values: Any) -> None:
        """One event.

        Args:
            kind: `log` (message), `phase` (name), `start` (epochs, steps an epoch, rows, and where it goes on: epoch,
                step), `step` (epoch, step, steps, rows_per_second, eta_seconds and the losses so far), `epoch` (all
                figures of an epoch), `checkpoint` (epoch, step), `chosen` (weight). While λ is searched, `start`,
                `step`, `epoch` and `checkpoint` say which one it is: weight, training (from 1), trainings.
            **values: Plain numbers and strings.
        """


class Silent:
    """A sink that keeps nothing."""

    def event(self, kind: str, **values: Any) -> None:
        """Does nothing."""


class Several:
    """A sink that passes everything on to others, in order."""

    def __init__(self, sinks: Sequence[ProgressSink]) -> None:
        self.sinks = tuple(sinks)

    def event(self, kind: str, **values: Any) -> None:
        """Passes the event on."""
        for sink in self.sinks:
            sink.event(kind, **values)


class With:
    """A sink that says more with each event about a training.

    Args:
        sink: Where the events go.
        **values: What is added to all but words and phases.
    """

    def __init__(self, sink: ProgressSink, **values: Any) -> None:
        self._sink = sink
        self._values = values

    def event(self, kind: str, **values: Any) -> None:
        """Passes the event on."""
        self._sink.event(kind, **values, **({} if kind in ("log", "phase") else self._values))
