"""A bundle's Keras model put to work on texts; needs no training code."""

from __future__ import annotations

from typing import Any

import numpy as np

from sft_keras.data.labels import Labels
from sft_keras.inference.base import TokenPredictor
from sft_keras.inference.explain import Explanation, Method
from sft_keras.preprocessing.batches import JIT_LENGTH_MULTIPLE, fixed_length, only
from sft_keras.preprocessing.tokenizer import TextTokenizer
from sft_keras.tasks.base import Task


class Predictor(TokenPredictor):
    """Predicts labels for texts with Keras.

    Args:
        model: A Keras model from named token inputs to logits of shape [batch, classes].
        tokenizer: Its tokenizer.
        labels: Its labels.
        task: How logits are read.
        max_length: Tokens a text; what is longer is cut, as in training.
        batch_size: Texts a batch.
        temperature: See `TextPredictor`.
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
        temperature: float = 1.0,
    ) -> None:
        super().__init__(
            tokenizer,
            labels,
            task,
            max_length=max_length,
            batch_size=batch_size,
            length=fixed_length(model),
            temperature=temperature,
        )
        self._model = model
        self._input_names = tuple(model.input)

    @property
    def model(self) -> Any:
        """The Keras model."""
        return self._model

    def explain(self, text: str, label: str | None = None, *, method: Method = "gradients") -> Explanation:
        """Which words of a text speak for a label, and which against it.

        Args:
            text: The text.
            label: The label; the predicted one if left out.
            method: "gradients" (integrated gradients: exact, the weights add up) or "occlusion" (each word left out in
                turn). Where a model has no gradients to follow, occlusion takes their place and `note` says so.

        Raises:
            InputValueError: The model knows no such label, or there is no such method.

        Example:
            >>> load("runs/demo").explain("A wonderful film.").words  # doctest: +SKIP
        """
        from sft_keras.inference.integrated_gradients import explain_text

        return explain_text(self, self._model, self._tokenizer, self._max_length, text, label, method)

    def _of_batch(self, ids: list[np.ndarray]) -> np.ndarray:
        """Of a padded batch; for a compiled model of few shapes, with the last row repeated."""
        shape: dict[str, int] = {}
        if self._model.jit_compile:  # as Keras resolved it: always on JAX, and on TensorFlow with a GPU
            ids = ids + ids[-1:] * ((1 << (len(ids) - 1).bit_length()) - len(ids))
            shape = {"multiple": JIT_LENGTH_MULTIPLE, "limit": self._max_length}
        found: np.ndarray = self._model.predict_on_batch(only(self._padded(ids, **shape), self._input_names))
        return found
