"""A bundle's exported graph put to work on texts, without Keras or TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np

from sft_keras.artifacts.bundle import EIGHT_BIT, GRAPH, Bundle
from sft_keras.artifacts.loading import load_graph_tokenizer
from sft_keras.artifacts.onnx_file import open_session, session_length, session_logits
from sft_keras.inference.base import TokenPredictor
from sft_keras.tasks.base import TASKS


class GraphPredictor(TokenPredictor):
    """Predicts labels for texts with ONNX Runtime; answers as `Predictor` does.

    Args:
        bundle: A checked bundle with a graph: see `has_graph`.
        batch_size: Texts a batch.
        eight_bit: Whether to take its copy in 8-bit integers: see `has_eight_bit`.
        alone: Whether this process does nothing else: see `open_session`.

    Raises:
        ArtifactError: Graph or tokenizer cannot be read, or must not be used.
    """

    def __init__(self, bundle: Bundle, *, batch_size: int = 32, eight_bit: bool = False, alone: bool = False) -> None:
        session = open_session(bundle.folder / (EIGHT_BIT if eight_bit else GRAPH), len(bundle.labels), alone=alone)
        super().__init__(
            load_graph_tokenizer(bundle),
            bundle.labels,
            TASKS.get(bundle.config.training.task),
            max_length=bundle.config.model.max_length,
            batch_size=batch_size,
            length=session_length(session),
            temperature=bundle.temperature,
        )
        self._session: Any = session

    def _of_batch(self, ids: list[np.ndarray]) -> np.ndarray:
        return session_logits(self._session, self._padded(ids))

    def close(self) -> None:
        """Frees the weights."""
        self._session = None
