"""The stream of batches for the backends of Keras that do without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras


class OrderedBatches(keras.utils.PyDataset):
    """Batches made one after the other, in the thread that trains.

    `PyDataset` asks by number. With one worker, as here, Keras asks for 0, 1, 2 and so on, and for 0 again when it
    starts anew (each validation); the numbers need no meaning beyond that.

    Args:
        make: From what `batches` gives to the batch.
        batches: Called at each start; gives each batch as `make` takes it.
        steps: How many batches there are, or None if they do not end.
    """

    def __init__(
        self,
        make: Callable[[Any], Any],
        batches: Callable[[], Iterable[Any]],
        steps: int | None,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._make = make
        self._batches = batches
        self._steps = steps
        self._rest: Iterator[Any] = iter(())

    @property
    def num_batches(self) -> int | None:
        """How many batches there are; None if they do not end."""
        return self._steps

    def __getitem__(self, index: int) -> Any:
        """The next batch; the first for index 0."""
        if index == 0:
            self._rest = iter(self._batches())
        return self._make(next(self._rest))
