"""Vectors of a frozen backbone, computed once: in memory, or in a folder that later runs read again.

A file is found by what decides its content (weights, token ids, pooling), never by a name that a person gave.
Labels are no part of it, so relabelled rows find their vectors again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

SUFFIX = ".npy"
ABANDONED_SECONDS = 86_400


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
        self, model: keras.Model, ids: Sequence[np.ndarray], *, reads: str, compute: Callable[[], np.ndarray]
    ) -> np.ndarray:
        """What the model gives for each text, from the folder if it was computed before.

        Args:
            model: From named inputs of shape [batch, length] to float32 [batch, layers, width].
            ids: Token ids of each text, int32 [tokens].
            reads: What of the backbone the model gives, which its weights do not tell.
            compute: Makes the vectors, float32 [texts, layers, width].

        Returns:
            float32 of shape [texts, layers, width], perhaps mapped from a file.
        """
        if self.folder is None:
            return compute()
        path = self.folder / f"{_key(model, ids, reads)}{SUFFIX}"
        found = _load(path, (len(ids), *model.output.shape[1:]))
        if found is None:
            found = compute()
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
        for half in folder.glob(".*.part"):  # left by a kill
            if time.time() - half.stat().st_mtime > ABANDONED_SECONDS:
                half.unlink(missing_ok=True)
        files = sorted(folder.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime)
        total = sum(file.stat().st_size for file in files)
        for file in files:
            if total + wanted <= self.max_bytes:
                return
            total -= file.stat().st_size
            file.unlink(missing_ok=True)


def _key(model: keras.Model, ids: Sequence[np.ndarray], reads: str) -> str:
    """A digest of all that decides the vectors; the same layers and weights may be wired in several ways."""
    shapes = [tuple(tensor.shape) for tensor in (*keras.tree.flatten(model.input), model.output)]
    digest = hashlib.sha256(repr((reads, shapes)).encode())
    digest.update(repr([type(layer).__name__ for layer in model.layers]).encode())
    digest.update(repr([str(layer.dtype_policy.name) for layer in model.layers]).encode())
    digest.update(repr([getattr(layer, "mode", "") for layer in model.layers]).encode())
    for weight in model.weights:
        if "seed_generator" not in weight.path:
            digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).data)
    for row in ids:
        digest.update(len(row).to_bytes(4, "little"))
        digest.update(np.ascontiguousarray(row).data)
    return digest.hexdigest()


def _load(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
        os.utime(path)  # the age that `_make_room` goes by
    except (OSError, ValueError, EOFError):
        return None
    return vectors if vectors.shape == shape and vectors.dtype == np.float32 else None
