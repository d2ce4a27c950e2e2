"""Vectors of a frozen backbone, computed once: in memory, or in a folder that later runs read again.

A file is found by what decides its content (weights, token ids, pooling), never by a name that a person gave.
Labels are no part of it, so relabelled rows find their vectors again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from sft_keras.preprocessing.batches import only, pad_batch, sorted_batches

SUFFIX = ".npy"


@dataclass(frozen=True)
class FeatureCache:
    """A bounded folder of vectors.

    Attributes:
        folder: Where they lie; None keeps nothing.
        max_bytes: The files used longest ago go when all together are larger.
    """

    folder: Path | None = None
    max_bytes: int = 0

    def vectors(
        self,
        model: keras.Model,
        ids: Sequence[np.ndarray],
        *,
        pad_id: int,
        batch_size: int,
        on_batch: Callable[[int], None],
        multiple: int = 1,
    ) -> np.ndarray:
        """What the model gives for each text, from the folder if it was computed before.

        Args:
            model: From named inputs of shape [batch, length] to float32 [batch, layers, width].
            ids: Token ids of each text, int32 [tokens].
            pad_id: What fills a batch.
            batch_size: Texts a batch.
            on_batch: Hears how many texts were done; what it raises stops the work.
            multiple: See `pad_batch`.

        Returns:
            float32 of shape [texts, layers, width], perhaps mapped from a file.
        """
        path = self.folder / f"{_key(model, ids)}{SUFFIX}" if self.folder else None
        found = _load(path, len(ids))
        if found is None:
            found = _compute(model, ids, pad_id, batch_size, multiple, on_batch)
            if path:
                self._keep(path, found)
        return found

    def _keep(self, path: Path, vectors: np.ndarray) -> None:
        """Writes beside and renames; a full disk only costs the computation next time."""
        if vectors.nbytes > self.max_bytes:
            return
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._make_room(path.parent, vectors.nbytes)
            with temporary.open("wb") as file:
                np.save(file, vectors, allow_pickle=False)
            temporary.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _make_room(self, folder: Path, wanted: int) -> None:
        files = sorted(folder.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime)
        total = sum(file.stat().st_size for file in files)
        for file in files:
            if total + wanted <= self.max_bytes:
                return
            total -= file.stat().st_size
            file.unlink(missing_ok=True)


def _key(model: keras.Model, ids: Sequence[np.ndarray]) -> str:
    digest = hashlib.sha256(repr([type(layer).__name__ for layer in model.layers]).encode())
    digest.update(repr([str(layer.dtype_policy.name) for layer in model.layers]).encode())
    digest.update(repr([getattr(layer, "mode", "") for layer in model.layers]).encode())
    for weight in model.weights:
        if "seed_generator" not in weight.path:
            digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).data)
    for row in ids:
        digest.update(len(row).to_bytes(4, "little"))
        digest.update(np.ascontiguousarray(row).data)
    return digest.hexdigest()


def _load(path: Path | None, rows: int) -> np.ndarray | None:
    if path is None:
        return None
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
        os.utime(path)  # the age that `_make_room` goes by
    except (OSError, ValueError, EOFError):
        return None
    return vectors if vectors.ndim == 3 and len(vectors) == rows and vectors.dtype == np.float32 else None


def _compute(
    model: keras.Model,
    ids: Sequence[np.ndarray],
    pad_id: int,
    batch_size: int,
    multiple: int,
    on_batch: Callable[[int], None],
) -> np.ndarray:
    vectors = np.empty((len(ids), *model.output.shape[1:]), dtype=np.float32)
    names = [tensor.name for tensor in keras.tree.flatten(model.input)]
    lengths = np.asarray([len(row) for row in ids], dtype=np.int64)
    for rows in sorted_batches(lengths, batch_size):
        inputs = pad_batch([ids[row] for row in rows], pad_id, multiple=multiple)
        vectors[rows] = model.predict_on_batch(only(inputs, names))
        on_batch(len(rows))
    return vectors
