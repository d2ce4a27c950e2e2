"""The vectors that go into the head of a fine-tuned model: what it has made of a text when it decides."""

from __future__ import annotations

from typing import Any

import numpy as np

from sft_keras.artifacts.bundle import Bundle
from sft_keras.artifacts.loading import load_tokenizer
from sft_keras.inference.predictor import Predictor
from sft_keras.modeling.starting_point import HEAD
from sft_keras.tasks.base import TASKS


class FeaturePredictor(Predictor):
    """Gives the vectors of texts with `outputs`; it has no logits.

    Args:
        bundle: A checked bundle.
        model: Its Keras model, from named token inputs to logits.
    """

    def __init__(self, bundle: Bundle, model: Any) -> None:
        import keras

        vectors = model.get_layer(HEAD).input
        super().__init__(
            keras.Model(model.input, vectors, name="features"),
            load_tokenizer(bundle, model),
            bundle.labels,
            TASKS.get(bundle.config.training.task),
            max_length=bundle.config.model.max_length,
        )
        self._width = int(vectors.shape[-1])

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return self._width

    def logits(self, texts: Any) -> np.ndarray:
        """Not to be had from here."""
        raise NotImplementedError("Vectors are no logits; take a predictor of the whole model.")
