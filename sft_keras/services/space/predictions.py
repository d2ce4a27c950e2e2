"""Putting the model of a run to work, for its owner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sft_keras.services.space.base import OwnedFolder

if TYPE_CHECKING:
    from sft_keras.tasks.base import Prediction


@dataclass(frozen=True)
class WordWeight:
    """A piece of a text and what it does for a label.

    Attributes:
        text: A word, or the space or punctuation between words; all pieces together are the text.
        weight: How much the label's probability falls without it, -1 to 1; 0 for what is between words.
    """

    text: str
    weight: float


class PredictionSpace(OwnedFolder):
    """Predictions. All errors are `SftError`."""

    def predict(self, run: str, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text."""
        raise NotImplementedError

    def explain(self, run: str, text: str, label: str | None = None) -> list[WordWeight]:
        """Which words speak for a label (the predicted one if left out): each is left out in turn."""
        raise NotImplementedError

    def predict_file(
        self,
        run: str,
        path: Path,
        name: str,
        *,
        ending: str = ".csv",
        text_column: str | None = None,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> str:
        """Predicts each row of a file; returns the id of the result, which `result_file` finds."""
        raise NotImplementedError

    def result_file(self, result: str) -> tuple[Path, str]:
        """The file of a result, and the name to save it under."""
        raise NotImplementedError

    def bundle_zip(self, run: str) -> tuple[Path, str]:
        """The bundle as one zip file, made when it is first asked for, and the name to save it under."""
        raise NotImplementedError

    def onnx_file(self, run: str) -> tuple[Path, str]:
        """The exported graph, and the name to save it under."""
        raise NotImplementedError
