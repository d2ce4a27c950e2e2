"""A bundle's model put to work on texts; needs no training code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from sft_keras.backend import is_out_of_memory
from sft_keras.data.labels import Labels
from sft_keras.preprocessing.batches import JIT_LENGTH_MULTIPLE, Inputs, fixed_length, only, pad_batch, sorted_batches
from sft_keras.preprocessing.tokenizer import TextTokenizer
from sft_keras.tasks.base import Prediction, Task


class Predictor:
    """Predicts labels for texts.

    Args:
        model: A Keras model from named token inputs to logits of shape [batch, classes].
        tokenizer: Its tokenizer.
        labels: Its labels.
        task: How logits are read.
        max_length: Tokens a text; what is longer is cut, as in training.
        batch_size: Texts a batch.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: TextTokenizer,
        labels: Labels,
        task: Task,
        *,
        max_length: int,
        batch_size: int = 32,
    ) -> None:
        self.labels = labels
        self._model = model
        self._tokenizer = tokenizer
        self._task = task
        self._max_length = max_length
        self._batch_size = batch_size
        self._input_names = tuple(model.input)
        self._length = fixed_length(model)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text, in order; an empty text gets an empty one.

        Example:
            >>> load("runs/demo/bundle").predict(["A wonderful film."])[0].label  # doctest: +SKIP
            'positive'
        """
        results = [Prediction(text, "", 0.0, {}) for text in texts]
        filled = [index for index, text in enumerate(texts) if text.strip()]
        if filled:
            chosen = [texts[index] for index in filled]
            decoded = self._task.decode(chosen, self.probabilities(chosen), self.labels)
            for index, prediction in zip(filled, decoded, strict=True):
                results[index] = prediction
        return results

    def predict_stream(self, texts: Iterable[str], *, chunk: int = 1024) -> Iterator[Prediction]:
        """Predictions for any number of texts in bounded memory, in order."""
        block: list[str] = []
        for text in texts:
            block.append(text)
            if len(block) == chunk:
                yield from self.predict(block)
                block = []
        if block:
            yield from self.predict(block)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """float64 of shape [texts, classes], in the order of the texts and of `labels.names`."""
        return self._task.probabilities(self.logits(texts))

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """float32 of shape [texts, classes]; where memory runs out, smaller batches are tried."""
        ids = self._tokenizer.encode(texts, self._max_length)
        while True:
            try:
                return self._in_batches(ids)
            except Exception as error:
                if self._batch_size == 1 or not is_out_of_memory(error):
                    raise
            self._batch_size = -(-self._batch_size // 2)

    def _in_batches(self, ids: Sequence[np.ndarray]) -> np.ndarray:
        logits = np.zeros((len(ids), len(self.labels)), dtype=np.float32)
        lengths = np.asarray([len(row) for row in ids], dtype=np.int64)
        for rows in sorted_batches(lengths, self._batch_size):
            found = self._model.predict_on_batch(self._inputs([ids[row] for row in rows]))
            logits[rows] = found[: len(rows)]
        return logits

    def _inputs(self, ids: list[np.ndarray]) -> Inputs:
        """A padded batch; for a compiled model of few shapes, with the last row repeated."""
        shape: dict[str, Any] = {"length": self._length}
        if self._model.jit_compile:  # as Keras resolved it: always on JAX, and on TensorFlow with a GPU
            ids = ids + ids[-1:] * ((1 << (len(ids) - 1).bit_length()) - len(ids))
            shape |= {"multiple": JIT_LENGTH_MULTIPLE, "limit": self._max_length}
        inputs = pad_batch(ids, self._tokenizer.pad_id, **shape)
        return only(inputs, self._input_names)
