"""Rows as the trained layers of a backbone read them: what the lower ones, which stand still, give for each token."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sft_keras.modeling.cut import STATES, Cut
from sft_keras.preprocessing.batches import EncodedRows, Inputs, only, padded_length
from sft_keras.training.build import Recipe
from sft_keras.training.feature_cache import FeatureCache
from sft_keras.training.progress import ProgressSink
from sft_keras.training.vectors import VectorMaker


@dataclass(frozen=True)
class HiddenRows:
    """Tokenised rows whose lower layers were computed.

    Attributes:
        rows: The rows; padded as they would be.
        states: float32 [tokens of all rows, width], row after row.
    """

    rows: EncodedRows
    states: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row, shape [rows]."""
        return self.rows.lengths

    @functools.cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum(self.lengths)

    def batch(self, rows: np.ndarray) -> tuple[Inputs, np.ndarray, np.ndarray]:
        """Inputs, targets and weights of the given rows."""
        given, lengths = self.rows, self.lengths[rows]
        length = given.length or padded_length(int(lengths.max()), given.multiple, given.longest)
        states = np.zeros((len(rows), length, self.states.shape[1]), dtype=np.float32)
        mask = (np.arange(length) < lengths[:, None]).astype(np.int32)
        for index, (end, size) in enumerate(zip(self._ends[rows], lengths, strict=True)):
            states[index, :size] = self.states[end - size : end]
        inputs = only({STATES: states, "padding_mask": mask}, given.input_names)
        return inputs, given.targets[rows], given.weights[rows]


def hidden_rows(
    recipe: Recipe,
    cut: Cut,
    rows: EncodedRows,
    spill: Path,
    *,
    sink: ProgressSink,
    should_stop: Callable[[], bool],
    cache: FeatureCache | None,
) -> HiddenRows:
    """Computes the lower layers for all rows, or reads what a run before computed.

    Args:
        recipe: What the model was built from.
        cut: The backbone in two parts.
        rows: The rows, with the inputs of the upper part.
        spill: Where the states may lie, should the cache not keep them.
        sink: Hears of the progress.
        should_stop: Asked after each batch.
        cache: Keeps the states for later runs.

    Raises:
        TrainingStopped: Somebody asked to stop.
    """
    maker = VectorMaker(cut.below, recipe.tokenizer, recipe.config, sink, should_stop, cache)
    return HiddenRows(rows, maker.states(rows.ids, f"states {cut.blocks}", spill))
