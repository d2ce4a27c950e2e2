"""Predictions by a warm process with Keras, for bundles whose model could not be exported, and exact explanations."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from sft_keras.artifacts.bundle import Bundle
from sft_keras.errors import ArtifactError
from sft_keras.inference.base import TextPredictor
from sft_keras.inference.explain import Explanation, WordWeight, require_label
from sft_keras.inference.neighbours import COUNT, Neighbour, Neighbours, require_count
from sft_keras.tasks.base import TASKS

START_SECONDS, ANSWER_SECONDS = 180.0, 180.0


class _EndedError(Exception):
    """The process is gone, or does not answer."""


class ProcessPredictor(TextPredictor):
    """Asks `python -m sft_keras.inference.worker_process`, which is started when it is first needed.

    A process that dies is started anew, once for a request; one that does not answer in time is ended.

    Args:
        bundle: A checked bundle.
        start_seconds: How long it may take until the model is loaded.
        answer_seconds: How long an answer may take.
    """

    def __init__(
        self, bundle: Bundle, *, start_seconds: float = START_SECONDS, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        super().__init__(bundle.labels, TASKS.get(bundle.config.training.task), temperature=bundle.temperature)
        self._folder = bundle.folder
        self._start_seconds = start_seconds
        self._answer_seconds = answer_seconds
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """See `TextPredictor`.

        Raises:
            ArtifactError: The model cannot be loaded, or its process died twice or did not answer in time.
        """
        found = self._answer({"texts": list(texts)})["logits"]
        return np.asarray(found, dtype=np.float32).reshape(len(texts), len(self.labels))

    def explain(self, text: str, label: str | None = None) -> Explanation:
        """Which words speak for a label, by integrated gradients: see `Predictor.explain`.

        Raises:
            InputValueError: The model knows no such label.
            ArtifactError: See `logits`.
        """
        require_label(self.labels.names, label)
        found = self._answer({"explain": text, "label": label})["explanation"]
        return Explanation(**{**found, "words": [WordWeight(**each) for each in found["words"]]})

    def neighbours(self, rows: Path, text: str, count: int = COUNT, seconds: float | None = None) -> Neighbours:
        """The training examples most like a text: see `TrainingFeatures`.

        Args:
            rows: The parquet file of the training rows.
            text: The text.
            count: How many, 1 to 20.
            seconds: How long vectors of rows are computed at most, before the text is compared with those that are
                ready.

        Raises:
            InputValueError: The count is out of range.
            ArtifactError: See `logits`; or the rows cannot be read.
        """
        require_count(count)
        found = self._answer({"like": text, "rows": str(rows), "count": count, "seconds": seconds})["neighbours"]
        return Neighbours(**{**found, "found": [Neighbour(**each) for each in found["found"]]})

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        for _ in range(2):
            with contextlib.suppress(_EndedError):
                return self._asked(request)
            self.close()
        raise ArtifactError(
            "The process that computes for this model ended unexpectedly; there may be too little memory.",
            where=str(self._folder),
            fix="Try again, with fewer or shorter texts.",
        )

    def close(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        if process is None or process.poll() is not None:
            self.close()
            process = self._started()
        try:
            # `Popen` has a stream for each pipe that it was asked for; the buffer of this one is one line.
            process.stdin.write(json.dumps(request) + "\n")  # type: ignore[union-attr]
        except OSError:
            raise _EndedError from None
        return self._received(self._answer_seconds)

    def _started(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "sft_keras.inference.worker_process", str(self._folder)]
        process = self._process = subprocess.Popen(  # noqa: S603 - this interpreter and a folder of ours
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            encoding="utf-8",
        )
        self._lines = queue.Queue()
        threading.Thread(target=_read, args=(process.stdout, self._lines), daemon=True).start()
        self._received(self._start_seconds)
        return process

    def _received(self, seconds: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            self.close()
            raise ArtifactError(
                f"The model did not answer within {seconds:.0f} s.",
                where=str(self._folder),
                fix="Try again, with fewer or shorter texts.",
            ) from None
        if line is None:
            raise _EndedError
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ArtifactError(answer["error"], where=str(answer.get("where", "")), fix=str(answer.get("fix", "")))
        return answer


def _read(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    with contextlib.suppress(OSError, ValueError):
        for line in stream:
            lines.put(line)
    lines.put(None)
