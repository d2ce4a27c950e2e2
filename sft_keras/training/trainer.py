"""One training from rows to the best weights: tokenise once, build, `fit`, restore the best epoch."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.modeling.backbones.base import Backbone, Encoder
from sft_keras.modeling.fine_tune_model import FineTuneModel, count_parameters
from sft_keras.modeling.starting_point import StartingPoint
from sft_keras.preprocessing.token_rows import TokenRows
from sft_keras.preprocessing.tokenizer import TextTokenizer
from sft_keras.training.adaptation import halved, settled
from sft_keras.training.build import Built, Recipe, build, finished
from sft_keras.training.checkpoints import Checkpoints, Position
from sft_keras.training.feature_cache import FeatureCache
from sft_keras.training.fitting import Outcome, Rows, encoded, fit, rows_at_once
from sft_keras.training.hidden_rows import hidden_rows
from sft_keras.training.killed import noted
from sft_keras.training.progress import ProgressSink, TrainingStopped
from sft_keras.training.step_memory import room, step_memory


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
        config: The configuration as it was carried out: what the training chose by itself (layers, number format, the
            parts that a batch was computed in) filled in.
        findings: What was tried, for the report: `layer_search`.
        temperature: What the logits are divided by before they become probabilities.
        validation_logits: Those of the validation rows, float32 [rows, classes], where the vectors that they come from
            lay ready; None where the model has to compute them.
    """

    model: FineTuneModel
    encoder: Encoder
    tokenizer: TextTokenizer
    labels: Labels
    backbone: Backbone
    position: Position
    complete: bool
    config: RunConfig
    findings: dict[str, Any] = field(default_factory=dict)
    temperature: float = 1.0
    validation_logits: np.ndarray | None = None

    @property
    def has_best(self) -> bool:
        """Whether at least one epoch was completed."""
        return self.position.best_epoch > 0

    def preset_writer(self) -> Callable[[Path], None] | None:
        """Writes the KerasHub preset into a folder; None if the backbone has no such form."""
        return self.backbone.family.preset_writer(self.encoder, self.tokenizer)


def fine_tune(
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
        cache: Keeps what lower layers that stand still give, for later runs; nothing is kept if left out.

    Raises:
        ConfigError: The backbone is not to be had, or a setting does not fit it.
        TrainingError: The loss stopped being a number, memory ran out for a single row, or the disk is full.
    """
    store = Checkpoints(checkpoints)
    recipe = Recipe.of(settled(config, store.folder, sink), training, start, sink)
    # Tokenised once, for all epochs and tries.
    ids, validation_ids = (
        recipe.tokenizer.encode(part.texts, config.model.max_length, folder=store.folder)
        for part in (training, validation)
    )
    recipe = replace(recipe, ids=ids)
    parts = ((training, ids), (validation, validation_ids))
    with noted(store.folder):
        built, position, outcome = _fine_tune(recipe, parts, store, sink, should_stop, cache)
        while outcome == "out_of_memory":
            del built
            gc.collect()  # a Keras model is full of cycles
            recipe = replace(recipe, config=halved(recipe.config, store.folder, sink))
            built, position, outcome = _fine_tune(recipe, parts, store, sink, should_stop, cache)
    store.load_best(built.fitted)
    kept = finished(recipe, built)
    complete = outcome == "complete"
    return Trained(
        kept.model,
        kept.encoder,
        recipe.tokenizer,
        recipe.labels,
        recipe.backbone,
        position,
        complete,
        recipe.config,
    )


def _fine_tune(
    recipe: Recipe,
    parts: Sequence[tuple[Examples, TokenRows]],
    store: Checkpoints,
    sink: ProgressSink,
    should_stop: Callable[[], bool],
    cache: FeatureCache | None,
) -> tuple[Built, Position, Outcome]:
    """Builds the model and trains it from the newest checkpoint on."""
    built = build(recipe)
    model = built.fitted
    if not _fits(recipe, built, longest=int(parts[0][1].lengths.max(initial=1)), sink=sink):
        return built, Position(), "out_of_memory"
    sink.event("log", message=f"Model: {count_parameters(built.model)}.")
    position = store.restore(model, lambda message: sink.event("log", message=message))
    if position.epoch or position.step:
        sink.event("log", message=f"Resuming after epoch {position.epoch}, step {position.step}.")
    rows: list[Rows] = []
    for part, ids in parts:
        plain = encoded(part, ids, recipe, model)
        try:
            rows.append(
                hidden_rows(recipe, built.cut, plain, store.folder, sink=sink, should_stop=should_stop, cache=cache)
                if built.cut
                else plain
            )
        except TrainingStopped:
            return built, position, "stopped"
    sink.event(
        "start",
        epochs=recipe.config.training.epoch_count,
        steps=recipe.steps_per_epoch,
        rows=len(recipe.targets),
        epoch=position.epoch,
        step=position.step,
    )
    position, outcome = fit(recipe.config, model, store, position, *rows, sink=sink, should_stop=should_stop)
    return built, position, outcome


def _fits(recipe: Recipe, built: Built, *, longest: int, sink: ProgressSink) -> bool:
    """Whether a step is foreseen to find memory; one row at once is tried in any case."""
    rows = rows_at_once(recipe.config)
    foreseen = step_memory(recipe.backbone, built.encoder, built.fitted, longest)
    if foreseen is None or rows == 1 or foreseen.of(rows) <= room():
        return True
    sink.event(
        "log",
        message=f"A step on {rows} texts of {longest} tokens would take about {foreseen.of(rows) / 1e9:.1f} GB; there "
        f"are {room() / 1e9:.1f} for a training.",
    )
    return False
