"""What happens around the steps of `fit`: checkpoints, the best epoch, early stopping, progress, a wish to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import keras

from sft_keras.training.checkpoints import Checkpoints, Position
from sft_keras.training.optimizers import settle
from sft_keras.training.progress import ProgressSink, TrainingStopped

# A terminal or a page cannot show more than a few steps a second; more would only cost time.
SECONDS_BETWEEN_STEP_EVENTS = 0.5
# Short epochs go without a checkpoint as long as writing it would take more than a tenth of the time, on a disk that
# takes 300 MB/s. What a kill costs is trained again, with the same result.
CHECKPOINT_BYTES_A_SECOND = 30e6


class Bookkeeper(keras.callbacks.Callback):
    """Keeps the position, the best weights and the checkpoints of a training, and reports them.

    Args:
        checkpoints: Where the state goes.
        position: Where the training starts or goes on.
        steps: Steps an epoch, each an update of the weights; `fit` sees `position.accumulation_steps` times as many.
        epochs: Epochs in all.
        batch_size: Rows a step, for the rate.
        monitor: `macro_f1`, `accuracy` or `task_loss` of the validation part.
        patience: Epochs without a better score before it ends; None never ends it.
        checkpoint_seconds: Seconds between checkpoints within an epoch; at the end of one, a checkpoint is written
            unless the epochs are short for its size.
        sink: Hears of each step, epoch and checkpoint.
        should_stop: Asked after each step.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        position: Position,
        *,
        steps: int,
        epochs: int,
        batch_size: int,
        monitor: str,
        patience: int | None,
        checkpoint_seconds: float,
        sink: ProgressSink,
        should_stop: Callable[[], bool],
    ) -> None:
        super().__init__()
        self.position = position
        self._checkpoints = checkpoints
        self._steps = steps
        self._epochs = epochs
        self._batch_size = batch_size
        self._monitor = monitor
        self._patience = patience
        self._checkpoint_seconds = checkpoint_seconds
        self._sink = sink
        self._should_stop = should_stop
        self._metrics_to_restore: list[Any] | None = None

    def remember_metrics(self) -> None:
        """Keeps the metric sums of a restored checkpoint, since `fit` clears them when it enters the epoch."""
        self._metrics_to_restore = [keras.ops.convert_to_numpy(v) for v in self._metric_variables()]

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        del logs
        self._began = self._saved = self._told = time.monotonic()
        self._bytes_saved = 0
        self._seconds_before = self.position.seconds
        self._steps_done_here = 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        del logs
        if self._metrics_to_restore is not None and self.position.step:
            for variable, value in zip(self._metric_variables(), self._metrics_to_restore, strict=True):
                variable.assign(value)
        self._metrics_to_restore = None
        self._first_step = self.position.step if epoch == self.position.epoch else 0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        done, parts_left = divmod(batch + 1, self.position.accumulation_steps)
        if parts_left:
            return
        step = self._first_step + done
        self._steps_done_here += 1
        now = time.monotonic()
        self.position = replace(self.position, step=step, seconds=self._seconds_before + now - self._began)
        last = step == self._steps
        if now - self._told >= SECONDS_BETWEEN_STEP_EVENTS or last:
            self._told = now
            self._tell_step(step, now, logs or {})
        # After the last step the epoch is brought to its end: a score belongs to each pass over the rows.
        if self._should_stop() and not last:
            self._save()
            raise TrainingStopped
        if now - self._saved >= self._checkpoint_seconds and not last:
            self._save()

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        del logs
        settle(self.model.optimizer)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        figures = {name: float(value) for name, value in (logs or {}).items()}
        figures["learning_rate"] = float(self.model.optimizer.learning_rate)
        score = self._score(figures)
        better = self.position.best_score is None or score > self.position.best_score
        self.position = replace(
            self.position,
            epoch=epoch + 1,
            step=0,
            best_score=score if better else self.position.best_score,
            best_epoch=epoch + 1 if better else self.position.best_epoch,
            waited=0 if better else self.position.waited + 1,
            history=(*self.position.history, {"epoch": epoch + 1, **figures}),
            seconds=self._seconds_before + time.monotonic() - self._began,
        )
        if better:
            self._checkpoints.keep_best(self.model)
        last = epoch + 1 == self._epochs
        stops = not last and not self.has_waited_enough and self._should_stop()
        if last or stops or self.has_waited_enough or self._is_worth_saving():
            self._save()
        self._sink.event("epoch", epoch=epoch + 1, epochs=self._epochs, best=better, **figures)
        if last:
            return
        if self.has_waited_enough:
            self.model.stop_training = True
            self._sink.event(
                "log",
                message=f"Early stopping: no better val_{self._monitor} for {self._patience} epochs "
                f"(best: epoch {self.position.best_epoch}).",
            )
        elif stops:
            raise TrainingStopped

    @property
    def has_waited_enough(self) -> bool:
        """Whether the patience is used up."""
        return self._patience is not None and self.position.waited >= self._patience

    def _score(self, figures: Mapping[str, float]) -> tuple[float, float]:
        """Higher is better; equal metrics are told apart by the task loss, never by `val_loss`, which moves with λ."""
        loss = -figures["val_task_loss"]
        return (loss, 0.0) if self._monitor == "task_loss" else (figures[f"val_{self._monitor}"], loss)

    def _is_worth_saving(self) -> bool:
        return time.monotonic() - self._saved >= self._bytes_saved / CHECKPOINT_BYTES_A_SECOND

    def _save(self) -> None:
        if keras.config.backend() == "jax":
            # Within an epoch Keras holds the state of a JAX training outside the model, whose variables are empty.
            self.model.jax_state_sync()
        self._bytes_saved = self._checkpoints.save(self.model, self.position)
        self._saved = time.monotonic()
        self._sink.event("checkpoint", epoch=self.position.epoch, step=self.position.step)

    def _tell_step(self, step: int, now: float, logs: Mapping[str, Any]) -> None:
        seconds_a_step = (now - self._began) / self._steps_done_here
        left = (self._epochs - self.position.epoch) * self._steps - step
        self._sink.event(
            "step",
            epoch=self.position.epoch + 1,
            epochs=self._epochs,
            step=step,
            steps=self._steps,
            rows_per_second=self._batch_size / max(seconds_a_step, 1e-9),
            eta_seconds=max(left, 0) * seconds_a_step,
            **{name: float(value) for name, value in logs.items()},
        )

    def _metric_variables(self) -> list[Any]:
        return [v for metric in self.model.metrics for v in metric.variables]
