"""Integrated gradients: how much each token adds to the probability of a label, exactly.

The gradient of the probability is followed from a neutral text to the text itself, on the straight line between their
embeddings (Sundararajan, Taly and Yan 2017, https://arxiv.org/abs/1703.01365). What the tokens get adds up to the
difference of the two probabilities ("completeness"); the number of points on the way is doubled until it does.

The neutral text has the mask token (or padding, where there is none) in the place of every token but the special ones.
Hashed bigrams are inputs of their own (`lstm`): they start from zero, "a pair that was never seen", and what they add
is divided evenly between their two tokens.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.errors import InputValueError, did_you_mean
from sft_keras.inference.explain import (
    MOST_CHARACTERS,
    Explanation,
    Method,
    WordWeight,
    explain,
    require_label,
    weighted_pieces,
)
from sft_keras.preprocessing.batches import fixed_length, only, pad_batch

if TYPE_CHECKING:
    from sft_keras.inference.base import TextPredictor
    from sft_keras.preprocessing.tokenizer import TextTokenizer

FEWEST_STEPS, MOST_STEPS = 32, 512
TOLERANCE = 0.01
"""The largest part of the difference that may be missing."""
ROUNDING = 1e-5
"""What 32-bit numbers miss, also where there is hardly a difference."""
TOKENS_AT_ONCE = 4096
TOKENS, BIGRAMS = "token_embedding", "bigram_embedding"
METHODS: tuple[Method, ...] = ("gradients", "occlusion")


class NoGradientsError(Exception):
    """The model has no gradients to follow; the text says why."""


@dataclass(frozen=True)
class Attribution:
    """What each token adds.

    Attributes:
        weights: float64 [tokens].
        probability: Of the text.
        baseline: Of the neutral text.
        steps: Points on the way.
    """

    weights: np.ndarray
    probability: float
    baseline: float
    steps: int

    @property
    def gap(self) -> float:
        """By how much the sum of the weights misses the difference."""
        return abs(float(self.weights.sum()) - (self.probability - self.baseline))

    @property
    def is_complete(self) -> bool:
        """Whether the weights add up."""
        return self.gap <= max(TOLERANCE * abs(self.probability - self.baseline), ROUNDING)


def explain_text(
    predictor: TextPredictor,
    model: Any,
    tokenizer: TextTokenizer,
    max_length: int,
    text: str,
    label: str | None,
    method: Method,
) -> Explanation:
    """Which words of a text speak for a label.

    Args:
        predictor: Answers for the model.
        model: A Keras model from named token inputs to logits.
        tokenizer: Its tokenizer.
        max_length: Tokens that it reads.
        text: The text.
        label: The label; the predicted one if None.
        method: See `Explanation`.

    Raises:
        InputValueError: The model knows no such label, or there is no such method.
    """
    if method not in METHODS:
        raise InputValueError(f'There is no method "{method}".', where="method", fix=did_you_mean(str(method), METHODS))
    require_label(predictor.labels.names, label)
    (prediction,) = predictor.predict([text])
    if not prediction.label:
        return Explanation(label or "", method, [WordWeight(text, 0.0)] if text else [], 0.0)
    chosen = label or prediction.label
    note = ""
    if method == "gradients":
        ids, spans, special = tokenizer.encode_with_spans(text[:MOST_CHARACTERS], max_length)
        try:
            found = attribute(
                model,
                ids,
                predictor.labels.names.index(chosen),
                neutral=np.where(special, ids, tokenizer.neutral_id),
                pad_id=tokenizer.pad_id,
                temperature=predictor.temperature,
            )
        except NoGradientsError as error:
            note = f"Each word was left out in turn, since {error}."
        else:
            if not found.is_complete:
                note = f"The weights miss {found.gap:.4f} of the difference."
            pieces = weighted_pieces(text, spans, found.weights)
            return Explanation(chosen, method, pieces, found.probability, found.baseline, found.steps, found.gap, note)
    words = explain(predictor, text, chosen)
    return Explanation(chosen, "occlusion", words, prediction.probabilities[chosen], note=note)


def attribute(
    model: Any, ids: np.ndarray, target: int, *, neutral: np.ndarray, pad_id: int, temperature: float = 1.0
) -> Attribution:
    """What each token of a text adds to the probability of a class.

    Args:
        model: A Keras model from named token inputs to logits.
        ids: int32 [tokens].
        target: Index of the class.
        neutral: int32 [tokens], the neutral text.
        pad_id: What fills up a text for models of one length.
        temperature: What the logits are divided by before they become probabilities.

    Raises:
        NoGradientsError: The model has no embeddings that are known, or runs on another backend than TensorFlow.
    """
    path = _Path(model, ids, neutral, pad_id, target, temperature)
    baseline, probability = path.probabilities([0.0, 1.0])
    steps = FEWEST_STEPS
    while True:
        found = Attribution(path.integral(steps)[: len(ids)], probability, baseline, steps)
        if found.is_complete or steps >= MOST_STEPS:
            return found
        steps *= 2


class _Path:
    """The straight line from a neutral text to a text, in the space of their embeddings."""

    def __init__(
        self, model: Any, ids: np.ndarray, neutral: np.ndarray, pad_id: int, target: int, temperature: float = 1.0
    ) -> None:
        import keras

        if keras.config.backend() != "tensorflow":
            raise NoGradientsError(f"gradients need the TensorFlow backend, and this is {keras.config.backend()}")
        self._model = model
        self._target = target
        self._temperature = temperature
        self._layers = [layer for layer in model._flatten_layers(include_self=False) if _is_input(layer)]
        if not any(layer.name.endswith(TOKENS) for layer in self._layers):
            raise NoGradientsError("the model has no layer of token embeddings that is known here")
        self._inputs = only(pad_batch([ids], pad_id, length=fixed_length(model)), tuple(model.input))
        self._rows = max(1, TOKENS_AT_ONCE // self._inputs["token_ids"].shape[1])
        self._bigram = [layer.name.endswith(BIGRAMS) for layer in self._layers]
        ends = self._embedded(self._inputs)
        blank = self._embedded({**self._inputs, "token_ids": _laid_over(self._inputs["token_ids"], neutral)})
        starts = [
            np.zeros_like(end) if is_bigram else start
            for start, end, is_bigram in zip(blank, ends, self._bigram, strict=True)
        ]
        self._starts = starts
        self._ways = [end - start for start, end in zip(starts, ends, strict=True)]

    def probabilities(self, places: Sequence[float]) -> list[float]:
        """Of the class, at places from 0 (the neutral text) to 1 (the text)."""
        return [float(value) for value in self._scores(self._at(np.asarray(places)))]

    def integral(self, steps: int) -> np.ndarray:
        """float64 [length]: the mean gradient on the way, times the way, by Gauss and Legendre's rule."""
        import tensorflow as tf

        nodes, node_weights = np.polynomial.legendre.leggauss(steps)
        places, shares = (nodes + 1) / 2, node_weights / 2
        means = [np.zeros(way.shape[1:], dtype=np.float64) for way in self._ways]
        for at in range(0, steps, self._rows):
            points = [tf.convert_to_tensor(each) for each in self._at(places[at : at + self._rows])]
            with tf.GradientTape() as tape:
                for point in points:
                    tape.watch(point)
                total = tf.reduce_sum(self._scores(points))
            for mean, gradient in zip(means, tape.gradient(total, points), strict=True):
                if gradient is None:
                    raise NoGradientsError("the model's answer does not follow from its embeddings by gradients")
                mean += np.einsum("s,slw->lw", shares[at : at + self._rows], np.asarray(gradient, dtype=np.float64))
        result = np.zeros(self._ways[0].shape[1])
        for mean, way, is_bigram in zip(means, self._ways, self._bigram, strict=True):
            found = (mean * way[0]).sum(axis=-1)
            result += self._halved(found) if is_bigram else found
        return result

    def _halved(self, found: np.ndarray) -> np.ndarray:
        """What pairs add, in halves to their two tokens; the pair that begins at the last token is that token's."""
        count = int((self._inputs["token_ids"][0] > 0).sum())
        result = found.copy()
        pairs = max(0, count - 1)
        result[:pairs] -= found[:pairs] / 2
        result[1 : pairs + 1] += found[:pairs] / 2
        return result

    def _at(self, places: np.ndarray) -> list[np.ndarray]:
        """The embeddings at places on the way: float32 [places, length, width] for each layer."""
        scaled = places.astype(np.float32)[:, None, None]
        return [start + scaled * way for start, way in zip(self._starts, self._ways, strict=True)]

    def _scores(self, points: Sequence[Any]) -> Any:
        """The probabilities of the class for given embeddings, a tensor [rows]."""
        from keras import ops

        rows = points[0].shape[0]
        inputs = {name: np.repeat(value, rows, axis=0) for name, value in self._inputs.items()}
        with contextlib.ExitStack() as stack:
            for layer, point in zip(self._layers, points, strict=True):
                stack.enter_context(_giving(layer, ops.cast(point, layer.compute_dtype)))
            logits = self._model(inputs, training=False)
        return ops.softmax(ops.cast(logits, "float32") / self._temperature, axis=-1)[:, self._target]

    def _embedded(self, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """What the layers of embeddings give for a text: float32 [1, length, width] each."""
        heard: dict[int, np.ndarray] = {}
        with contextlib.ExitStack() as stack:
            for layer in self._layers:
                stack.enter_context(_heard(layer, heard))
            self._model(inputs, training=False)
        if len(heard) != len(self._layers):
            raise NoGradientsError("not all embeddings of the model are used")
        return [heard[id(layer)] for layer in self._layers]


def _is_input(layer: Any) -> bool:
    """Whether a layer's embeddings are those of what the text says, not of where or of which kind a token is."""
    import keras

    return isinstance(layer, keras.layers.Embedding) and layer.name.endswith((TOKENS, BIGRAMS))


def _laid_over(token_ids: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    result = token_ids.copy()
    result[0, : len(neutral)] = neutral
    return result


@contextlib.contextmanager
def _giving(layer: Any, value: Any) -> Iterator[None]:
    """Lets a layer give this value, whatever it is called with; its mask is still told by its input."""
    with _called(layer, lambda *_args, **_kwargs: value):
        yield


@contextlib.contextmanager
def _heard(layer: Any, heard: dict[int, np.ndarray]) -> Iterator[None]:
    """Writes down what a layer gives."""
    own = layer.call

    def call(*args: Any, **kwargs: Any) -> Any:
        result = own(*args, **kwargs)
        heard[id(layer)] = np.asarray(result, dtype=np.float32)
        return result

    with _called(layer, call):
        yield


@contextlib.contextmanager
def _called(layer: Any, call: Any) -> Iterator[None]:
    """Takes the place of a layer's `call` for a while; past Keras's own attributes, which would track it."""
    vars(layer)["call"] = call
    try:
        yield
    finally:
        del vars(layer)["call"]
