"""The classes of a model: the words people wrote as labels, and the numbers that stand for them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from sft_keras.errors import DataError, did_you_mean


@dataclass(frozen=True)
class Labels:
    """The names of the classes in the order of their numbers.

    Attributes:
        names: The names, without repeats.

    Example:
        >>> labels = Labels.of(["spam", "ham", "spam"])
        >>> labels.names, labels.encode(["spam"]).tolist()
        (('ham', 'spam'), [1])
    """

    names: tuple[str, ...]
    _numbers: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        numbers = {name: i for i, name in enumerate(self.names)}
        if len(numbers) != len(self.names):
            raise DataError(f"Two classes have one name. Received: {', '.join(self.names)}")
        object.__setattr__(self, "_numbers", numbers)

    @classmethod
    def of(cls, labels: Iterable[str]) -> Labels:
        """The classes that occur, sorted by code point so that every machine gives the same numbers."""
        return cls(tuple(sorted(set(labels))))

    def __len__(self) -> int:
        return len(self.names)

    def encode(self, labels: Sequence[str]) -> np.ndarray:
        """Numbers for names.

        Returns:
            int32 of shape [labels].

        Raises:
            DataError: A label is not among the names.
        """
        try:
            return np.fromiter((self._numbers[label] for label in labels), dtype=np.int32, count=len(labels))
        except KeyError:
            unknown = sorted(set(labels) - set(self._numbers))
            shown = ", ".join(f'"{label}"' for label in unknown[:10]) + (", …" if len(unknown) > 10 else "")
            raise DataError(
                f"{len(unknown)} label(s) are not among the classes. Received: {shown}",
                fix=did_you_mean(unknown[0], self.names),
            ) from None

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Names for numbers.

        Raises:
            DataError: A number stands for no class.
        """
        found = [int(number) for number in numbers]
        if any(not 0 <= number < len(self.names) for number in found):
            raise DataError(f"Class numbers go from 0 to {len(self.names) - 1}. Received: {min(found)} to {max(found)}")
        return [self.names[number] for number in found]

    def to_json(self) -> str:
        """The names as a JSON list, for a bundle's `labels.json`."""
        return json.dumps(list(self.names), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Labels:
        """Reads what `to_json` wrote.

        Raises:
            DataError: The text is no JSON list of distinct strings.
        """
        try:
            names = json.loads(text)
        except (ValueError, RecursionError):
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(f"The class names must be a JSON list of strings. Received: {text[:60]!r}")
        return cls(tuple(names))
