"""What a training will cost on this machine: its tokens, times what was measured here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.scripts import mostly_unspaced
from sft_keras.runs.speed import Speed
from sft_keras.services.space.dataset_views import DatasetView
from sft_keras.services.space.run_views import Estimate

# Scoring, the report, the bundle and its other forms, as measured on two cores.
FINISH_SECONDS = 15.0
# Batches are filled up to their longest text, of texts of like length.
PADDING = 1.1
# An update of the head alone, on vectors.
HEAD_STEP_SECONDS = 0.003
# Of letters, where lengths were not counted in tokens.
TOKENS_A_CHARACTER, TOKENS_A_HAN_CHARACTER = 0.25, 1.0
SPECIAL_TOKENS = 2


@dataclass(frozen=True)
class Texts:
    """What the cost depends on.

    Attributes:
        rows: Rows that can be trained with.
        lengths: Tokens of a text, one figure for each bin of the histogram.
        counts: Texts in each bin.
        shown: Some of the texts.
        given: Rows of the files of their own for "validation" and "test".
        labels: How many labels there are.
    """

    rows: int
    lengths: np.ndarray
    counts: np.ndarray
    shown: tuple[str, ...] = ()
    given: Mapping[str, int] = field(default_factory=dict)
    labels: int = 2

    @classmethod
    def of(cls, view: DatasetView) -> Texts:
        """From what a look at a dataset found."""
        edges = np.asarray(view.lengths.edges, dtype=np.float64)
        lengths = (edges[:-1] + edges[1:]) / 2
        column = view.header.index(view.text_column) if view.text_column in view.header else 0
        shown = tuple(row[column] for row in view.preview)
        if view.lengths.unit == "characters":
            lengths *= TOKENS_A_HAN_CHARACTER if mostly_unspaced(shown) else TOKENS_A_CHARACTER
            lengths += SPECIAL_TOKENS
        counts = np.asarray(view.lengths.counts, dtype=np.float64)
        return cls(view.usable_rows, lengths, counts, shown, view.part_rows, len(view.class_counts))

    def tokens(self, max_length: int) -> float:
        """The mean of the tokens that the model reads of a text."""
        total = float(self.counts.sum())
        return float((np.minimum(self.lengths, max_length) * self.counts).sum() / total) if total else 0.0

    def longest(self, max_length: int) -> float:
        """The tokens that it reads of the longest text."""
        filled = self.lengths[self.counts > 0]
        return float(min(filled.max(), max_length)) if len(filled) else 0.0


def estimate(config: RunConfig, texts: Texts, speed: Speed) -> Estimate:
    """Time and memory of a whole run, without early stopping.

    Args:
        config: Its configuration.
        texts: What it reads.
        speed: How fast this machine is with its backbone.
    """
    if speed.failed:
        return Estimate(None, None, measuring=False)
    data = config.data
    rows = min(texts.rows, data.max_rows or texts.rows)
    cut = {"validation": data.validation_fraction * rows, "test": data.test_fraction * rows}
    held_out, test = (texts.given.get(part, cut[part]) for part in cut)
    training = rows - sum(count for part, count in cut.items() if part not in texts.given)
    options = config.training.for_rows(math.ceil(training), texts.labels)
    mean, longest = texts.tokens(config.model.max_length), texts.longest(config.model.max_length)
    if speed.length:
        mean = longest = float(config.model.max_length)
    mean *= PADDING
    steps = -(-training // options.batch_size)
    trainings = len({0.0, *config.objective.weight_grid}) if config.objective.searches_weight else 1
    trainings += config.evaluation.control_run and any(term.weight for term in config.objective.terms)
    forward = speed.forward_seconds * mean
    if config.model.trainable == "head":
        epochs = 1 if options.head_solver == "logistic" else options.epoch_count
        seconds = forward * (training + held_out) + trainings * epochs * steps * HEAD_STEP_SECONDS
    else:
        an_epoch = speed.step_seconds * steps + speed.token_seconds * mean * training + forward * held_out
        seconds = trainings * options.epoch_count * an_epoch
    builds = 1 if config.model.trainable == "head" else trainings
    seconds += speed.start_seconds + builds * speed.build_seconds + forward * test + FINISH_SECONDS
    at_once = -(-options.batch_size // options.accumulation_steps)
    memory = speed.memory_mib + speed.token_mib * longest * min(at_once, max(rows, 1))
    return Estimate(float(seconds), float(memory), measuring=False)
