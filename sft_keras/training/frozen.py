"""Training of the head alone: the backbone stands still, so its vectors are computed once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.errors import ConfigError, TrainingError
from sft_keras.losses.base import TERMS
from sft_keras.losses.class_weights import class_weights
from sft_keras.modeling.backbones.base import Encoder
from sft_keras.modeling.fine_tune_model import freeze
from sft_keras.modeling.layers import layer_vectors, with_layers
from sft_keras.modeling.starting_point import HEAD, StartingPoint
from sft_keras.preprocessing.batches import only
from sft_keras.training.build import Recipe, build_on, compile_model, load_encoder
from sft_keras.training.checkpoints import Checkpoints, Position
from sft_keras.training.feature_cache import FeatureCache
from sft_keras.training.fitting import fit
from sft_keras.training.logistic_head import Head, Vectors, fit_head
from sft_keras.training.progress import ProgressSink, TrainingStopped
from sft_keras.training.trainer import Trained
from sft_keras.training.vectors import VectorMaker, VectorRows


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
    if config.training.head_solver == "logistic":
        _tell_idle_settings(config, sink)
    recipe = Recipe.of(_settled(config), training, start, sink)
    if start is None and not recipe.backbone.location.handle and not config.model.word_vectors:
        raise ConfigError(
            f'"{recipe.backbone.location.name}" learns everything from your texts, so it cannot stay frozen.',
            where="model.trainable=head",
            fix="Train it whole (--recipe lstm, or chinese), or name a pretrained backbone with --backbone.",
        )
    labels, backbone, tokenizer = recipe.labels, recipe.backbone, recipe.tokenizer
    keras.utils.set_random_seed(config.training.seed)
    encoder = load_encoder(recipe)
    freeze(encoder, config.model)

    def result(
        pooled_layers: str,
        position: Position,
        complete: bool,
        weights: Any = None,
        logits: np.ndarray | None = None,
        **found: Any,
    ) -> Trained:
        model = recipe.config.model.model_copy(update={"pooled_layers": pooled_layers})
        whole = with_layers(encoder, pooled_layers)
        kept = build_on(recipe, whole)
        if weights is not None:
            kept.get_layer(HEAD).set_weights(weights)
        chosen = recipe.config.model_copy(update={"model": model})
        return Trained(
            kept, whole, tokenizer, labels, backbone, position, complete, chosen, found, validation_logits=logits
        )

    layers = config.model.pooled_layers
    read = encoder if layers == "auto" else replace(with_layers(encoder, layers), blocks=())
    work = VectorMaker(layer_vectors(read, backbone.pooling(config.model)), tokenizer, config, sink, should_stop, cache)
    began = time.monotonic()
    try:
        parts = work.vectors(training, labels), work.vectors(validation, labels)
        if config.training.head_solver == "logistic":
            head, position = _logistic(config, *parts, labels=labels, work=work, began=began)
            tried = [{**row, "score": row[config.training.monitor]} for row in head.tried]
            search = {"layer_search": {"rows": tried, "chosen": head.pooled_layers, "chosen_C": head.penalty}}
            logits = parts[1].of(head.pooled_layers) @ head.kernel + head.bias
            return result(head.pooled_layers, position, True, [head.kernel, head.bias], logits, **search)
    except TrainingStopped:
        return result("last" if layers == "auto" else layers, Position(), False)
    on_vectors = vector_encoder(parts[0].layers.shape[-1])
    fitted = build_on(_pooled_before(recipe), on_vectors)
    compile_model(recipe, on_vectors, fitted)
    store = Checkpoints(checkpoints)
    position = store.restore(fitted, lambda message: sink.event("log", message=message))
    rows = [VectorRows(part.layers[:, 0], part.targets, part.weights.astype(np.float32)) for part in parts]
    sink.event(
        "start",
        epochs=recipe.config.training.epoch_count,
        steps=recipe.steps_per_epoch,
        rows=len(training),
        epoch=position.epoch,
        step=position.step,
    )
    position, outcome = fit(recipe.config, fitted, store, position, *rows, sink=sink, should_stop=should_stop)
    store.load_best(fitted)
    if outcome == "out_of_memory":
        raise TrainingError(
            "There is not enough memory to train the head.",
            where=f"training.batch_size={config.training.batch_size}",
            fix=f"Try --set training.batch_size={max(1, config.training.batch_size // 2)}.",
        )
    reader = fitted.inference_model()
    every = rows[1].batch(np.arange(len(validation)))[0]
    logits = reader.predict(only(every, tuple(reader.input)), verbose=0)
    return result(layers, position, outcome == "complete", fitted.get_layer(HEAD).get_weights(), logits)


def frozen_vectors(
    config: RunConfig,
    training: Examples,
    *,
    start: StartingPoint | None,
    sink: ProgressSink,
    should_stop: Callable[[], bool],
    cache: FeatureCache | None,
) -> VectorMaker | None:
    """What makes the vectors of all layers of a backbone as it is before any training, whatever the run trains.

    Args:
        config: The whole configuration.
        training: The training rows.
        start: The fine-tuned model that the run began from.
        sink: Hears of the progress.
        should_stop: Asked after each batch; True raises `TrainingStopped`.
        cache: Keeps the vectors; those of a run with a frozen backbone that reads all layers are the same.

    Returns:
        None for a backbone that learns everything from the texts.
    """
    every = config.model.model_copy(update={"pooled_layers": "auto", "trainable": "head", "lora_rank": None})
    config = config.model_copy(update={"model": every})
    recipe = Recipe.of(_settled(config), training, start, sink)
    if start is None and not recipe.backbone.location.handle and not config.model.word_vectors:
        return None
    encoder = load_encoder(recipe)
    freeze(encoder, config.model)
    model = layer_vectors(encoder, recipe.backbone.pooling(config.model))
    return VectorMaker(model, recipe.tokenizer, config, sink, should_stop, cache)


def _pooled_before(recipe: Recipe) -> Recipe:
    """The mean over the one position of a vector is the vector."""
    model = recipe.config.model.model_copy(update={"pooling": "mean"})
    return replace(recipe, config=recipe.config.model_copy(update={"model": model}))


def _settled(config: RunConfig) -> RunConfig:
    """The head is trained in 32-bit and in one part: it is small."""
    return config.model_copy(
        update={"training": config.training.model_copy(update={"mixed_precision": "none", "accumulation_steps": 1})}
    )


def _tell_idle_settings(config: RunConfig, sink: ProgressSink) -> None:
    """Says which settings were changed that have no part in a logistic regression, which is solved in one pass."""
    config, usual = config.for_many_rows(), RunConfig().for_many_rows()
    sections = {
        "optimizer": tuple(type(config.optimizer).model_fields),
        "training": ("epochs", "patience", "batch_size"),
        "model": ("head_dropout",),
    }
    idle = [
        f"{section}.{name}"
        for section, names in sections.items()
        for name in names
        if getattr(getattr(config, section), name) != getattr(getattr(usual, section), name)
    ]
    if idle:
        sink.event("log", message=f"The logistic head does not use these settings: {', '.join(idle)}.")


def _logistic(
    config: RunConfig, training: Vectors, validation: Vectors, *, labels: Labels, work: VectorMaker, began: float
) -> tuple[Head, Position]:
    """The fitted head, and where the training stands: done, in one pass."""
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
    if config.model.pooled_layers != "auto":  # the vectors hold nothing else, whatever it is called
        named = tuple({**row, "layers": config.model.pooled_layers} for row in head.tried)
        head = replace(head, pooled_layers=config.model.pooled_layers, tried=named)
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
