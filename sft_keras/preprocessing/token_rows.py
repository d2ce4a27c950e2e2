"""Token ids of many texts, one after another in one array, which lies on the disk where it is large."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

# From so many ids on they lie on the disk: 64 MiB.
LARGE = 2**24


class TokenRows(Sequence[np.ndarray]):
    """The token ids of each text, as a sequence of int32 arrays of shape [tokens].

    A text costs the four bytes of each of its tokens and sixteen more; as an array of its own it would cost some 120
    beside them.

    Args:
        tokens: All ids, int32 [total].
        lengths: Tokens of each text, int64 [texts].
    """

    def __init__(self, tokens: np.ndarray, lengths: np.ndarray) -> None:
        self.tokens = tokens
        self.lengths = lengths
        self._ends = np.cumsum(lengths)

    @classmethod
    def gather(cls, blocks: Iterable[Sequence[Sequence[int]]], folder: Path | None = None) -> TokenRows:
        """Puts together what a tokenizer gives.

        Args:
            blocks: The ids of some texts, block by block.
            folder: Where many ids may lie, in a file without a name, of which nothing is left when this process ends.
                In memory if None, or if the disk is full.
        """
        tokens, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for block in blocks:
            lengths.append(np.fromiter(map(len, block), np.int64, len(block)))
            tokens.append(np.fromiter((token for row in block for token in row), np.int32, int(lengths[-1].sum())))
        found = None
        if folder is not None and sum(map(len, tokens)) >= LARGE:
            with contextlib.suppress(OSError):
                found = _mapped(tokens, folder)
        return cls(np.concatenate(tokens) if found is None else found, np.concatenate(lengths))

    @property
    def used(self) -> np.ndarray:
        """The ids that occur, ascending, int32."""
        return np.flatnonzero(np.bincount(self.tokens)).astype(np.int32)

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice) -> list[np.ndarray]: ...

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        end, length = self._ends[index], self.lengths[index]
        return self.tokens[end - length : end]


def _mapped(parts: Sequence[np.ndarray], folder: Path) -> np.ndarray:
    """The parts as one array in a file.

    Raises:
        OSError: It cannot be written.
    """
    with tempfile.TemporaryFile(dir=folder) as file:  # the mapping outlives it
        for part in parts:
            file.write(part.data)
        file.flush()
        return np.memmap(file, dtype=np.int32, mode="r")
