"""Dropout on TensorFlow from 16 random bits a number in place of 32, for the time of a training.

Where texts are long, a tenth of a training step on a processor goes into the random numbers of the dropout between
attention scores and values. Keras draws a float of 32 bits for each of them, which is twice what a decision needs.
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


@contextlib.contextmanager
def short_dropout(model: keras.Model) -> Iterator[None]:
    """Within it, every dropout of a model draws short numbers, also those inside other layers.

    It changes the class of the layers and changes it back, so that what is saved is a plain Keras model. XLA and other
    backends keep Keras's own.
    """
    layers = [
        each for each in model._flatten_layers() if type(each) is keras.layers.Dropout and each.noise_shape is None
    ]
    if keras.config.backend() != "tensorflow" or model.jit_compile:
        layers = []
    for layer in layers:
        layer.__class__ = ShortDropout
    try:
        yield
    finally:
        for layer in layers:
            layer.__class__ = keras.layers.Dropout
