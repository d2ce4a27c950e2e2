"""Vectors of a frozen backbone, computed once: in memory, or in a folder that later runs read again.

A file is found by what decides its content (weights, token ids, pooling), never by a name that a person gave.
Labels are no part of it, so relabelled rows find their vectors again.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import keras
import numpy as np

SUFFIX = ".npy"
ABANDONED_SECONDS = 86_400
LARGE = 64 * 2**20  # bytes


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
        reads: str,
        shape: tuple[int, ...],
        fill: Callable[[np.ndarray], None],
        spill: Path | None = None,
    ) -> np.ndarray:
        """What the model gives for the texts, from the folder if it was computed before.

        Args:
            model: From named inputs of shape [batch, length].
            ids: Token ids of each text, int32 [tokens].
            reads: What of the backbone the model gives, which its weights do not tell.
            shape: That of the result.
            fill: Puts the values, float32, into the array that it is handed.
            spill: Where large values may lie that the folder does not take, in a file without a name.

        Returns:
            float32 of the shape, perhaps mapped from a file.
        """
        if self.folder is None or _bytes(shape) > self.max_bytes:
            return _filled(_room(shape, spill), fill)
        path = self.folder / f"{_key(model, ids, reads)}{SUFFIX}"
        found = _load(path, shape)
        if found is None:
            part = self._part(path, shape)
            if part is None:  # a full disk only costs the computation next time
                return _filled(_room(shape, spill), fill)
            found = self._keep(path, part, fill)
        return found

    def _part(self, path: Path, shape: tuple[int, ...]) -> Path | None:
        """A file with room for the values; None if the disk has none."""
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._make_room(path.parent, _bytes(shape))
            values = np.lib.format.open_memmap(part, mode="w+", dtype=np.float32, shape=shape)
            del values
            with part.open("rb+") as file:
                _reserve(file, part.stat().st_size)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            return None
        return part

    def _keep(self, path: Path, part: Path, fill: Callable[[np.ndarray], None]) -> np.ndarray:
        """Fills the file and gives it its name, under which none is found half filled."""
        try:
            values = _filled(np.lib.format.open_memmap(part, mode="r+"), fill)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return values

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


def _bytes(shape: tuple[int, ...]) -> int:
    return 4 * math.prod(shape)


def _filled(values: np.ndarray, fill: Callable[[np.ndarray], None]) -> np.ndarray:
    fill(values)
    values.flags.writeable = False
    return values


def _room(shape: tuple[int, ...], folder: Path | None) -> np.ndarray:
    """Room for values that are not kept: in memory, or in a file if they are many and the disk has room for them."""
    if folder is not None and _bytes(shape) >= LARGE:
        with contextlib.suppress(OSError), tempfile.TemporaryFile(dir=folder) as file:  # the mapping outlives it
            _reserve(file, _bytes(shape))
            return np.memmap(file, dtype=np.float32, mode="r+", shape=shape)
    return np.empty(shape, dtype=np.float32)


def _reserve(file: IO[bytes], size: int) -> None:
    """Takes the blocks on the disk: to write into a mapped file that has none, on a full disk, ends the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    else:
        file.seek(0)
        for start in range(0, size, LARGE):
            file.write(bytes(min(LARGE, size - start)))
        file.flush()


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
