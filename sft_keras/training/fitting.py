"""The epochs of a training: batches into `fit`, from wherever a broken training stands."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, Literal, Protocol

import keras
import numpy as np

from sft_keras.backend import is_out_of_memory
from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.errors import TrainingError
from sft_keras.modeling.fine_tune_model import FineTuneModel
from sft_keras.preprocessing.batches import (
    JIT_LENGTH_MULTIPLE,
    BatchPlan,
    EncodedRows,
    Inputs,
    fixed_length,
    sorted_batches,
    stream,
)
from sft_keras.preprocessing.parts import Part, PartedRows, divide
from sft_keras.preprocessing.token_rows import TokenRows
from sft_keras.training.build import Recipe
from sft_keras.training.callbacks import Bookkeeper
from sft_keras.training.checkpoints import Checkpoints, Position
from sft_keras.training.progress import ProgressSink, TrainingStopped
from sft_keras.training.quick_layers import quick_layers


class Rows(Protocol):
    """A part whose rows are batched by their lengths."""

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row, shape [rows]."""

    def batch(self, item: np.ndarray, /) -> tuple[Inputs, np.ndarray, np.ndarray]:
        """Inputs, targets and weights of the given rows."""


Outcome = Literal["complete", "stopped", "out_of_memory"]


def encoded(part: Examples, ids: TokenRows, recipe: Recipe, model: FineTuneModel) -> EncodedRows:
    """A part whose texts were tokenised, as this model reads it."""
    weights = np.ones(len(part), dtype=np.float32) if part.weights is None else part.weights
    return EncodedRows(
        ids=ids,
        targets=recipe.labels.encode(part.labels),
        weights=weights,
        pad_id=recipe.tokenizer.pad_id,
        input_names=model.input_order,
        multiple=JIT_LENGTH_MULTIPLE if model.jit_compile else 1,
        length=fixed_length(model),
    )


def fit(
    config: RunConfig,
    model: FineTuneModel,
    store: Checkpoints,
    position: Position,
    training: Rows,
    validation: Rows,
    *,
    sink: ProgressSink,
    should_stop: Callable[[], bool],
) -> tuple[Position, Outcome]:
    """Trains from a position to the end.

    Returns:
        Where the training stands, and how it came there. Memory that ran out is no exception, because the traceback
        of one would keep the model from being freed.

    Raises:
        TrainingError: The loss stopped being a number, or the disk is full.
    """
    options = config.training
    parts = options.accumulation_steps
    plan = BatchPlan(training.lengths, options.batch_size, options.seed, options.length_buckets)

    def batches(epoch: int, step: int) -> Iterator[Part]:
        return itertools.chain.from_iterable(divide(batch, parts) for batch in plan.endless(epoch, step))

    book = Bookkeeper(
        store,
        position,
        steps=plan.steps,
        epochs=options.epoch_count,
        batch_size=options.batch_size,
        monitor=options.monitor,
        patience=options.patience,
        checkpoint_seconds=options.checkpoint_minutes * 60,
        sink=sink,
        should_stop=should_stop,
    )
    book.set_model(model)
    book.remember_metrics()
    validation_order = sorted_batches(validation.lengths, rows_at_once(config))
    try:
        validation_data = stream(validation, lambda: validation_order, steps=len(validation_order))
        while book.position.epoch < options.epoch_count and not book.has_waited_enough:
            # An epoch that was broken is shorter than the others, and `fit` wants one length for all.
            epoch, step = book.position.epoch, book.position.step
            with quick_layers(model):
                model.fit(
                    stream(PartedRows(training), functools.partial(batches, epoch, step)),
                    steps_per_epoch=(plan.steps - step) * parts,
                    validation_data=validation_data,
                    initial_epoch=epoch,
                    epochs=epoch + 1 if step else options.epoch_count,
                    callbacks=[_StopAtNan(parts), book],  # weights that are no numbers must not be saved
                    shuffle=False,
                    verbose=0,
                )
    except TrainingStopped:
        return book.position, "stopped"
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return book.position, "out_of_memory"
    return book.position, "complete"


def rows_at_once(config: RunConfig) -> int:
    """The rows of the largest part of a batch."""
    return -(-config.training.batch_size // config.training.accumulation_steps)


class _StopAtNan(keras.callbacks.Callback):
    """A loss that is no number never gets better: stop at once and say so."""

    def __init__(self, parts: int) -> None:
        super().__init__()
        self._parts = parts

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(float(loss)):
            raise TrainingError(
                f"The loss is no longer a number (step {batch // self._parts + 1}).",
                where="training",
                fix="Lower optimizer.learning_rate, or the weight λ of the supervised terms.",
            )
