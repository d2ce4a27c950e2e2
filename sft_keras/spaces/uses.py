"""Counts the uses of links without a write for each: they are added to `link.json` every few seconds, and at exit."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections import Counter
from pathlib import Path

from sft_keras.errors import SftError
from sft_keras.spaces.links import LinkFile

FLUSH_SECONDS = 5.0


class Uses:
    """What is not written yet, by run folder and link."""

    def __init__(self) -> None:
        self._new: Counter[tuple[Path, str]] = Counter()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        atexit.register(_flush, weakref.ref(self))

    def add(self, folder: Path, link: str, texts: int) -> None:
        """Counts so many more texts."""
        with self._lock:
            self._new[(folder, link)] += texts
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def unwritten(self, folder: Path, link: str) -> int:
        """How many are not in `link.json` yet."""
        with self._lock:
            return self._new[(folder, link)]

    def flush(self) -> None:
        """Writes them down; what cannot be written now is kept for the next time."""
        with self._lock:
            self._timer = None
            counted, self._new = self._new, Counter()
        for (folder, link), texts in counted.items():
            try:
                LinkFile(folder).count(link, texts)
            except (SftError, OSError):
                with self._lock:
                    self._new[(folder, link)] += texts


def _flush(reference: weakref.ReferenceType[Uses]) -> None:
    uses = reference()
    if uses is not None:
        uses.flush()
