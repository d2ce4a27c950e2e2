"""The whole loss `L = L_task + Σ_k λ_k·L_k`, with each part kept for its own tracker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from sft_keras.config import ObjectiveConfig
from sft_keras.losses.base import TERMS, LossTerm, Tensor, batch_mean
from sft_keras.losses.class_weights import class_weights
from sft_keras.losses.task import TaskLoss


class ObjectiveValues(NamedTuple):
    """The loss of a batch and what it is made of.

    Attributes:
        loss: What is minimised, float32 scalar; under `tf.distribute` divided by the number of replicas.
        parts: float32 [batch] for each name in `Objective.part_names`, already times the weights of the rows.
            Their plain means over the batch are the figures to track: mean(task_loss) + mean(sup_loss) = loss.
    """

    loss: Tensor
    parts: dict[str, Tensor]


class Objective:
    """Task loss plus weighted supervised terms, over the rows of a batch.

    The weight of a row applies to the task loss and to the terms; the weight of its class to the task loss
    only. A term with λ = 0 is not built, so that it cannot change the result by a single bit.

    Build it within the scope of the `tf.distribute` strategy, if there is one: terms may own variables.

    Args:
        config: The settings of the loss.
        num_classes: Number of classes.
        feature_dim: Width of the pooled features.
        class_counts: Rows of each class in the training part, int [num_classes].
        label_names: The label of each class, in the order of the class ids.
        steps_per_epoch: Optimizer steps in an epoch, for the ramp of λ.

    Raises:
        ConfigError: A term does not exist, or a class weight is given for an unknown label.
    """

    def __init__(
        self,
        config: ObjectiveConfig,
        *,
        num_classes: int,
        feature_dim: int,
        class_counts: np.ndarray,
        label_names: Sequence[str],
        steps_per_epoch: int,
    ) -> None:
        self.config = config
        self.steps_per_epoch = steps_per_epoch
        self.task_loss = TaskLoss(config)
        self.class_weights: np.ndarray | None = None
        if config.class_weights != "none":
            self.class_weights = class_weights(config.class_weights, class_counts, label_names)
        self.terms: tuple[LossTerm, ...] = tuple(
            TERMS.get(term.name)(term, num_classes, feature_dim, class_counts)
            for term in config.terms
            if term.value > 0
        )

    @property
    def part_names(self) -> tuple[str, ...]:
        """The keys of `ObjectiveValues.parts`, in order."""
        if not self.terms:
            return ("task_loss",)
        return ("task_loss", "sup_loss", *(f"{term.name}_loss" for term in self.terms))

    @property
    def variables(self) -> list[keras.Variable]:
        """The state of the terms, non-trainable. The model must hold this list as an attribute of its own."""
        return [variable for term in self.terms for variable in term.variables]

    def term_weight(self, term: LossTerm, iterations: Tensor | None) -> Tensor | float:
        """λ(t) = λ·min(1, t / (ramp_epochs·steps_per_epoch)).

        Args:
            term: One of `terms`.
            iterations: Optimizer steps taken so far, t; int scalar. None gives λ itself.

        Returns:
            float32 scalar.
        """
        ramp_steps = term.config.ramp_epochs * self.steps_per_epoch
        if ramp_steps == 0 or iterations is None:
            return term.config.value
        return term.config.value * ops.minimum(1.0, ops.cast(iterations, "float32") / ramp_steps)

    def __call__(
        self,
        labels: Tensor,
        logits: Tensor,
        features: Tensor,
        sample_weight: Tensor | None = None,
        *,
        iterations: Tensor | None = None,
        training: bool,
    ) -> ObjectiveValues:
        """The loss of a batch.

        Args:
            labels: Class ids, [batch] or [batch, 1], any number type that holds them exactly.
            logits: Scores of the classes, float [batch, num_classes].
            features: Pooled features that go into the head, float [batch, feature_dim].
            sample_weight: Weights of the rows, from 0 up, [batch]; 1 if None. See `LossTerm` for weight 0.
            iterations: Optimizer steps taken so far, for the ramp of λ; None outside training. On JAX a counter
                that the model owns: `optimizer.iterations` has no value within `compute_loss` there.
            training: Whether the state of terms may change.

        Returns:
            The loss and its parts.
        """
        labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
        logits = ops.cast(logits, "float32")
        features = ops.cast(features, "float32")
        if sample_weight is None:
            row_weights = ops.ones_like(labels, dtype="float32")
        else:
            row_weights = ops.cast(ops.reshape(sample_weight, (-1,)), "float32")

        task_weights = row_weights
        if self.class_weights is not None:
            task_weights = row_weights * ops.take(ops.convert_to_tensor(self.class_weights), labels, axis=0)
        parts = {"task_loss": task_weights * self.task_loss(labels, logits)}
        loss = batch_mean(parts["task_loss"])
        if not self.terms:
            return ObjectiveValues(loss, parts)

        parts["sup_loss"] = ops.zeros_like(row_weights)
        for term in self.terms:
            values = row_weights * term(labels, features, logits, row_weights, training)
            parts[f"{term.name}_loss"] = values
            parts["sup_loss"] = parts["sup_loss"] + self.term_weight(term, iterations) * values
        return ObjectiveValues(loss + batch_mean(parts["sup_loss"]), parts)
