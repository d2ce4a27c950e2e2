"""Text classification: exactly one of two or more labels for each text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.labels import Labels
from sft_keras.tasks.base import TASKS, Prediction, Task

if TYPE_CHECKING:
    from sft_keras.modeling.backbones.base import Backbone, Encoder
    from sft_keras.modeling.fine_tune_model import FineTuneModel


class Classification(Task):
    """One label a text."""

    name = "classification"
    takes_temperature = True

    def build_model(
        self,
        backbone: Backbone,
        encoder: Encoder,
        config: RunConfig,
        *,
        labels: Labels,
        targets: np.ndarray,
        steps_per_epoch: int,
    ) -> FineTuneModel:
        from sft_keras.losses.objective import Objective
        from sft_keras.modeling.fine_tune_model import FineTuneModel
        from sft_keras.modeling.heads import pooled_width

        pooling = backbone.pooling(config.model)
        objective = Objective(
            config.objective,
            num_classes=len(labels),
            feature_dim=pooled_width(pooling, int(encoder.model.output.shape[-1])),
            class_counts=np.bincount(targets, minlength=len(labels)),
            label_names=labels.names,
            steps_per_epoch=steps_per_epoch,
        )
        return FineTuneModel(
            encoder,
            objective,
            num_classes=len(labels),
            pooling=pooling,
            head_dropout=config.model.head_dropout,
            seed=config.training.seed,
        )

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        result: np.ndarray = exponentials / exponentials.sum(axis=1, keepdims=True)
        return result

    def decode(self, texts: Sequence[str], probabilities: np.ndarray, labels: Labels) -> list[Prediction]:
        best = probabilities.argmax(axis=1)
        return [
            Prediction(
                text=text,
                label=labels.names[index],
                confidence=float(row[index]),
                probabilities=dict(zip(labels.names, map(float, row), strict=True)),
            )
            for text, index, row in zip(texts, best, probabilities, strict=True)
        ]


TASKS.add("classification", Classification())
