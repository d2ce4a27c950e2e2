"""Gradients on whichever backend Keras runs, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np


def value_and_gradients(
    function: Callable[..., Any], *points: np.ndarray, dtype: str = "float32"
) -> tuple[np.ndarray, list[np.ndarray]]:
    """What a function of tensors gives, and the gradients of its sum; zeros where a point plays no part.

    State that the function assigns is kept on TensorFlow and torch and dropped on JAX, whose gradients are pure.
    """
    backend = keras.config.backend()
    tensors = [keras.ops.convert_to_tensor(point, dtype=dtype) for point in points]
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        gradients = tape.gradient(value, tensors, unconnected_gradients="zero")
    elif backend == "jax":
        import jax

        def summed(*inputs: Any) -> tuple[Any, Any]:
            with keras.StatelessScope():
                result = function(*inputs)
            return keras.ops.sum(result), result

        (_, value), gradients = jax.value_and_grad(summed, argnums=tuple(range(len(tensors))), has_aux=True)(*tensors)
    else:
        import torch

        tensors = [tensor.requires_grad_() for tensor in tensors]
        value = function(*tensors)
        unused = [None] * len(tensors)
        found = torch.autograd.grad(value.sum(), tensors, allow_unused=True) if value.requires_grad else unused
        gradients = [torch.zeros_like(at) if one is None else one for one, at in zip(found, tensors, strict=True)]
    return keras.ops.convert_to_numpy(value), [keras.ops.convert_to_numpy(gradient) for gradient in gradients]
