"""A run without Keras: rows, answers and vectors that a test plants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sft_keras.config import EvaluationConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.data.splits import Splits


class FakePredictor:
    """Answers by a function from a text to a class index, surely."""

    def __init__(self, answer: Callable[[str], int], labels: Labels) -> None:
        self.answer = answer
        self.labels = labels

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        found = np.full((len(texts), len(self.labels)), 0.1 / max(1, len(self.labels) - 1))
        for row, text in enumerate(texts):
            found[row, self.answer(text)] = 0.9
        return found


class FakeSubject:
    """As `sft_keras.diagnostics.subject.Subject`, with what is given."""

    def __init__(
        self,
        parts: dict[str, tuple[list[str], list[str]]],
        *,
        answer: Callable[[str], int] = lambda _: 0,
        quick: dict[str, np.ndarray] | None = None,
        features: dict[str, np.ndarray] | None = None,
        frozen: dict[str, np.ndarray] | None = None,
        groups: dict[str, dict[str, list[str]]] | None = None,
        seed: int = 0,
    ) -> None:
        examples = {
            name: Examples(texts, labels, None, np.arange(1, len(texts) + 1), "", (groups or {}).get(name, {}))
            for name, (texts, labels) in parts.items()
        }
        self.splits = Splits(examples["train"], examples.get("validation", examples["train"]), examples.get("test"))
        self.labels = Labels.of(label for _, labels in parts.values() for label in labels)
        self.predictor = FakePredictor(answer, self.labels)
        self.seed = seed
        self.facts: dict[str, Any] = {}
        self.known: Any = None
        self.training_rows = len(examples["train"])
        self.scored_before = 0
        self.config = SimpleNamespace(evaluation=EvaluationConfig(bootstrap_samples=200))
        self.quick_is_frozen = frozen is not None
        self._quick, self._features, self._frozen = quick or {}, features or {}, frozen or {}

    def rows(self, part: str) -> Examples:
        return self.splits.parts[part]

    def truth(self, part: str) -> np.ndarray:
        return self.labels.encode(self.rows(part).labels)

    def probabilities(self, part: str) -> np.ndarray:
        return self.predictor.probabilities(self.rows(part).texts)

    def quick(self, part: str) -> np.ndarray:
        return self._quick[part]

    @property
    def feature_predictor(self) -> Any:
        """Gives the planted vectors of a text of any part; texts must differ."""
        if self.known is not None:
            return self.known
        known = {
            text: vector
            for part, vectors in self._features.items()
            for text, vector in zip(self.rows(part).texts, vectors, strict=True)
        }
        return SimpleNamespace(outputs=lambda texts: np.stack([known[text] for text in texts]))

    def frozen(self, part: str) -> Any:
        return SimpleNamespace(layers=self._frozen[part]) if self._frozen else None

    def tell(self, fraction: float) -> None:
        assert 0 <= fraction <= 1

    def check(self) -> None:
        """Nobody asks to stop."""


@pytest.fixture
def subject() -> type[FakeSubject]:
    """Makes a run of what a test plants."""
    return FakeSubject
