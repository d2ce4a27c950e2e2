"""Writes a trained model in every registered format, and keeps only what answers as Keras does."""

from __future__ import annotations

import abc
import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.preprocessing.batches import Inputs, fixed_length, only, pad_batch
from sft_keras.registry import Registry

# A probability that is off by more would show in the digits that people read.
TOLERANCE = 1e-3
# A conversion holds the weights several times over.
COPIES_IN_MEMORY, COPIES_ON_DISK = 4, 2
MOST_ROWS = 6


class LeftOutError(Exception):
    """Why a format is left out; a sentence for the manifest and the log."""


class Exporter(abc.ABC):
    """One format.

    Attributes:
        name: The format's name, that of its module.
        file: Name of the file in the bundle.
    """

    name: str
    file: str

    @abc.abstractmethod
    def write(self, model: Any, path: Path) -> None:
        """Writes a Keras model from named token inputs to logits, of any batch size and length.

        Raises:
            LeftOutError: This cannot be done here; other exceptions mean the same.
        """

    @abc.abstractmethod
    def open(self, path: Path) -> Callable[[Inputs], np.ndarray]:
        """What is written, as a function from inputs to logits of shape [batch, classes]."""


EXPORTERS: Registry[Exporter] = Registry("export format", "sft_keras.artifacts.export")


def export_all(
    folder: Path,
    model: Any,
    ids: Sequence[np.ndarray],
    *,
    pad_id: int,
    max_length: int,
    tell: Callable[[str], None] = lambda _message: None,
) -> dict[str, dict[str, Any]]:
    """Writes a model in every format; none of them can fail the caller.

    Args:
        folder: Where to.
        model: A Keras model from named token inputs to logits.
        ids: Token ids of a few real texts, int32 arrays of shape [tokens], to compare the answers on.
        pad_id: What fills a batch.
        max_length: Most tokens a text.
        tell: Hears which format is left out, and why.

    Returns:
        By format, `file` and `largest_difference` (of a probability from Keras's), or the `reason` it is left out.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, exporter in EXPORTERS.items():
        path = folder / exporter.file
        try:
            require_room(4 * model.count_params(), folder)
            exporter.write(model, path)
            difference = _largest_difference(exporter.open(path), model, ids, pad_id, max_length)
            if not difference <= TOLERANCE:  # also true of NaN
                raise LeftOutError(f"its probabilities differ from Keras's by up to {difference:.2g}")
            found[name] = {"file": exporter.file, "largest_difference": float(f"{difference:.2g}")}
        except Exception as error:  # whatever a converter raises, the model itself is fine
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            reason = str(error) if isinstance(error, LeftOutError) else f"{type(error).__name__}: {error}"
            reason = reason.replace(f"{folder}/", "")  # a bundle names no path of this machine
            found[name] = {"reason": " ".join(reason.split())[:300]}
            tell(f"{exporter.file} is left out of the bundle: {found[name]['reason']}")
    return found


def require_room(size: int, folder: Path) -> None:
    """Looks whether so many bytes of weights can be converted.

    Raises:
        LeftOutError: There is too little memory, or space on the disk.
    """
    import psutil

    free = psutil.virtual_memory().available
    if free < COPIES_IN_MEMORY * size:
        raise LeftOutError(f"there is too little memory to convert {size:,} bytes of weights ({free:,} bytes free)")
    if shutil.disk_usage(folder).free < COPIES_ON_DISK * size:
        raise LeftOutError("there is too little space on the disk")


def _largest_difference(
    run: Callable[[Inputs], np.ndarray], model: Any, ids: Sequence[np.ndarray], pad_id: int, max_length: int
) -> float:
    """The largest difference of a probability over batches of several sizes and lengths, with padding."""
    names = tuple(model.input)
    largest = 0.0
    for batch in _batches(ids, fixed_length(model) or max_length):
        inputs = only(pad_batch(batch, pad_id, length=fixed_length(model)), names)
        expected = np.asarray(model(inputs, training=False))
        received = run(inputs)
        if received.shape != expected.shape:
            raise LeftOutError(f"its answer has the shape {received.shape} in place of {expected.shape}")
        difference = np.abs(_softmax(received) - _softmax(expected)).max()
        largest = difference if np.isnan(difference) else max(largest, float(difference))
    return float(largest)


def _batches(ids: Sequence[np.ndarray], limit: int) -> Iterator[list[np.ndarray]]:
    """One text alone, several of very different lengths, and two of which one has the most tokens there can be."""
    rows = [row for row in ids[:MOST_ROWS] if len(row)]
    if not rows:
        raise LeftOutError("there is no text to compare its answers on")
    yield rows[:1]
    cut = [row[: max(1, len(row) * (index + 1) // len(rows))] for index, row in enumerate(rows)]
    yield [*cut, np.resize(rows[0], min(limit, 3 * len(rows[0]) + 1))]
    yield [np.resize(rows[-1], limit), rows[0][:2]]


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    result: np.ndarray = exponentials / exponentials.sum(axis=1, keepdims=True)
    return result
