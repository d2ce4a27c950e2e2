"""Layers that do the same work as Keras's own with less, on TensorFlow and for the time of a training.

Where texts are long, scores of attention are most of what a step reads and writes. A tenth of a step goes into the
random numbers of the dropout behind them: Keras draws a float of 32 bits for each, twice what a decision needs. And
Keras chooses twice, before and after the softmax, between each score and what a masked one becomes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

LEVELS = 2**16


class ShortDropout(keras.layers.Dropout):
    """`keras.layers.Dropout` whose rate is rounded to 1/65,536; the mean is kept exactly."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The inputs, of which some are zero and the others larger while training."""
        if not training or not self.rate:
            return inputs
        import tensorflow as tf

        dropped = min(round(self.rate * LEVELS), LEVELS - 1)
        shape = tf.shape(inputs)
        count = tf.size(inputs, tf.int64)
        seed = tf.cast(tf.convert_to_tensor(self.seed_generator.next()), tf.int64)
        key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
        words = tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=[(count + 1) // 2], key=key, counter=counter, alg=1, dtype=tf.uint32
        )
        bits = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:count], shape)
        keep = tf.cast(bits >= tf.constant(dropped, tf.uint16), inputs.dtype)
        return inputs * (keep * ops.cast(1 / (1 - dropped / LEVELS), inputs.dtype))


class AddedMaskSoftmax(keras.layers.Softmax):
    """`keras.layers.Softmax` over one axis that adds its mask, which attention has once for all heads.

    The result is the same, to the bit, wherever something is left to look at; else Keras gives zeros.
    """

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The share of each score along the axis; zero where the mask is False."""
        if mask is not None:
            lowest = -3e4 if keras.backend.standardize_dtype(inputs.dtype) == "float16" else -1e9
            inputs = inputs + ops.where(ops.cast(mask, "bool"), *(ops.cast(v, inputs.dtype) for v in (0.0, lowest)))
        return ops.softmax(inputs, axis=self.axis if isinstance(self.axis, int) else self.axis[0])


def _quick_class(layer: keras.layers.Layer) -> type | None:
    """What does the work of a layer with less; None if nothing does."""
    if type(layer) is keras.layers.Dropout and layer.noise_shape is None:
        return ShortDropout
    if type(layer) is keras.layers.Softmax and (isinstance(layer.axis, int) or len(layer.axis) == 1):
        return AddedMaskSoftmax
    return None


@contextlib.contextmanager
def quick_layers(model: keras.Model) -> Iterator[None]:
    """Within it, the layers of a model take the quicker way, also those inside other layers.

    It changes the class of the layers and changes it back, so that what is saved is a plain Keras model. XLA and other
    backends keep Keras's own.
    """
    plain: dict[Any, type] = {}
    if keras.config.backend() == "tensorflow" and not model.jit_compile:
        for layer in model._flatten_layers():
            if quick := _quick_class(layer):
                plain[layer], layer.__class__ = type(layer), quick
    try:
        yield
    finally:
        for layer, own in plain.items():
            layer.__class__ = own
