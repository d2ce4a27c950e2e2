"""Layers that do the same work as Keras's own with less, on TensorFlow and for the time of a training.

Where texts are long, scores of attention are most of what a step reads and writes. A tenth of a step goes into the
random numbers of the dropout behind them: Keras draws a float of 32 bits for each, twice what a decision needs.
Keras chooses twice, before and after the softmax, between each score and what a masked one becomes. And its gradient
goes back through dropout and softmax one by one, though what both together need is known from the result of attention.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
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
        return inputs * self.factors(inputs)

    def factors(self, inputs: Any) -> Any:
        """What each of the inputs is multiplied by: 0, or what keeps the mean; their shape and dtype."""
        import tensorflow as tf

        dropped = min(round(self.rate * LEVELS), LEVELS - 1)
        count = tf.size(inputs, tf.int64)
        seed = tf.cast(tf.convert_to_tensor(self.seed_generator.next()), tf.int64)
        key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
        words = tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=[(count + 1) // 2], key=key, counter=counter, alg=1, dtype=tf.uint32
        )
        bits = tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:count]
        kept, gone = (tf.constant(value, inputs.dtype) for value in (1 / (1 - dropped / LEVELS), 0.0))
        return tf.reshape(tf.where(bits >= tf.constant(dropped, tf.uint16), kept, gone), tf.shape(inputs))


class AddedMaskSoftmax(keras.layers.Softmax):
    """`keras.layers.Softmax` over one axis that adds its mask, which attention has once for all heads.

    The result is the same, to the bit, wherever something is left to look at; else Keras gives zeros.
    """

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The share of each score along the axis; zero where the mask is False."""
        return ops.softmax(self.masked(inputs, mask), axis=self.axis if isinstance(self.axis, int) else self.axis[0])

    def masked(self, inputs: Any, mask: Any) -> Any:
        """The scores, very low where the mask is False; a mask without an axis for heads holds for all of them."""
        if mask is None:
            return inputs
        lowest = -3e4 if keras.backend.standardize_dtype(inputs.dtype) == "float16" else -1e9
        return inputs + ops.where(ops.cast(mask, "bool"), *(ops.cast(v, inputs.dtype) for v in (0.0, lowest)))


class SparingAttention(keras.layers.MultiHeadAttention):
    """`keras.layers.MultiHeadAttention` with dropout, by products that leave the scores as they lie in memory."""

    def _compute_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        training: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if not training or any(args) or any(kwargs.values()):
            return super()._compute_attention(query, key, value, attention_mask, training, *args, **kwargs)
        query = query * ops.cast(self._inverse_sqrt_key_dim, query.dtype)
        mask = None if attention_mask is None else ops.expand_dims(attention_mask, 1)

        def shares_of(scores: Any) -> tuple[Any, Any]:
            scores = self._softmax.masked(scores, mask)
            return ops.softmax(scores), self._dropout_layer.factors(scores)

        def heads_first(projected: Any) -> Any:
            return ops.transpose(projected, (0, 2, 1, 3))

        result = _attend(heads_first(query), heads_first(key), heads_first(value), shares_of)
        return ops.transpose(result, (0, 2, 1, 3)), None


def _attend(query: Any, key: Any, value: Any, shares_of: Callable[[Any], tuple[Any, Any]]) -> Any:
    """What attention gives, with a gradient that goes back through dropout and softmax at once.

    With shares P, dropped shares D, values V and the result O = D V, the gradient of the scores is dD * D - (dO . O) P
    with dD = dO V^T, for the sum of dD * D along a row is dO . O: Dao et al. 2022 (arXiv:2205.14135), appendix B.2.

    Args:
        query: [batch, heads, from, size], scaled.
        key: [batch, heads, to, size].
        value: Likewise.
        shares_of: From scores [batch, heads, from, to] to shares and the factors of dropout, of the same shape.

    Returns:
        [batch, heads, from, size].
    """
    import tensorflow as tf
    from tensorflow.python.eager import record

    with record.stop_recording():
        shares, factors = shares_of(tf.matmul(query, key, transpose_b=True))
        dropped = shares * factors
        result = tf.matmul(dropped, value)

    def gradients(upstream: Any) -> tuple[Any, Any, Any]:
        own = tf.reduce_sum(upstream * result, -1, keepdims=True)
        of_scores = tf.matmul(upstream, value, transpose_b=True) * dropped - own * shares
        return (
            tf.matmul(of_scores, key),
            tf.matmul(of_scores, query, transpose_a=True),
            tf.matmul(dropped, upstream, transpose_a=True),
        )

    # Not `tf.custom_gradient`: it keeps the graph of each step that was traced, and so each model, for good.
    record.record_operation("SparingAttention", [result], [query, key, value], gradients)
    return result


def _quick_class(layer: keras.layers.Layer) -> type | None:
    """What does the work of a layer with less; None if nothing does."""
    if type(layer) is keras.layers.Dropout and layer.noise_shape is None:
        return ShortDropout
    if type(layer) is keras.layers.Softmax and (isinstance(layer.axis, int) or len(layer.axis) == 1):
        return AddedMaskSoftmax
    if type(layer) is keras.layers.MultiHeadAttention and layer.dropout and layer.attention_axes == (1,):
        return SparingAttention
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
