"""How often these test rows were looked at: the best of several models looks better than it is.

If k models were equally good and their scores differed by the luck of the test rows alone, the best would lie above
their common accuracy by the expected maximum of k normal draws times the standard error of an accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.base import PARTS, Facts, Part
from sft_keras.diagnostics.blocks import Block, Sentence

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject


def examine(subject: Subject) -> Facts:
    """Counts the models that were scored on the same rows."""
    truth = subject.truth("test")
    accuracy = float((subject.probabilities("test").argmax(axis=1) == truth).mean())
    models = subject.scored_before + 1
    error = math.sqrt(accuracy * (1 - accuracy) / len(truth))
    return {"models": models, "rows": len(truth), "optimism": expected_maximum(models) * error}


def expected_maximum(draws: int) -> float:
    """The expected largest of so many draws from a standard normal distribution.

    Example:
        >>> round(expected_maximum(2), 4)
        0.5642
    """
    from scipy.integrate import quad
    from scipy.stats import norm

    if draws < 2:
        return 0.0
    return float(quad(lambda x: x * draws * norm.pdf(x) * norm.cdf(x) ** (draws - 1), -8, 8)[0])


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """How many models, and by how much the best of them may flatter."""
    if facts["models"] == 1:
        return [Sentence(words("peeking.first", rows=facts["rows"]), "good")]
    text = words("peeking.again", models=facts["models"], rows=facts["rows"], points=f"{100 * facts['optimism']:.1f}")
    return [Sentence(text, "warn" if facts["models"] >= 5 else "say"), Sentence(words("peeking.how"), "how")]


PARTS.add("peeking", Part(60, examine, present))
