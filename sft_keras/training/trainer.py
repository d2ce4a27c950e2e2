"""One training from rows to the best weights: tokenise once, build, `fit`, restore the best epoch."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.errors import TrainingError
from sft_keras.modeling.backbones.base import Backbone, Encoder, resolve_backbone
from sft_keras.modeling.fine_tune_model import FineTuneModel, count_parameters, freeze
from sft_keras.modeling.starting_point import StartingPoint
from sft_keras.preprocessing.batches import BatchPlan, EncodedRows, sorted_batches, stream
from sft_keras.preprocessing.tokenizer import TextTokenizer
from sft_keras.tasks.base import TASKS
from sft_keras.training.callbacks import Bookkeeper, TrainingStopped
from sft_keras.training.checkpoints import Checkpoints, Position
from sft_keras.training.optimizers import build_optimizer
from sft_keras.training.progress import ProgressSink

# XLA compiles each shape anew, so lengths are rounded up to a few.
JIT_LENGTH_MULTIPLE = 32
DTYPE_POLICIES = {"none": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


@dataclass(frozen=True)
class Trained:
    """What a training leaves behind.

    Attributes:
        model: The model with the weights of the best epoch, in 32-bit.
        encoder: The backbone within it.
        tokenizer: Its tokenizer.
        labels: Its labels.
        backbone: Where the backbone came from.
        position: Where it stands: epochs done, best epoch, the figures of each epoch.
        complete: False if it was stopped on the way.
    """

    model: FineTuneModel
    encoder: Encoder
    tokenizer: TextTokenizer
    labels: Labels
    backbone: Backbone
    position: Position
    complete: bool

    @property
    def has_best(self) -> bool:
        """Whether at least one epoch was completed."""
        return self.position.best_epoch > 0

    def preset_writer(self) -> Callable[[Path], None] | None:
        """Writes the KerasHub preset into a folder; None if the backbone has no such form."""
        return self.backbone.family.preset_writer(self.encoder, self.tokenizer)


def train(
    config: RunConfig,
    training: Examples,
    validation: Examples,
    *,
    checkpoints: Path,
    sink: ProgressSink,
    should_stop: Callable[[], bool] = lambda: False,
    start: StartingPoint | None = None,
) -> Trained:
    """Trains, or goes on from the newest checkpoint in the folder.

    The same configuration and rows give the same model, whether or not the training was broken in between.

    Args:
        config: The whole configuration.
        training: The rows to learn from; the vocabulary and the class counts come from them alone.
        validation: The rows that choose the best epoch.
        checkpoints: Folder for the state; what lies there is resumed.
        sink: Hears of the progress.
        should_stop: Asked after each step; True saves the state and stops.
        start: The fine-tuned model to go on from; the configured backbone if None.

    Raises:
        ConfigError: The backbone is not to be had, or a setting does not fit it.
        TrainingError: The loss stopped being a number, memory ran out, or the disk is full.
    """
    options = config.training
    labels = start.labels_with(training.labels) if start else Labels.of(training.labels)
    backbone = start.backbone if start else resolve_backbone(config.model.backbone)
    location = backbone.location
    origin = start.origin if start else location.handle or "trained from scratch"
    sink.event("log", message=f"Backbone: {location.name} ({origin}).")
    tokenizer = start.tokenizer if start else backbone.family.tokenizer(location, config.model, training.texts)
    shape = start.config(config.model) if start else config.model
    targets = labels.encode(training.labels)

    def build(dtype: str) -> tuple[Encoder, FineTuneModel]:
        keras.utils.set_random_seed(options.seed)
        encoder = backbone.family.encoder(location, shape, tokenizer, dtype=dtype, seed=options.seed)
        freeze(encoder, config.model)
        steps = -(-len(training) // options.batch_size)
        model = TASKS.get(options.task).build_model(
            backbone, encoder, config, labels=labels, targets=targets, steps_per_epoch=steps
        )
        if start:
            start.load_into(encoder, model, labels)
        optimizer = build_optimizer(
            config.optimizer, default_rate=backbone.family.default_learning_rate, total_steps=steps * options.epochs
        )
        if dtype == "mixed_float16":  # Keras scales by itself only where the whole model has the policy
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        model.compile(optimizer=optimizer, jit_compile=options.jit_compile)
        optimizer.build(model.trainable_variables)
        return encoder, model

    encoder, model = build(DTYPE_POLICIES[options.mixed_precision])
    sink.event("log", message=f"Model: {count_parameters(model)}.")
    store = Checkpoints(checkpoints)
    position = store.restore(model)
    if position.epoch or position.step:
        sink.event("log", message=f"Resuming after epoch {position.epoch}, step {position.step}.")
    encoded = [_encode(part, labels, tokenizer, model, config) for part in (training, validation)]
    sink.event("start", epochs=options.epochs, steps=-(-len(training) // options.batch_size), rows=len(training))
    book, complete = _fit(config, model, store, position, encoded, sink, should_stop)
    store.load_best(model)
    if options.mixed_precision != "none":
        # What is kept must run anywhere, and half precision is slow or missing on many processors.
        best = model.get_weights()
        encoder, model = build("float32")
        model.set_weights(best)
    return Trained(model, encoder, tokenizer, labels, backbone, book.position, complete)


def _fit(
    config: RunConfig,
    model: FineTuneModel,
    store: Checkpoints,
    position: Position,
    encoded: Sequence[EncodedRows],
    sink: ProgressSink,
    should_stop: Callable[[], bool],
) -> tuple[Bookkeeper, bool]:
    options = config.training
    training, validation = encoded
    plan = BatchPlan(training.lengths, options.batch_size, options.seed, options.length_buckets)
    book = Bookkeeper(
        store,
        position,
        steps=plan.steps,
        epochs=options.epochs,
        batch_size=options.batch_size,
        monitor=options.monitor,
        patience=options.patience,
        checkpoint_seconds=options.checkpoint_minutes * 60,
        sink=sink,
        should_stop=should_stop,
    )
    book.set_model(model)
    book.remember_metrics()
    validation_order = sorted_batches(validation.lengths, options.batch_size)
    validation_data = stream(validation, lambda: validation_order, steps=len(validation_order))
    try:
        while book.position.epoch < options.epochs and not book.has_waited_enough:
            # An epoch that was broken is shorter than the others, and `fit` wants one length for all.
            epoch, step = book.position.epoch, book.position.step
            model.fit(
                stream(training, functools.partial(plan.endless, epoch, step)),
                steps_per_epoch=plan.steps - step,
                validation_data=validation_data,
                initial_epoch=epoch,
                epochs=epoch + 1 if step else options.epochs,
                callbacks=[_StopAtNan(), book],  # weights that are no numbers must not be saved
                shuffle=False,
                verbose=0,
            )
    except TrainingStopped:
        return book, False
    except Exception as error:
        if _is_out_of_memory(error):
            raise TrainingError(
                "There is not enough memory for a training step.",
                where=f"training.batch_size={options.batch_size}, model.max_length={config.model.max_length}",
                fix=f"Try --set training.batch_size={max(1, options.batch_size // 2)} or a smaller model.max_length.",
            ) from error
        raise
    return book, True


class _StopAtNan(keras.callbacks.Callback):
    """A loss that is no number never gets better: stop at once and say so."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(float(loss)):
            raise TrainingError(
                f"The loss is no longer a number (step {batch + 1}).",
                where="training",
                fix="Lower optimizer.learning_rate, or the weight λ of the supervised terms.",
            )


def _encode(
    part: Examples, labels: Labels, tokenizer: TextTokenizer, model: FineTuneModel, config: RunConfig
) -> EncodedRows:
    weights = np.ones(len(part), dtype=np.float32) if part.weights is None else part.weights
    return EncodedRows(
        ids=tokenizer.encode(part.texts, config.model.max_length),
        targets=labels.encode(part.labels),
        weights=weights,
        pad_id=tokenizer.pad_id,
        input_names=model.input_order,
        multiple=JIT_LENGTH_MULTIPLE if config.training.jit_compile else 1,
    )


def _is_out_of_memory(error: Exception) -> bool:
    words = f"{type(error).__name__} {error}".lower()
    return isinstance(error, MemoryError) or "resourceexhausted" in words or "out of memory" in words
