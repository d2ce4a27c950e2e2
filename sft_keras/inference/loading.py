"""A bundle as a predictor that computes in this process."""

from __future__ import annotations

from pathlib import Path

from sft_keras.artifacts.bundle import Bundle, read_bundle
from sft_keras.artifacts.loading import load_model, load_tokenizer
from sft_keras.backend import load_backend
from sft_keras.inference.base import TextPredictor
from sft_keras.inference.predictor import Predictor
from sft_keras.tasks.base import TASKS


def quickest_predictor(bundle: Path | Bundle) -> TextPredictor:
    """A bundle's graph, which starts in a second and needs no Keras; its Keras model if it has none.

    Args:
        bundle: The bundle, or the folder of its run.

    Raises:
        ArtifactError: The bundle is missing, damaged, or from a newer version.
    """
    checked = bundle if isinstance(bundle, Bundle) else read_bundle(bundle)
    if checked.has_graph:
        from sft_keras.inference.graph import GraphPredictor

        return GraphPredictor(checked)
    return load_predictor(checked)


def load_predictor(bundle: Path | Bundle) -> Predictor:
    """Loads a bundle's Keras model.

    Args:
        bundle: The bundle, or the folder of its run.

    Raises:
        ArtifactError: The bundle is missing, damaged, or from a newer version.
    """
    checked = bundle if isinstance(bundle, Bundle) else read_bundle(bundle)
    load_backend()
    model = load_model(checked)
    return Predictor(
        model,
        load_tokenizer(checked, model),
        checked.labels,
        TASKS.get(checked.config.training.task),
        max_length=checked.config.model.max_length,
        temperature=checked.temperature,
    )
