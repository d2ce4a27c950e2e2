"""Exact explanations and similar training examples for who must not import Keras.

One warm process holds the model that was asked for last.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil

from sft_keras.artifacts.bundle import MODEL, read_bundle
from sft_keras.errors import OverloadedError
from sft_keras.inference.explain import Explanation
from sft_keras.inference.neighbours import COUNT, PREPARE_SECONDS, Neighbours, require_count
from sft_keras.inference.pool import PROCESS_BYTES
from sft_keras.inference.process import ProcessPredictor

IDLE_SECONDS = 180.0
WAIT_SECONDS = 60.0
# The gradients of a batch take some times the weights.
WEIGHTS_IN_MEMORY = 4


class Explainer:
    """Explains by integrated gradients; safe to use from many threads, which wait for one another.

    Its process takes some 700 MB beside the weights, so there is one at most, and it ends when nobody asks any more.

    Args:
        idle_seconds: How long it waits for another question.
    """

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._stamp = 0
        self._process: ProcessPredictor | None = None
        self._timer: threading.Timer | None = None

    def explain(self, bundle: Path, text: str, label: str | None = None) -> Explanation:
        """Which words of a text speak for a label.

        Args:
            bundle: The bundle, or the folder of its run.
            text: The text.
            label: The label; the predicted one if left out.

        Raises:
            ArtifactError: The bundle cannot be used, or its process does not answer.
            InputValueError: The model knows no such label.
            OverloadedError: There is too little memory, or too many wait.
        """
        with self._asked(bundle, WAIT_SECONDS) as process:
            return process.explain(text, label)

    def neighbours(
        self,
        bundle: Path,
        rows: Path,
        text: str,
        *,
        count: int = COUNT,
        seconds: float = PREPARE_SECONDS,
        wait: float = WAIT_SECONDS,
    ) -> Neighbours:
        """The training examples most like a text; see `ProcessPredictor.neighbours`.

        Args:
            bundle: The bundle, or the folder of its run.
            rows: The parquet file of its training rows.
            text: The text; an empty one is like none.
            count: How many, 1 to 20.
            seconds: How long vectors of rows that are missing are computed for this question.
            wait: How many seconds others are waited for.

        Raises:
            ArtifactError: The bundle or the rows cannot be used, or the process does not answer.
            InputValueError: The count is out of range.
            OverloadedError: There is too little memory, or too many wait.
        """
        require_count(count)
        if not text.strip():  # no reason to start a process, or to wait for one
            return Neighbours.none()
        with self._asked(bundle, wait) as process:
            return process.neighbours(rows, text, count, seconds)

    @contextlib.contextmanager
    def _asked(self, bundle: Path, wait: float) -> Iterator[ProcessPredictor]:
        """The process, for this question alone."""
        if not self._lock.acquire(timeout=wait):
            raise OverloadedError("Others are being answered.", fix="Try again in a minute.")
        try:
            if self._timer is not None:
                self._timer.cancel()
            yield self._of(bundle)
        finally:
            self._timer = threading.Timer(self._idle_seconds, self.close)
            self._timer.daemon = True
            self._timer.start()
            self._lock.release()

    def _of(self, bundle: Path) -> ProcessPredictor:
        checked = read_bundle(bundle)
        stamp = (checked.folder / MODEL).stat().st_mtime_ns
        if self._process is None or (checked.folder, stamp) != (self._folder, self._stamp):
            self._end()
            needed = PROCESS_BYTES + WEIGHTS_IN_MEMORY * (checked.folder / MODEL).stat().st_size
            if psutil.virtual_memory().available < needed:
                raise OverloadedError(
                    "There is too little memory for this now.", fix="Try again when no training runs."
                )
            self._process, self._folder, self._stamp = ProcessPredictor(checked), checked.folder, stamp
        return self._process

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()
