"""Training examples that are like a text: what is told of them. They are found by `training_features`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sft_keras.errors import InputValueError

COUNT, MOST_COUNT = 5, 20
PREPARE_SECONDS = 30.0
"""Where others wait, vectors are computed for so long at once."""


@dataclass(frozen=True)
class Neighbour:
    """A training example.

    Attributes:
        label: Its label.
        similarity: Cosine of the angle between its vector and that of the text, -1 to 1.
        text: Its text, of which at most 300 characters are shown.
        times: How often the same text stands with the same label among the rows compared with.
    """

    label: str
    similarity: float
    text: str
    times: int = 1


@dataclass(frozen=True)
class Neighbours:
    """The most similar training examples.

    Attributes:
        found: The most similar first, each text with a label once.
        compared: With how many rows the text was compared.
        drawn: With how many it is compared once all vectors are ready: at most 20,000.
        rows: How many rows the model was trained with.
        texts_by_label: How many different texts of each label it was compared with.
    """

    found: list[Neighbour]
    compared: int
    drawn: int
    rows: int
    texts_by_label: dict[str, int] = field(default_factory=dict)

    @classmethod
    def none(cls) -> Neighbours:
        """What is told of an empty text, which is compared with nothing."""
        return cls([], 0, 0, 0)


def require_count(count: Any) -> None:
    """Checks how many examples are asked for.

    Raises:
        InputValueError: It is no whole number from 1 to 20.
    """
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST_COUNT:
        raise InputValueError(
            f"The number of similar examples must be from 1 to {MOST_COUNT}. Received: {count}",
            where="examples",
            fix=f"Take {COUNT}.",
        )
