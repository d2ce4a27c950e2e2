"""The sign of life of a process that works on a run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

SECONDS = 5.0


@contextlib.contextmanager
def beating(beat: Callable[[], None]) -> Iterator[None]:
    """Calls `beat` every few seconds from a thread of its own, until the block ends."""
    done = threading.Event()

    def go_on() -> None:
        while not done.wait(SECONDS):
            with contextlib.suppress(OSError):  # a full disk must not end the training from here
                beat()

    thread = threading.Thread(target=go_on, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
