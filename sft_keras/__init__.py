"""Supervised fine-tuning of text models with a combined loss, an honest evaluation, and a bundle to keep.

Example:
    >>> from sft_keras import fine_tune, load  # doctest: +SKIP
    >>> result = fine_tune("reviews.csv", out="runs/reviews")  # doctest: +SKIP
    >>> load("runs/reviews").predict(["A wonderful film."])[0].label  # doctest: +SKIP
    'positive'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sft_keras.api import fine_tune, load
    from sft_keras.estimator import SFTClassifier

__all__ = ["SFTClassifier", "fine_tune", "load"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The API is imported when it is used: the command line and its help do not wait for it."""
    if name == "SFTClassifier":
        from sft_keras.estimator import SFTClassifier

        return SFTClassifier
    if name in __all__:
        from sft_keras import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
