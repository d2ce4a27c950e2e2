"""A bundle as a predictor that computes in this process."""

from __future__ import annotations

from pathlib import Path

from sft_keras.artifacts.bundle import Bundle, read_bundle
from sft_keras.artifacts.loading import load_model, load_tokenizer
from sft_keras.backend import load_backend
from sft_keras.errors import ArtifactError, one_line
from sft_keras.inference.base import TextPredictor
from sft_keras.inference.predictor import Predictor
from sft_keras.tasks.base import TASKS


def quickest_predictor(bundle: Path | Bundle, *, eight_bit: bool = False, alone: bool = False) -> TextPredictor:
    """A bundle's graph, which starts in a second and needs no Keras; its Keras model if it has none.

    Args:
        bundle: The bundle, or the folder of its run.
        eight_bit: Whether to take the copy in 8-bit integers.
        alone: Whether this process does nothing else, nor a training beside it: see `open_session`.

    Raises:
        ArtifactError: The bundle is missing, damaged, or from a newer version, or has no such copy.
    """
    checked = bundle if isinstance(bundle, Bundle) else read_bundle(bundle)
    if eight_bit and not checked.has_eight_bit:
        told = checked.information.get("exports")
        told = told.get("onnx_int8") if isinstance(told, dict) else None
        reason = one_line(str(told.get("reason", "")))[:300] if isinstance(told, dict) else ""
        raise ArtifactError(
            f"The bundle has no copy in 8-bit integers{f': {reason}' if reason else ''}.",
            where=str(checked.folder),
            fix="Leave out --int8.",
        )
    if eight_bit or checked.has_graph:
        from sft_keras.inference.graph import GraphPredictor

        return GraphPredictor(checked, eight_bit=eight_bit, alone=alone)
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
