"""The vectors that a frozen backbone gives, and rows of them to train a head on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
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
        model: From named inputs to float32 [batch, layers, width], or [batch, length, width] for `states`.
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
        shape = (len(ids), *self._model.output.shape[1:])

        def fill(vectors: np.ndarray) -> None:
            for rows, outputs in self._outputs(ids):
                vectors[rows] = outputs

        reads = f"{self._config.model.pooled_layers} {self._config.model.pooling}"
        layers = self._computed_once(ids, reads, shape, fill)
        weights = np.ones(len(part)) if part.weights is None else part.weights
        return Vectors(layers, labels.encode(part.labels), np.asarray(weights, dtype=np.float64))

    def states(self, ids: TokenRows, reads: str, spill: Path) -> np.ndarray:
        """The vectors of each token, of a model that gives [batch, length, width]: float32 [tokens, width].

        Args:
            ids: Token ids of each text.
            reads: What of the backbone the model gives.
            spill: Where they may lie, should the cache not keep them.

        Raises:
            TrainingStopped: Somebody asked to stop.
        """
        ends = np.cumsum(ids.lengths)

        def fill(states: np.ndarray) -> None:
            for rows, outputs in self._outputs(ids):
                for row, output in zip(rows, outputs, strict=True):
                    end, length = ends[row], ids.lengths[row]
                    states[end - length : end] = output[:length]

        return self._computed_once(ids, reads, (len(ids.tokens), self._model.output.shape[-1]), fill, spill)

    def _computed_once(
        self,
        ids: TokenRows,
        reads: str,
        shape: tuple[int, ...],
        fill: Callable[[np.ndarray], None],
        spill: Path | None = None,
    ) -> np.ndarray:
        """What `fill` computes, or the cache has; says which, and how long it took."""
        began, computed = time.monotonic(), False

        def compute(values: np.ndarray) -> None:
            nonlocal computed
            computed = True
            fill(values)

        values = self._cache.vectors(self._model, ids, reads=reads, shape=shape, fill=compute, spill=spill)
        spent = time.monotonic() - began
        how = f"in {spent:.0f} s" if computed else "read from the cache"
        self._sink.event("log", message=f"Vectors of {len(ids)} texts: {how}.")
        return values

    def _outputs(self, ids: TokenRows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """What the model gives, batch by batch, the longest texts first; with fewer at a time where memory runs out.

        Yields:
            The indices of some texts, and the outputs for them, padded.
        """
        names = [tensor.name for tensor in keras.tree.flatten(self._model.input)]
        shape: dict[str, Any] = {"length": fixed_length(self._model)}
        if self._model.jit_compile:
            shape |= {"multiple": JIT_LENGTH_MULTIPLE, "limit": self._config.model.max_length}
        waiting = sorted_batches(ids.lengths, self._config.training.batch_size)
        began = told = time.monotonic()
        done = 0
        while waiting:
            rows = waiting.pop(0)
            inputs = pad_batch([ids[row] for row in rows], self._tokenizer.pad_id, **shape)
            try:
                outputs = self._model.predict_on_batch(only(inputs, names))
            except Exception as error:
                if len(rows) == 1 or not is_out_of_memory(error):
                    raise
                waiting = [half for batch in (rows, *waiting) for half in np.array_split(batch, 2) if len(half)]
                continue
            yield rows, outputs
            self.check()
            done += len(rows)
            now = time.monotonic()
            if now - told >= SECONDS_BETWEEN_STEP_EVENTS or done == len(ids):
                told = now
                self._tell(done, len(ids), now - began)

    def _tell(self, done: int, total: int, seconds: float) -> None:
        size, rate = self._config.training.batch_size, done / max(seconds, 1e-9)
        self._sink.event(
            "step",
            epoch=1,
            epochs=1,
            step=-(-done // size),
            steps=-(-total // size),
            rows_per_second=rate,
            eta_seconds=(total - done) / rate,
        )

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
