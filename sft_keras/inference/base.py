"""What all ways to predict share: from texts to labels, whoever computes the logits."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from sft_keras.backend import is_out_of_memory
from sft_keras.data.labels import Labels
from sft_keras.data.memory import texts_of
from sft_keras.preprocessing.batches import Inputs, pad_batch, sorted_batches
from sft_keras.preprocessing.token_rows import TokenRows
from sft_keras.preprocessing.tokenizer import TextTokenizer
from sft_keras.tasks.base import Prediction, Task


class TextPredictor(abc.ABC):
    """Predicts labels for texts.

    Args:
        labels: The labels.
        task: How logits are read.
        temperature: What the logits are divided by before they become probabilities; see `evaluation.calibration`.
    """

    def __init__(self, labels: Labels, task: Task, *, temperature: float = 1.0) -> None:
        self.labels = labels
        self.task = task
        self.temperature = temperature

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text, in order; an empty text gets an empty one.

        Args:
            texts: A list, a tuple, an array, or a pandas Series, whose index does not matter.

        Raises:
            InputValueError: It is a single text, or a text is missing.
            InputTypeError: It is no sequence of texts.

        Example:
            >>> load("runs/demo/bundle").predict(["A wonderful film."])[0].label  # doctest: +SKIP
            'positive'
        """
        texts = _listed(texts)
        results = [Prediction(text, "", 0.0, {}) for text in texts]
        filled = [index for index, text in enumerate(texts) if text.strip()]
        if filled:
            chosen = [texts[index] for index in filled]
            decoded = self.task.decode(chosen, self.probabilities(chosen), self.labels)
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
        return self.task.probabilities(self.logits(_listed(texts)) / self.temperature)

    @abc.abstractmethod
    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """float32 of shape [texts, classes]."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Gives back what it holds; it is not used after that."""


def _listed(texts: Sequence[str]) -> list[str]:
    """The texts by position: a Series would be read by its index."""
    empty = hasattr(texts, "__len__") and not isinstance(texts, str) and len(texts) == 0
    return [] if empty else texts_of(texts)


class TokenPredictor(TextPredictor):
    """Predicts in this process, from token ids in batches of like length.

    Args:
        tokenizer: The model's tokenizer.
        labels: Its labels.
        task: How logits are read.
        max_length: Tokens a text; what is longer is cut, as in training.
        batch_size: Texts a batch.
        length: The only length that the model takes; None if any will do.
        temperature: See `TextPredictor`.
    """

    def __init__(
        self,
        tokenizer: TextTokenizer,
        labels: Labels,
        task: Task,
        *,
        max_length: int,
        batch_size: int = 32,
        length: int | None = None,
        temperature: float = 1.0,
    ) -> None:
        super().__init__(labels, task, temperature=temperature)
        self._tokenizer = tokenizer
        self._max_length = max_length
        self._batch_size = batch_size
        self._length = length

    @property
    def width(self) -> int:
        """How many numbers the model gives for a text."""
        return len(self.labels)

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """float32 of shape [texts, classes]."""
        return self.outputs(texts)

    def outputs(self, texts: Sequence[str]) -> np.ndarray:
        """What the model gives, float32 of shape [texts, width]; where memory runs out, smaller batches are tried."""
        ids = self._tokenizer.encode(texts, self._max_length)
        while True:
            try:
                return self._in_batches(ids)
            except Exception as error:
                if self._batch_size == 1 or not is_out_of_memory(error):
                    raise
            self._batch_size = -(-self._batch_size // 2)

    def _in_batches(self, ids: TokenRows) -> np.ndarray:
        outputs = np.zeros((len(ids), self.width), dtype=np.float32)
        for rows in sorted_batches(ids.lengths, self._batch_size):
            found = self._of_batch([ids[row] for row in rows])
            outputs[rows] = found[: len(rows)]
        return outputs

    @abc.abstractmethod
    def _of_batch(self, ids: list[np.ndarray]) -> np.ndarray:
        """What the model gives for one batch, [texts, width]; further rows may follow those of the batch."""

    def _padded(self, ids: list[np.ndarray], **shape: Any) -> Inputs:
        return pad_batch(ids, self._tokenizer.pad_id, length=self._length, **shape)
