"""Adam and SGD on TensorFlow: Adam in one pass over memory, and without rows of an embedding that no training text has.

Keras computes Adam by fifteen operations a variable, each of which reads and writes all of it. TensorFlow has one
operation with the same formula, to the order of its terms.

A token that is in no training text never gets a gradient. Its moments stay zero, so that all that ever happens to its
row is weight decay, and that is one number for all such rows. So they need no moments, and are multiplied by the
product of what gathered only when somebody is about to look: `settle`. Nothing is approximated: rows of tokens that
are in some text are moved at every step, also by steps whose texts lack them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sft_keras.training.used_rows import UsedRows


class OnePassAdam:
    """Mixed into Keras's `Adam` or `AdamW`, before it; variables, state and settings are those of Keras.

    Set `used` before `build`, if there is such an embedding. Slots of that embedding have the shape [used, width].
    """

    used: UsedRows | None = None

    def build(self, variables: Sequence[Any]) -> None:
        """Makes the slots."""
        if self.built:
            return
        if self.used is not None and not any(v is self.used.variable for v in variables):
            self.used = None  # it is frozen
        super().build(variables)  # type: ignore[misc]
        if self.used is None:
            return
        table, rows = self.used.variable, self.used.rows
        places = np.full(table.shape[0], -1, np.int32)
        places[rows] = np.arange(len(rows), dtype=np.int32)
        self._rows, self._places = tf.constant(rows), tf.constant(places)
        self._unused = tf.constant(np.flatnonzero(places < 0).astype(np.int32))
        # What the unused rows are still to be multiplied by; it goes into checkpoints with the slots.
        self._owed = self.add_variable((), initializer="ones", dtype="float32", name="owed_decay")

    def add_variable_from_reference(self, reference_variable: Any, name: Any = None, initializer: Any = "zeros") -> Any:
        """A slot, for used rows only where only these are moved."""
        if self.used is None or reference_variable is not self.used.variable:
            return super().add_variable_from_reference(reference_variable, name=name, initializer=initializer)  # type: ignore[misc]
        shape = (len(self.used.rows), *reference_variable.shape[1:])
        return self.add_variable(shape, initializer, reference_variable.dtype, name=f"{reference_variable.name}_{name}")

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Moves the variables."""
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        grads = [self._of_used(grad, variable) for grad, variable in zip(grads, variables, strict=True)]
        super().apply(grads, trainable_variables)  # type: ignore[misc]

    def settle(self) -> None:
        """Gives the unused rows the weight decay that has gathered: before anything but a training step reads them."""
        if self.used is None or float(self._owed) == 1.0:
            return
        table = self.used.variable.value
        moved = tf.gather(table, self._unused) * tf.cast(self._owed.value, table.dtype)
        table.scatter_update(tf.IndexedSlices(moved, self._unused))
        self._owed.assign(1.0)

    def _of_used(self, grad: Any, variable: Any) -> Any:
        """The gradient as one dense tensor, of the used rows where only these are moved."""
        only = self.used is not None and variable is self.used.variable
        if isinstance(grad, tf.IndexedSlices):
            if not only:
                return tf.convert_to_tensor(grad)
            return tf.math.unsorted_segment_sum(grad.values, tf.gather(self._places, grad.indices), len(self._rows))
        return tf.gather(grad, self._rows) if only and grad is not None else grad

    def _clip_gradients(self, grads: Sequence[Any]) -> Sequence[Any]:
        most = self.global_clipnorm
        if not most:
            return super()._clip_gradients(grads)  # type: ignore[misc, no-any-return]
        norm = tf.sqrt(2.0 * tf.add_n([tf.nn.l2_loss(tf.cast(g, tf.float32)) for g in grads]))
        # A norm that is no finite number makes the scale none either, as in Keras.
        scale = most * tf.minimum(1.0 / norm, 1.0 / most) + (norm - norm)
        return [g * tf.cast(scale, g.dtype) for g in grads]

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        if self.weight_decay is None:
            return
        left = 1.0 - tf.cast(self.learning_rate, tf.float32) * float(self.weight_decay)
        for variable in variables:
            if not self._use_weight_decay(variable):
                continue
            table = variable.value
            factor = tf.cast(left, table.dtype)
            if self.used is not None and variable is self.used.variable:
                table.scatter_update(tf.IndexedSlices(tf.gather(table, self._rows) * factor, self._rows))
                self._owed.assign(self._owed.value * left)
            else:
                table.assign(table * factor)

    def _backend_update_step(
        self, grads: Sequence[Any], trainable_variables: Sequence[Any], learning_rate: Any
    ) -> None:
        step = keras.ops.cast(self.iterations + 1, "float32")
        powers = tf.pow(self.beta_1, step), tf.pow(self.beta_2, step)
        for grad, variable in zip(grads, trainable_variables, strict=True):
            place = self._get_variable_index(variable)
            slots = self._momentums[place].value, self._velocities[place].value
            if self.used is not None and variable is self.used.variable:
                self._move_used(variable, grad, slots, powers, learning_rate)
                continue
            kind = variable.value.dtype
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle,
                m=slots[0].handle,
                v=slots[1].handle,
                beta1_power=tf.cast(powers[0], kind),
                beta2_power=tf.cast(powers[1], kind),
                lr=tf.cast(learning_rate, kind),
                beta1=tf.constant(self.beta_1, kind),
                beta2=tf.constant(self.beta_2, kind),
                epsilon=tf.constant(self.epsilon, kind),
                grad=tf.cast(grad, kind),
            )

    def _move_used(
        self, variable: Any, grad: Any, slots: tuple[Any, Any], powers: tuple[Any, Any], learning_rate: Any
    ) -> None:
        """The same formula for some rows of an embedding: TensorFlow's own operation for it moves whole variables."""
        first, second = slots
        grad, rate = tf.cast(grad, first.dtype), tf.cast(learning_rate, tf.float32)
        alpha = tf.cast(rate * tf.sqrt(1 - powers[1]) / (1 - powers[0]), first.dtype)
        first.assign_add((grad - first) * (1 - self.beta_1))
        second.assign_add((tf.square(grad) - second) * (1 - self.beta_2))
        moved = first * alpha / (tf.sqrt(second) + self.epsilon)
        variable.value.scatter_sub(tf.IndexedSlices(moved, self._rows))

    # Keras's own, for what is mixed in here.
    built: bool
    beta_1: float
    beta_2: float
    epsilon: float
    global_clipnorm: float | None
    weight_decay: float | None
    iterations: Any
    learning_rate: Any
    add_variable: Any
    _trainable_variables: Any
    _momentums: Any
    _velocities: Any
    _get_variable_index: Any
    _use_weight_decay: Any


class OnePassAdamW(OnePassAdam, keras.optimizers.AdamW):
    """AdamW (Loshchilov and Hutter 2019)."""


class OnePassPlainAdam(OnePassAdam, keras.optimizers.Adam):
    """Adam (Kingma and Ba 2015)."""


class DirectSGD(keras.optimizers.SGD):
    """SGD without the way over `tf.distribute`, which keeps the graph of each step that was traced, and its model.

    The gradient of an embedding is one dense tensor here: Keras clips by the norm of its pieces, which is another one
    where a token stands in a batch more than once.
    """

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Moves the variables."""
        super().apply([None if grad is None else tf.convert_to_tensor(grad) for grad in grads], trainable_variables)

    def _backend_update_step(
        self, grads: Sequence[Any], trainable_variables: Sequence[Any], learning_rate: Any
    ) -> None:
        for grad, variable in zip(grads, trainable_variables, strict=True):
            self.update_step(grad, variable, learning_rate)
