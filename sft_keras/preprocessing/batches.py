"""Token ids to padded batches: which rows go together in which epoch, and the stream that `fit` reads.

The plan is plain NumPy and a pure function of (seed, epoch), so that a resumed training sees exactly the
batches that the broken one would have seen.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from sft_keras.preprocessing.token_rows import TokenRows

Inputs = dict[str, np.ndarray]

# Rows are sorted by length within windows of so many batches: long enough to save nearly all padding, short
# enough that a batch is still a random mixture.
WINDOW_BATCHES = 50

# XLA compiles each shape anew, so lengths are rounded up to a few.
JIT_LENGTH_MULTIPLE = 32


@dataclass(frozen=True)
class BatchPlan:
    """The division of rows into batches, epoch by epoch.

    Attributes:
        lengths: Tokens of each row, shape [rows].
        batch_size: Rows a batch; the last one may hold fewer.
        seed: Fixes the order together with the epoch.
        length_buckets: Whether rows of like length share a batch.
    """

    lengths: np.ndarray
    batch_size: int
    seed: int
    length_buckets: bool = True

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return -(-len(self.lengths) // self.batch_size)

    def epoch(self, epoch: int) -> list[np.ndarray]:
        """The row indices of each batch of this epoch, in order."""
        generator = np.random.default_rng((self.seed, epoch))
        order = generator.permutation(len(self.lengths))
        if not self.length_buckets:
            return _cut(order, self.batch_size)
        batches: list[np.ndarray] = []
        for window in _cut(order, self.batch_size * WINDOW_BATCHES):
            by_length = window[np.argsort(self.lengths[window], kind="stable")]
            batches.extend(_cut(by_length, self.batch_size))
        return [batches[index] for index in generator.permutation(len(batches))]

    def endless(self, epoch: int, step: int) -> Iterator[np.ndarray]:
        """The batches from this step of this epoch on, epoch after epoch."""
        yield from self.epoch(epoch)[step:]
        while True:
            epoch += 1
            yield from self.epoch(epoch)


def sorted_batches(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Row indices in batches from the longest to the shortest text: the order for prediction."""
    return _cut(np.argsort(-lengths, kind="stable"), batch_size)


def fixed_length(model: Any) -> int | None:
    """The only length that a Keras model takes, as one of its inputs declares it; None if any will do."""
    return next((tensor.shape[1] for tensor in model.input.values() if tensor.shape[1] is not None), None)


def pad_batch(
    ids: Sequence[np.ndarray], pad_id: int, *, multiple: int = 1, limit: int | None = None, length: int | None = None
) -> Inputs:
    """Fills the rows of a batch up to one length.

    Args:
        ids: int32 arrays of shape [tokens].
        pad_id: What fills.
        multiple: The length is rounded up to a multiple of this, which bounds the number of shapes.
        limit: The most it is rounded up to: a backbone may have no position beyond its longest text.
        length: The length itself; that of the longest row, rounded up, if None.

    Returns:
        `token_ids`, `segment_ids` (zeros) and `padding_mask` (1 at real tokens), each int32 of shape [rows, length].
    """
    width = length or padded_length(max(len(row) for row in ids), multiple, limit)
    token_ids = np.full((len(ids), width), pad_id, dtype=np.int32)
    mask = np.zeros((len(ids), width), dtype=np.int32)
    for index, row in enumerate(ids):
        token_ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    return {"token_ids": token_ids, "segment_ids": np.zeros_like(token_ids), "padding_mask": mask}


def padded_length(longest: int, multiple: int = 1, limit: int | None = None) -> int:
    """The length of a batch; see `pad_batch`."""
    rounded = -(-longest // multiple) * multiple
    return rounded if limit is None else max(longest, min(rounded, limit))


def only(inputs: Inputs, names: Sequence[str]) -> Inputs:
    """The inputs that a model declares, in its order."""
    return {name: inputs[name] for name in names}


@dataclass(frozen=True)
class EncodedRows:
    """Tokenised rows with their targets, ready to be batched.

    Attributes:
        ids: Token ids of each row.
        targets: Class ids, int32, shape [rows].
        weights: Row weights, float32, shape [rows].
        pad_id: What fills a batch.
        input_names: The inputs that the model declares.
        multiple: See `pad_batch`.
        length: See `pad_batch`.
    """

    ids: TokenRows
    targets: np.ndarray
    weights: np.ndarray
    pad_id: int
    input_names: tuple[str, ...]
    multiple: int = 1
    length: int | None = None

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row, shape [rows]."""
        return self.ids.lengths

    @functools.cached_property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return int(self.lengths.max())

    def batch(self, rows: np.ndarray) -> tuple[Inputs, np.ndarray, np.ndarray]:
        """Inputs, targets and weights of the given rows."""
        ids = [self.ids[row] for row in rows]
        inputs = pad_batch(ids, self.pad_id, multiple=self.multiple, limit=self.longest, length=self.length)
        return only(inputs, self.input_names), self.targets[rows], self.weights[rows]


Item = TypeVar("Item", contravariant=True)


class Batcher(Protocol[Item]):
    """What `stream` reads from: tokenised texts, or vectors that were computed before, by rows or part by part."""

    def batch(self, item: Item, /) -> tuple[Inputs, np.ndarray, np.ndarray]:
        """Inputs, targets and weights."""


def stream(rows: Batcher[Item], batches: Callable[[], Iterable[Item]], *, steps: int | None = None) -> Any:
    """Padded batches in the form that `fit` reads best: `tf.data` on TensorFlow, else `keras.utils.PyDataset`.

    Args:
        rows: What to batch; tokenised once, not each epoch.
        batches: Called each time the dataset is iterated; gives each batch as `rows.batch` takes it.
        steps: How many batches there are, or None if they do not end. Keras must know: running a step into the end
            of the data lets state that does not depend on the data (step counters) move once too often.

    Returns:
        A dataset of `(inputs, targets, weights)`. On TensorFlow it is made ahead of the model, with free batch and
        length dimensions, so that no new length traces the step again.
    """
    import keras

    if keras.config.backend() == "tensorflow":
        return _tensorflow_dataset(rows, batches, steps)
    from sft_keras.preprocessing.ordered_batches import OrderedBatches

    return OrderedBatches(rows.batch, batches, steps)


def _tensorflow_dataset(rows: Batcher[Item], batches: Callable[[], Iterable[Item]], steps: int | None) -> Any:
    import tensorflow as tf

    def generate() -> Iterator[tuple[Inputs, np.ndarray, np.ndarray]]:
        for item in batches():
            yield rows.batch(item)

    signature = tf.nest.map_structure(
        lambda part: tf.TensorSpec((None,) * min(part.ndim, 2) + part.shape[2:], part.dtype),
        rows.batch(next(iter(batches()))),
    )
    cardinality = tf.data.INFINITE_CARDINALITY if steps is None else steps
    dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
    # Nothing here is tuned by measurement, and the thread that would do it keeps an iterator from being freed until it
    # wakes up again: a training of 16 s waited up to 30 s after its last epoch.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.apply(tf.data.experimental.assert_cardinality(cardinality)).prefetch(4).with_options(options)


def _cut(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[start : start + size] for start in range(0, len(order), size)]
