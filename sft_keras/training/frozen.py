"""Training of the head alone: the backbone stands still, so its vectors are computed once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.errors import ConfigError
from sft_keras.losses.base import TERMS
from sft_keras.losses.class_weights import class_weights
from sft_keras.modeling.backbones.base import Encoder
from sft_keras.modeling.fine_tune_model import freeze
from sft_keras.modeling.layers import layer_vectors, with_layers
from sft_keras.modeling.starting_point import StartingPoint
from sft_keras.preprocessing.batches import Inputs
from sft_keras.preprocessing.tokenizer import TextTokenizer
from sft_keras.training.build import Built, Recipe, build_on, compile_model, load_encoder
from sft_keras.training.callbacks import SECONDS_BETWEEN_STEP_EVENTS, TrainingStopped
from sft_keras.training.checkpoints import Checkpoints, Position
from sft_keras.training.feature_cache import FeatureCache
from sft_keras.training.fitting import fit
from sft_keras.training.logistic_head import Head, Vectors, fit_head
from sft_keras.training.progress import ProgressSink
from sft_keras.training.trainer import Trained

HEAD = "logits"


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


def require_effect(config: RunConfig) -> None:
    """Refuses terms that shape the vectors that go into the head, where these stand still.

    Raises:
        ConfigError: A term with λ above 0 would change nothing.
    """
    for term in config.objective.terms:
        if term.weight != 0 and TERMS.get(term.name).shapes == "features":
            raise ConfigError(
                f'The term "{term.name}" shapes the vectors of the backbone, which is frozen: it would change nothing.',
                where="objective.terms, model.trainable=head",
                fix="Train the backbone (--set model.trainable=full), or leave the term out.",
            )


def vector_encoder(width: int) -> Encoder:
    """A backbone in name only: it hands on vectors that were computed before."""
    vectors = keras.Input((None, width), dtype="float32", name="vectors")
    model = keras.Model({"vectors": vectors}, keras.layers.Identity(name="identity")(vectors), name="backbone")
    return Encoder(model, (), ())


def train_head(
    config: RunConfig,
    training: Examples,
    validation: Examples,
    *,
    checkpoints: Path,
    sink: ProgressSink,
    should_stop: Callable[[], bool] = lambda: False,
    start: StartingPoint | None = None,
    cache: FeatureCache | None = None,
) -> Trained:
    """Trains the head on the vectors of the frozen backbone.

    Args:
        config: The whole configuration, with `model.trainable` head.
        training: The rows to learn from.
        validation: The rows that choose the best epoch, or the layers and the penalty.
        checkpoints: Folder for the state; what lies there is resumed.
        sink: Hears of the progress.
        should_stop: Asked after each batch; True stops.
        start: The fine-tuned model to go on from; the configured backbone if None.
        cache: Keeps the vectors for later runs; nothing is kept if left out.

    Raises:
        ConfigError: The backbone is not to be had, or a setting does not fit it or the frozen backbone.
        TrainingError: See `fine_tune`.
    """
    require_effect(config)
    if start and config.training.head_solver == "logistic":
        raise ConfigError(
            "The logistic head is fitted anew, so it cannot go on from that of a bundle.",
            where="training.head_solver, model.backbone",
            fix="Take head_solver gradient, or the backbone that the bundle was made from.",
        )
    recipe = Recipe.of(_settled(config), training, start, sink)
    labels, backbone, tokenizer = recipe.labels, recipe.backbone, recipe.tokenizer
    keras.utils.set_random_seed(config.training.seed)
    encoder = load_encoder(recipe)
    freeze(encoder, config.model)

    def result(pooled_layers: str, position: Position, complete: bool, weights: Any = None, **found: Any) -> Trained:
        model = recipe.config.model.model_copy(update={"pooled_layers": pooled_layers})
        whole = with_layers(encoder, pooled_layers)
        kept = build_on(recipe, whole)
        if weights is not None:
            kept.get_layer(HEAD).set_weights(weights)
        chosen = recipe.config.model_copy(update={"model": model})
        return Trained(kept, whole, tokenizer, labels, backbone, position, complete, chosen, found)

    layers = config.model.pooled_layers
    read = encoder if layers == "auto" else replace(with_layers(encoder, layers), blocks=())
    work = Work(layer_vectors(read, backbone.pooling(config.model)), tokenizer, config, sink, should_stop, cache)
    try:
        parts = work.vectors(training, labels), work.vectors(validation, labels)
        if config.training.head_solver == "logistic":
            head, position = _logistic(config, *parts, labels=labels, work=work)
            pooled = head.pooled_layers if layers == "auto" else layers
            tried = [{**row, "score": row[config.training.monitor]} for row in head.tried]
            search = {"layer_search": {"rows": tried, "chosen": pooled, "chosen_C": head.penalty}}
            return result(pooled, position, True, [head.kernel, head.bias], **search)
    except TrainingStopped:
        return result("last" if layers == "auto" else layers, Position(), False)
    on_vectors = vector_encoder(parts[0].layers.shape[-1])
    built = Built(on_vectors, build_on(_pooled_before(recipe), on_vectors))
    compile_model(recipe, built)
    store = Checkpoints(checkpoints)
    position = store.restore(built.model, lambda message: sink.event("log", message=message))
    rows = [VectorRows(part.layers[:, 0], part.targets, part.weights.astype(np.float32)) for part in parts]
    sink.event("start", epochs=config.training.epochs, steps=recipe.steps_per_epoch, rows=len(training))
    position, outcome = fit(recipe.config, built.model, store, position, *rows, sink=sink, should_stop=should_stop)
    store.load_best(built.model)
    return result(layers, position, outcome == "complete", built.model.get_layer(HEAD).get_weights())


def _pooled_before(recipe: Recipe) -> Recipe:
    """The mean over the one position of a vector is the vector."""
    model = recipe.config.model.model_copy(update={"pooling": "mean"})
    return replace(recipe, config=recipe.config.model_copy(update={"model": model}))


def _settled(config: RunConfig) -> RunConfig:
    """The head is trained in 32-bit and in one part: it is small."""
    return config.model_copy(
        update={"training": config.training.model_copy(update={"mixed_precision": "none", "accumulation_steps": 1})}
    )


class Work:
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
            self._model, ids, pad_id=self._tokenizer.pad_id, batch_size=size, on_batch=on_batch
        )
        spent = time.monotonic() - began
        how = f"in {spent:.0f} s" if done else "read from the cache"
        self._sink.event("log", message=f"Vectors of {len(ids)} texts: {how}.")
        weights = np.ones(len(part)) if part.weights is None else part.weights
        return Vectors(layers, labels.encode(part.labels), np.asarray(weights, dtype=np.float64))

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


def _logistic(
    config: RunConfig, training: Vectors, validation: Vectors, *, labels: Labels, work: Work
) -> tuple[Head, Position]:
    """The fitted head, and where the training stands: done, in one pass."""
    began = time.monotonic()
    weights = None
    if config.objective.class_weights != "none":
        counts = np.bincount(training.targets, minlength=len(labels))
        weights = class_weights(config.objective.class_weights, counts, labels.names)
    head = fit_head(
        training,
        validation,
        classes=len(labels),
        pooled_layers="auto" if config.model.pooled_layers == "auto" else "last",
        penalty=config.training.head_penalty,
        monitor=config.training.monitor,
        class_weights=weights,
        on_fit=work.check,
    )
    figures = {f"val_{name}": value for name, value in head.figures.items()}
    work.tell_choice(head)
    position = Position(
        epoch=1,
        best_score=None,
        best_epoch=1,
        history=({"epoch": 1, **figures},),
        seconds=time.monotonic() - began,
    )
    return head, position
