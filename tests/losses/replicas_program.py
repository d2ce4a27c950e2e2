"""Trains one tiny model on one and on two replicas and prints both as JSON; run by `test_replicas.py`.

A program of its own, because the logical devices must exist before TensorFlow starts.
"""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sft_keras.config import ObjectiveConfig, TermConfig
from sft_keras.losses.objective import Objective
from sft_keras.losses.terms.center import Center
from tests.losses import reference

CLASSES, DIM, HALF, STEPS = 3, 5, 6, 3


class TinyModel(keras.Model):
    """A model with features and logits, trained by an objective."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.objective = objective
        self.objective_variables = objective.variables
        self.body = keras.layers.Dense(DIM, activation="tanh")
        self.head = keras.layers.Dense(CLASSES)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.body.build(input_shape)
        self.head.build((None, DIM))
        self.built = True

    def call(self, inputs: Any) -> Any:
        features = self.body(inputs)
        return {"logits": self.head(features), "features": features}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):  # type: ignore[no-untyped-def]  # noqa: ARG002
        return self.objective(
            y,
            y_pred["logits"],
            y_pred["features"],
            sample_weight,
            iterations=self.optimizer.iterations,
            training=training,
        ).loss


def train(settings: dict[str, Any], rows: list[np.ndarray], batch_size: int, replicas: int) -> dict[str, Any]:
    """The weights, the state of the terms and the last loss after `STEPS` steps of SGD."""
    devices = [f"CPU:{i}" for i in range(replicas)]
    strategy = tf.distribute.MirroredStrategy(devices) if replicas > 1 else tf.distribute.get_strategy()
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = tf.data.Dataset.from_tensor_slices(tuple(rows)).batch(batch_size).with_options(options)
    with strategy.scope():
        keras.utils.set_random_seed(0)
        objective = Objective(
            ObjectiveConfig(**settings),
            num_classes=CLASSES,
            feature_dim=DIM,
            class_counts=np.array([30, 10, 2]),
            label_names=["a", "b", "c"],
            steps_per_epoch=2,
        )
        model = TinyModel(objective)
        model.compile(optimizer=keras.optimizers.SGD(0.5))
        model.build((None, 4))
    start = np.concatenate([variable.numpy().ravel() for variable in model.trainable_variables])
    history = model.fit(dataset, epochs=1, verbose=0)
    end = np.concatenate([variable.numpy().ravel() for variable in model.trainable_variables])
    state = [variable.numpy().ravel().tolist() for variable in objective.variables]
    return {"change": (end - start).tolist(), "state": state, "loss": history.history["loss"][-1]}


def draw(rows: int, seed: int) -> list[np.ndarray]:
    """Inputs, labels and weights of the rows of one batch; each class has two members at least."""
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.repeat(np.arange(CLASSES), 2), random.integers(CLASSES, size=rows - 2 * CLASSES)])
    weights = random.choice([0.0, 0.5, 1.0, 2.0], size=rows)
    return [random.normal(size=(rows, 4)).astype("float32"), labels.astype("int32"), weights.astype("float32")]


def centers_after_different_halves() -> list[list[float]]:
    """The centers that two replicas agree on when each sees rows of its own, and those expected by the formula."""
    random = np.random.default_rng(5)
    features = random.normal(size=(2, HALF, DIM)).astype("float32")
    labels = random.integers(CLASSES, size=(2, HALF)).astype("int32")
    start = random.normal(size=(CLASSES, DIM)).astype("float32")
    ones = np.ones(HALF, "float32")
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        term = Center(TermConfig(name="center", center_rate=0.4), CLASSES, DIM, np.ones(CLASSES, int))
        term.centers.assign(start)

    def step() -> tf.Tensor:
        mine = tf.distribute.get_replica_context().replica_id_in_sync_group
        return term(tf.gather(labels, mine), tf.gather(features, mine), tf.zeros([HALF, CLASSES]), ones, training=True)

    tf.function(lambda: strategy.run(step))()
    moved = [reference.moved_centers(labels[i], features[i], ones, start, 0.4) for i in range(2)]
    return [term.centers.numpy().ravel().tolist(), np.mean(moved, axis=0).ravel().tolist()]


def main() -> None:
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    batches = [draw(2 * HALF, seed) for seed in range(STEPS)]
    whole = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
    halves = [draw(HALF, seed) for seed in range(STEPS)]
    single = [np.concatenate(parts) for parts in zip(*halves, strict=True)]
    doubled = [np.concatenate([part for part in parts for _ in range(2)]) for parts in zip(*halves, strict=True)]

    row_wise = {
        "class_weights": "balanced",
        "label_smoothing": 0.1,
        "terms": (TermConfig(name="class_balanced", weight=0.5, ramp_epochs=1),),
    }
    results = {
        "row-wise": [train(row_wise, whole, 2 * HALF, 1), train(row_wise, whole, 2 * HALF, 2)],
    }
    for name in ("supcon", "prototype", "center"):
        batch_wise = {"terms": (TermConfig(name=name, weight=0.5, ramp_epochs=1),)}
        results[name] = [train(batch_wise, single, HALF, 1), train(batch_wise, doubled, 2 * HALF, 2)]
    print(json.dumps({"trained": results, "centers": centers_after_different_halves()}))


if __name__ == "__main__":
    main()
