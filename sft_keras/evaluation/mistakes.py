"""The test texts that the model was surest of and got wrong: where wrong labels in the data show first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sft_keras.evaluation.metrics import check_rows

MOST_MISTAKES = 20


@dataclass(frozen=True)
class Mistake:
    """A test text with its true label, the label that it was given, and the probability of that."""

    text: str
    label: str
    predicted: str
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return asdict(self)


def confident_mistakes(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    texts: Sequence[str],
    names: Sequence[str],
    *,
    most: int = MOST_MISTAKES,
) -> tuple[Mistake, ...]:
    """The wrong answers, the most confident first.

    Args:
        labels: int [n], class indices.
        probabilities: float [n, classes].
        texts: The texts, [n].
        names: The names of the classes, by index.
        most: How many to give.
    """
    truth, scores = check_rows(labels, probabilities)
    predictions, confidence = scores.argmax(axis=1), scores.max(axis=1)
    wrong = np.flatnonzero(predictions != truth)
    order = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    return tuple(
        Mistake(texts[i], names[truth[i]], names[predictions[i]], float(confidence[i])) for i in order.tolist()
    )
