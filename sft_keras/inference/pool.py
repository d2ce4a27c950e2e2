"""The models that answer: a few stay loaded, those used longest ago go, and each has a queue of its own.

Which model is meant is told by its folder and the hash of its manifest, so that a model that was trained anew answers
from the next request on.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sft_keras.artifacts.bundle import MANIFEST, MODEL, read_bundle
from sft_keras.errors import ArtifactError
from sft_keras.inference.base import TextPredictor
from sft_keras.inference.queued import ClosedError, QueuedModel

Key = tuple[str, str]
# Bytes of a process that imported Keras, beside its weights.
PROCESS_BYTES = 700 * 2**20


@dataclass(frozen=True)
class Opened:
    """A model that is ready.

    Attributes:
        predictor: What computes.
        size: About how many bytes of memory it takes.
    """

    predictor: TextPredictor
    size: int


def open_predictor(folder: Path, *, eight_bit: bool = False) -> Opened:
    """A bundle's graph; of a bundle without one, a warm process with Keras.

    Args:
        folder: The bundle, or the folder of its run.
        eight_bit: Whether to take the graph's copy in 8-bit integers, if there is one.

    Raises:
        ArtifactError: The bundle is missing, damaged, or from a newer version.
    """
    bundle = read_bundle(folder)
    if bundle.has_graph:
        from sft_keras.artifacts.bundle import EIGHT_BIT, GRAPH
        from sft_keras.inference.graph import GraphPredictor

        eight_bit = eight_bit and bundle.has_eight_bit
        size = (bundle.folder / (EIGHT_BIT if eight_bit else GRAPH)).stat().st_size
        return Opened(GraphPredictor(bundle, eight_bit=eight_bit), size)
    from sft_keras.inference.process import ProcessPredictor

    return Opened(ProcessPredictor(bundle), PROCESS_BYTES + (bundle.folder / MODEL).stat().st_size)


class ModelPool:
    """Loaded models by bundle; safe to use from many threads.

    Args:
        most_models: So many stay loaded.
        most_bytes: So much memory they may take together; the one in use stays in any case.
        most_waiting: Requests that may wait for one model.
        gather_seconds: How long a request waits for company to be computed with.
        opener: Loads a bundle.
    """

    def __init__(
        self,
        *,
        most_models: int = 8,
        most_bytes: int = 4 * 2**30,
        most_waiting: int = 128,
        gather_seconds: float = 0.003,
        opener: Callable[[Path], Opened] = open_predictor,
    ) -> None:
        self._most_models = most_models
        self._most_bytes = most_bytes
        self._most_waiting = most_waiting
        self._gather_seconds = gather_seconds
        self._opener = opener
        self._lock = threading.Lock()
        self._models: OrderedDict[Key, Future[QueuedModel]] = OrderedDict()

    def predictor(self, bundle: Path) -> TextPredictor:
        """What answers for a bundle, or the folder of its run; also after the model was put out and is loaded anew.

        Raises:
            ArtifactError: The bundle is missing, damaged, or from a newer version.
            OverloadedError: When it is used: too many requests wait.
        """
        return PooledPredictor(self, bundle, self.model(bundle))

    def model(self, bundle: Path) -> QueuedModel:
        """The loaded model; those who ask for it at the same time wait for one loading."""
        key = _key(bundle)
        with self._lock:
            known = self._models.get(key)
            if known is not None:
                self._models.move_to_end(key)
            else:
                loading: Future[QueuedModel] = Future()
                self._models[key] = loading
        if known is not None:
            return known.result()
        try:
            opened = self._opener(bundle)
        except BaseException as error:
            with self._lock:
                self._models.pop(key, None)
            loading.set_exception(error)
            raise
        model = QueuedModel(
            opened.predictor, opened.size, most_waiting=self._most_waiting, gather_seconds=self._gather_seconds
        )
        loading.set_result(model)
        with self._lock:
            gone = self._outdated(key)
        for each in gone:
            each.close()
        return model

    def _outdated(self, newest: Key) -> list[QueuedModel]:
        """Takes out what was used longest ago, and earlier states of the newest one's folder."""
        ready = {key: future.result() for key, future in self._models.items() if _is_ready(future)}
        gone = [key for key in ready if key[0] == newest[0] and key != newest]
        rest = [key for key in ready if key not in gone]
        size = sum(ready[key].size for key in rest)
        for key in rest[:-1]:
            if len(rest) <= self._most_models and size <= self._most_bytes:
                break
            if key == newest:
                continue
            rest = [each for each in rest if each != key]
            size -= ready[key].size
            gone.append(key)
        for key in gone:
            del self._models[key]
        return [ready[key] for key in gone]

    def close(self) -> None:
        """Puts all models out."""
        with self._lock:
            models = list(self._models.values())
            self._models.clear()
        for future in models:
            with contextlib.suppress(Exception):
                future.result(timeout=60).close()


class PooledPredictor(TextPredictor):
    """A bundle's place in the pool, with the interface of a predictor."""

    def __init__(self, pool: ModelPool, bundle: Path, model: QueuedModel) -> None:
        known = model.predictor
        super().__init__(known.labels, known.task, temperature=known.temperature)
        self._pool = pool
        self._bundle = bundle

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """See `TextPredictor`; long lists are taken in parts, so that others have their turn between them."""
        for _ in range(5):
            with contextlib.suppress(ClosedError):  # put out between the two lines
                return self._pool.model(self._bundle).logits(texts)
        raise ArtifactError("The model was put out while it was asked.", fix="Try again in a moment.")


def _is_ready(future: Future[QueuedModel]) -> bool:
    return future.done() and future.exception() is None


def _key(bundle: Path) -> Key:
    folder = bundle if (bundle / MANIFEST).is_file() else bundle / "bundle"
    try:
        return str(folder.resolve()), hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    except OSError:
        return str(bundle), ""  # who opens it says what is wrong
