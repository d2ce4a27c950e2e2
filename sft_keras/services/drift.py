"""Whether the texts of a file differ from those that a model was made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sft_keras.tasks.base import Prediction


class Watching:
    """Hears of each prediction, and says at last what a person should know.

    Args:
        place: The folder of a run, or its bundle; of a bundle without the run there is nothing to compare with.
        names: The labels of the model, in order.
    """

    def __init__(self, place: Path, names: Sequence[str]) -> None:
        from sft_keras.runs.reference import watch_of

        self._names = tuple(names)
        self._watch = watch_of(place, names)

    def hear(self, prediction: Prediction) -> None:
        """A prediction."""
        if self._watch is not None:
            self._watch.add(prediction.text, prediction.label, prediction.confidence)

    def facts(self) -> dict[str, Any] | None:
        """How the texts differ, as JSON types; None where that cannot be told."""
        drift = self._watch.result() if self._watch is not None else None
        return None if drift is None else {**asdict(drift), "names": list(self._names)}

    def told(self, language: str) -> str:
        """One sentence of texts that differ; "" otherwise."""
        return told_drift(self.facts(), language)


def told_drift(facts: Any, language: str) -> str:
    """The sentence about facts that were kept; "" if they are damaged, or there is nothing to say.

    Args:
        facts: See `Watching.facts`.
        language: "en" or "zh".
    """
    from sft_keras.evaluation.catalogue import catalogue
    from sft_keras.evaluation.drift import Change, Drift, drift_sentence

    try:
        drift = Drift(int(facts["rows"]), tuple(Change(**each) for each in facts["changes"]))
        return drift_sentence(drift, [str(name) for name in facts["names"]], catalogue(language))
    except (KeyError, TypeError, ValueError, IndexError):
        return ""
