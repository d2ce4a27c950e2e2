"""LoRA (Hu et al. 2021): low-rank factors beside the attention's projections, trained in place of the backbone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from sft_keras.errors import ConfigError
from sft_keras.modeling.backbones.base import Encoder

# Keras's and KerasHub's names of the projections to queries and values, the two that the paper adapts (section 7.1).
TARGETS = ("query", "value", "query_dense", "value_dense", "query_projector", "value_projector")


def add_lora(encoder: Encoder, rank: int, *, seed: int) -> None:
    """Freezes a backbone and puts factors into the blocks that are trained so far.

    The product of the factors starts at zero, so the first outputs are those of the backbone; it is added unscaled
    (α equals the rank).

    Args:
        encoder: The backbone, after `freeze`.
        rank: Inner width of the factors.
        seed: Fixes the first values of the factors.

    Raises:
        ConfigError: The backbone has no attention.
    """
    targets = [
        layer
        for block in encoder.blocks
        for layer in block._flatten_layers()
        if layer.name in TARGETS and layer.trainable and hasattr(layer, "enable_lora")
    ]
    if not targets:
        raise ConfigError(
            f"This backbone has no attention to add LoRA to. Received: model.lora_rank={rank}",
            where="model.lora_rank",
            fix="Leave it empty, or take a backbone with attention, such as minilm.",
        )
    # Variable by variable: a layer that is not trainable hides the factors within it.
    for variable in encoder.model.trainable_variables:
        variable.trainable = False
    for index, layer in enumerate(targets):
        layer.enable_lora(rank, a_initializer=keras.initializers.HeUniform(seed=seed + index))


def merged_weights(model: keras.Model) -> list[np.ndarray]:
    """The weights of the same model without LoRA, the factors multiplied out and added to their kernels.

    In 32-bit, as the variables are: `layer.kernel` comes in the number format that the layer computes in.
    """
    kernels: dict[int, Any] = {}
    factors: set[int] = set()
    for layer in _with_lora(model):
        factor = keras.ops.matmul(layer.lora_kernel_a.value, layer.lora_kernel_b.value)
        kernels[id(layer._kernel)] = layer._kernel.value + (layer.lora_alpha / layer.lora_rank) * factor
        factors |= {id(layer.lora_kernel_a), id(layer.lora_kernel_b)}
    return [
        keras.ops.convert_to_numpy(kernels.get(id(variable), variable))
        for variable in model.weights
        if id(variable) not in factors
    ]


def _with_lora(model: keras.Model) -> Iterator[Any]:
    return (layer for layer in model._flatten_layers() if getattr(layer, "lora_enabled", False))
