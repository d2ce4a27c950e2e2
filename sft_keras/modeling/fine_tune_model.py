"""The model behind `model.fit`: backbone, head, and an objective that it is handed.

It overrides `compute_loss`, which every Keras backend calls, and knows nothing of the terms in the objective.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from sft_keras.config import ModelConfig
from sft_keras.errors import ConfigError
from sft_keras.losses.objective import Objective
from sft_keras.modeling.backbones.base import Encoder
from sft_keras.modeling.heads import Pooling, classification_head


class FineTuneModel(keras.Model):
    """Backbone and head with outputs `logits` [batch, classes] and `features` [batch, width].

    The bundle keeps `inference_model`, a plain functional model; this class exists for training only and is
    never saved.

    Args:
        encoder: The backbone.
        objective: `L = L_task + Σ λ·L_sup`; its parts are tracked by name beside `loss`.
        num_classes: Number of labels.
        pooling: See `MaskedPooling`.
        head_dropout: Share of the pooled vector's units dropped while training.
        seed: Fixes the head's first weights.

    Attributes:
        accumulation_steps: Calls of `compute_loss` an update; set before the first.
    """

    def __init__(
        self,
        encoder: Encoder,
        objective: Objective,
        *,
        num_classes: int,
        pooling: Pooling,
        head_dropout: float,
        seed: int,
    ) -> None:
        inputs = {
            tensor.name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)
            for tensor in _flat(encoder)
        }
        sequence = encoder.model(dict(inputs))
        inputs.setdefault("padding_mask", keras.Input((None,), dtype="int32", name="padding_mask"))
        logits, features = classification_head(
            sequence,
            inputs["padding_mask"],
            pooling=pooling,
            dropout=head_dropout,
            num_classes=num_classes,
            seed=seed,
        )
        super().__init__(inputs=inputs, outputs={"logits": logits, "features": features}, name="fine_tune_model")
        self.input_order = tuple(inputs)
        self.objective = objective
        self.accumulation_steps = 1
        # Counts calls for the ramps of λ: an optimizer's own counter is out of reach in the loss on JAX.
        self.steps = keras.Variable(0, dtype="int32", trainable=False, aggregation="only_first_replica", name="steps")
        self.state_variables = [self.steps, *objective.variables]
        self.part_trackers = {name: keras.metrics.Mean(name=name) for name in objective.part_names}
        self.accuracy_tracker = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        self.macro_f1_tracker = keras.metrics.F1Score(average="macro", name="macro_f1")
        self.num_classes = num_classes
        # The F1 metric makes its state at its first update; a restored checkpoint needs it before.
        nothing = ops.zeros((1, num_classes))
        self.macro_f1_tracker.update_state(nothing, nothing)
        self.macro_f1_tracker.reset_state()

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The objective of one batch; `x` is not used, `y` holds class ids of shape [batch]."""
        del x
        values = self.objective(
            y,
            y_pred["logits"],
            y_pred["features"],
            sample_weight,
            iterations=ops.floor_divide(self.steps, self.accumulation_steps),
            training=training,
        )
        if training:
            self.steps.assign_add(1)
        for name, part in values.parts.items():
            self.part_trackers[name].update_state(part)
        return values.loss

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Accuracy and macro F1 of the logits, beside the parts of the loss; unweighted, as in the report."""
        del x, sample_weight
        self.accuracy_tracker.update_state(y, y_pred["logits"])
        self.macro_f1_tracker.update_state(ops.one_hot(y, self.num_classes), y_pred["logits"])
        result: dict[str, Any] = self.get_metrics_result()
        return result

    def inference_model(self) -> keras.Model:
        """A plain functional model with the same weights: inputs to float32 logits."""
        return keras.Model(self.input, self.output["logits"], name="classifier")


def _flat(encoder: Encoder) -> list[Any]:
    return list(keras.tree.flatten(encoder.model.input))


@dataclass(frozen=True)
class ParameterCounts:
    """How many weights are trained and how many are kept."""

    trainable: int
    frozen: int

    def __str__(self) -> str:
        return f"{self.trainable:,} trainable and {self.frozen:,} frozen parameters"


def freeze(encoder: Encoder, config: ModelConfig) -> None:
    """Applies `model.trainable` and `model.freeze_embeddings` to a backbone.

    Raises:
        ConfigError: `top:N` asks for more layers than there are.
    """
    if config.trainable == "head":
        encoder.model.trainable = False
        return
    if config.trainable.startswith("top:"):
        wanted = int(config.trainable.removeprefix("top:"))
        if wanted > len(encoder.blocks):
            raise ConfigError(
                f'The backbone has {len(encoder.blocks)} layers. Received: model.trainable="{config.trainable}"',
                where="model.trainable",
                fix=f"Use top:1 to top:{len(encoder.blocks)}, full or head.",
            )
        for layer in (*encoder.embeddings, *encoder.blocks[: len(encoder.blocks) - wanted]):
            layer.trainable = False
    if config.freeze_embeddings:
        for layer in encoder.embeddings:
            layer.trainable = False


def count_parameters(model: FineTuneModel) -> ParameterCounts:
    """Counts weights, leaving out metrics, random states and what the objective remembers."""
    state = {id(v) for v in model.state_variables}

    def total(variables: list[Any]) -> int:
        return sum(int(ops.size(v)) for v in variables if "seed_generator" not in v.path and id(v) not in state)

    return ParameterCounts(total(model.trainable_weights), total(model.non_trainable_weights))
