"""The vectors that a frozen backbone gives, and rows of them to train a head on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from sft_keras.backend import is_out_of_memory
from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.preprocessing.batches import JIT_LENGTH_MULTIPLE, Inputs, fixed_length, only, pad_batch, sorted_batches
from sft_keras.preprocessing.token_rows import TokenRows
from sft_keras.preprocessing.tokenizer import TextTokenizer
from sft_keras.training.callbacks import SECONDS_BETWEEN_STEP_EVENTS
from sft_keras.training.feature_cache import FeatureCache
from sft_keras.training.logistic_head import Head, Vectors
from sft_keras.training.progress import ProgressSink, TrainingStopped


@dataclass(frozen=True)
class VectorRows:
    """Rows of vectors, batched like tokenised rows: each text is one position long.

    Attributes:
        vectors: float32 [rows, width].
        targets: Class ids, int32 [rows].
        weights: Row weights, float32 [rows].
    """

    vectors: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """All ones, shape [rows]."""
        return np.ones(len(self.targets), dtype=np.int64)

    def batch(self, rows: np.ndarray) -> tuple[Inputs, np.ndarray, np.ndarray]:
        """Inputs, targets and weights of the given rows."""
        inputs = {"vectors": self.vectors[rows][:, None, :], "padding_mask": np.ones((len(rows), 1), dtype=np.int32)}
        return inputs, self.targets[rows], self.weights[rows]


class VectorMaker:
    """Computes the vectors of a part, with progress.

    Args:
        model: From named inputs to float32 [batch, layers, width].
        tokenizer: The backbone's.
        config: The whole configuration.
        sink: Hears of the progress.
        should_stop: Asked after each batch and each fit.
        cache: Keeps the vectors.
    """

    def __init__(
        self,
        model: keras.Model,
        tokenizer: TextTokenizer,
        config: RunConfig,
        sink: ProgressSink,
        should_stop: Callable[[], bool],
        cache: FeatureCache | None,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._config = config
        self._sink = sink
        self._should_stop = should_stop
        self._cache = cache or FeatureCache()

    def vectors(self, part: Examples, labels: Labels) -> Vectors:
        """The vectors of each layer, with targets and weights.

        Raises:
            TrainingStopped: Somebody asked to stop.
        """
        ids = self._tokenizer.encode(part.texts, self._config.model.max_length)
        size = self._config.training.batch_size
        began = told = time.monotonic()
        done = 0

        def on_batch(rows: int) -> None:
            nonlocal done, told
            done += rows
            self.check()
            now = time.monotonic()
            if now - told >= SECONDS_BETWEEN_STEP_EVENTS or done == len(ids):
                told = now
                rate = done / max(now - began, 1e-9)
                self._sink.event(
                    "step",
                    epoch=1,
                    epochs=1,
                    step=-(-done // size),
                    steps=-(-len(ids) // size),
                    rows_per_second=rate,
                    eta_seconds=(len(ids) - done) / rate,
                )

        layers = self._cache.vectors(
            self._model,
            ids,
            reads=f"{self._config.model.pooled_layers} {self._config.model.pooling}",
            compute=lambda: self._compute(ids, on_batch),
        )
        spent = time.monotonic() - began
        how = f"in {spent:.0f} s" if done else "read from the cache"
        self._sink.event("log", message=f"Vectors of {len(ids)} texts: {how}.")
        weights = np.ones(len(part)) if part.weights is None else part.weights
        return Vectors(layers, labels.encode(part.labels), np.asarray(weights, dtype=np.float64))

    def _compute(self, ids: TokenRows, on_batch: Callable[[int], None]) -> np.ndarray:
        """Batch by batch, the longest texts first; with fewer at a time where memory runs out."""
        vectors = np.empty((len(ids), *self._model.output.shape[1:]), dtype=np.float32)
        names = [tensor.name for tensor in keras.tree.flatten(self._model.input)]
        shape: dict[str, Any] = {"length": fixed_length(self._model)}
        if self._model.jit_compile:
            shape |= {"multiple": JIT_LENGTH_MULTIPLE, "limit": self._config.model.max_length}
        waiting = sorted_batches(ids.lengths, self._config.training.batch_size)
        while waiting:
            rows = waiting.pop(0)
            inputs = pad_batch([ids[row] for row in rows], self._tokenizer.pad_id, **shape)
            try:
                vectors[rows] = self._model.predict_on_batch(only(inputs, names))
            except Exception as error:
                if len(rows) == 1 or not is_out_of_memory(error):
                    raise
                waiting = [half for batch in (rows, *waiting) for half in np.array_split(batch, 2) if len(half)]
                continue
            on_batch(len(rows))
        return vectors

    def tell_choice(self, head: Head) -> None:
        """Says what the validation part chose."""
        self._sink.event(
            "log",
            message=f"Logistic head: layers {head.pooled_layers}, C = {head.penalty:g}, "
            f"validation macro F1 {head.figures['macro_f1']:.3f} (of {len(head.tried)} tried).",
        )

    def check(self) -> None:
        """Raises `TrainingStopped` if somebody asked to stop."""
        if self._should_stop():
            raise TrainingStopped
