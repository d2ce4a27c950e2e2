"""Long work of a handler: it goes on in a thread of its own while the page is told how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
Told = Callable[[int, int], None]
_SECONDS = 0.25


class _NobodyWaits(Exception):
    """Ends work whose page is closed, at the next report of its progress."""


class Work(Generic[T]):
    """Some work and how far it is.

    A page that is closed closes the handler that goes through `progress`; the work then ends where it next tells how
    far it is.

    Args:
        function: Does it; it is given a function to call with how many of how many are done.

    Example:
        >>> work = Work(lambda told: told(1, 2) or "done")
        >>> list(work.progress())[-1:], work.result()
        ([(1, 2)], 'done')
    """

    def __init__(self, function: Callable[[Told], T]) -> None:
        self._function = function
        self._now = (0, 0)
        self._result: list[T] = []
        self._error: Exception | None = None
        self._awaited = True

    def progress(self) -> Iterator[tuple[int, int]]:
        """Starts the work; how many of how many are done, whenever that changed, until it ends."""
        thread = threading.Thread(target=self._run, name="page-work", daemon=True)
        thread.start()
        last: tuple[int, int] | None = None
        try:
            while thread.is_alive():
                if self._now != last:
                    last = self._now
                    yield last
                thread.join(_SECONDS)
        finally:
            self._awaited = False
        if self._now not in (last, (0, 0)):
            yield self._now

    def result(self) -> T:
        """What the work gave; its failure is raised here."""
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _run(self) -> None:
        try:
            self._result.append(self._function(self._tell))
        except Exception as error:
            self._error = error

    def _tell(self, done: int, total: int) -> None:
        if not self._awaited:
            raise _NobodyWaits
        self._now = (done, total)
