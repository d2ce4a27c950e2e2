"""One model and the thread that computes for all who ask: what comes together is computed together."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np

from sft_keras.errors import OverloadedError
from sft_keras.inference.base import TextPredictor

# Texts that are computed together, and that a long list is cut into.
MOST_TEXTS = 64


class ClosedError(Exception):
    """The model was put out before it got to this request."""


class _Request:
    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.answer: Future[np.ndarray] = Future()


class QueuedModel:
    """A predictor behind a bounded queue.

    Args:
        predictor: What computes; only the model's own thread calls it.
        size: About how many bytes of memory it takes.
        most_waiting: Requests that may wait.
        gather_seconds: How long the first request waits for others.
    """

    def __init__(self, predictor: TextPredictor, size: int, *, most_waiting: int, gather_seconds: float) -> None:
        self.predictor = predictor
        self.size = size
        self._gather_seconds = gather_seconds
        self._requests: queue.Queue[_Request | None] = queue.Queue(most_waiting)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._answer, name="model", daemon=True)
        self._thread.start()

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """Logits of the texts, in order; blocks until they are there.

        Raises:
            OverloadedError: Too many requests wait already.
            ClosedError: The model was put out.
        """
        parts = [self._submitted(texts[at : at + MOST_TEXTS]) for at in range(0, max(1, len(texts)), MOST_TEXTS)]
        return np.concatenate(parts)

    def _submitted(self, texts: Sequence[str]) -> np.ndarray:
        if self._closed.is_set():
            raise ClosedError
        request = _Request(texts)
        try:
            self._requests.put_nowait(request)
        except queue.Full:
            raise OverloadedError(
                "The model has more requests than it can answer.", fix="Try again in a few seconds."
            ) from None
        if self._closed.is_set():  # closed meanwhile: its thread may have looked for the last time
            self._refuse_waiting()
        return request.answer.result()

    def close(self) -> None:
        """Lets go of the model after what it is computing; who waits gets a `ClosedError`."""
        self._closed.set()
        with contextlib.suppress(queue.Full):
            self._requests.put_nowait(None)  # wakes the thread

    def _answer(self) -> None:
        while not self._closed.is_set():
            first = self._requests.get()
            if first is not None and not self._closed.is_set():
                self._compute(self._gathered(first))
            elif first is not None:
                first.answer.set_exception(ClosedError())
        self._refuse_waiting()
        with contextlib.suppress(Exception):
            self.predictor.close()

    def _gathered(self, first: _Request) -> list[_Request]:
        """The request with those that come within a few milliseconds."""
        found, count = [first], len(first.texts)
        end = time.monotonic() + self._gather_seconds
        while count < MOST_TEXTS:
            try:
                request = self._requests.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                break
            if request is None:
                break
            found.append(request)
            count += len(request.texts)
        return found

    def _compute(self, requests: list[_Request]) -> None:
        try:
            logits = self.predictor.logits([text for request in requests for text in request.texts])
        except BaseException as error:
            if len(requests) == 1:
                requests[0].answer.set_exception(error)
            else:  # one of them must not spoil the others
                for request in requests:
                    self._compute([request])
            return
        at = 0
        for request in requests:
            request.answer.set_result(logits[at : at + len(request.texts)])
            at += len(request.texts)

    def _refuse_waiting(self) -> None:
        while True:
            try:
                request = self._requests.get_nowait()
            except queue.Empty:
                return
            if request is not None:
                request.answer.set_exception(ClosedError())
