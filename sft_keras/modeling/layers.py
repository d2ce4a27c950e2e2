"""The layers of a backbone as vectors of their own: some of them for the head, or all of them pooled.

The last layer of a pretrained model has specialised in what it was pretrained for; for other tasks the middle
carries more (Tenney et al. 2019, https://arxiv.org/abs/1905.05950; Liu et al. 2019, https://arxiv.org/abs/1903.08855).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import ops

from sft_keras.errors import ConfigError
from sft_keras.modeling.backbones.base import Encoder
from sft_keras.modeling.heads import MaskedPooling, Pooling


def hidden_states(encoder: Encoder) -> list[Any]:
    """The token vectors behind each layer, lowest first; symbolic, [batch, length, width].

    The last one is the backbone's output, which a final normalisation may set apart from its last block's. Blocks
    that share their weights stand several times in the graph and cannot be told apart: only the output is given.
    """
    # A block may lie within a backbone that is one layer of the graph; its output is then out of reach.
    within = {id(layer) for layer in encoder.model.layers}
    distinct = {id(block) for block in encoder.blocks}
    own: list[Any] = []
    if distinct <= within and len(distinct) == len(encoder.blocks):
        try:
            own = [block.output for block in encoder.blocks[:-1]]
        except (AttributeError, ValueError):  # called several times
            own = []
    width = encoder.model.output.shape[-1]
    if any(state.shape[-1] != width for state in own):
        own = []
    return [*own, encoder.model.output]


@dataclass(frozen=True)
class LayerChoice:
    """Which layers the head reads.

    Attributes:
        layers: Their numbers, counted from 1.
        side_by_side: Whether their vectors are joined; else their mean is taken.
    """

    layers: tuple[int, ...]
    side_by_side: bool = False


def parse_layers(pooled_layers: str, count: int) -> LayerChoice:
    """Reads "last", "4", "3-6" (the mean), "4+6" (side by side) or "upper".

    "upper" is up to four layers from the middle to the last, evenly spread, side by side.

    Raises:
        ConfigError: The backbone has fewer layers, or the numbers do not rise.

    Example:
        >>> parse_layers("3-6", 6).layers
        (3, 4, 5, 6)
    """
    if pooled_layers == "last":
        return LayerChoice((count,))
    if pooled_layers == "upper":
        middle = max(1, count // 2)
        spread = {round(middle + (count - middle) * step / 3) for step in range(4)}
        return LayerChoice(tuple(sorted(spread)), side_by_side=True)
    if "-" in pooled_layers:
        low, high = map(int, pooled_layers.split("-"))
        numbers = tuple(range(low, min(high, count + 1) + 1))
    else:
        numbers = tuple(map(int, pooled_layers.split("+")))
    if count == 1 and numbers != (1,):
        raise ConfigError(
            f'The layers of this backbone cannot be told apart. Received: model.pooled_layers="{pooled_layers}"',
            where="model.pooled_layers",
            fix="Use last.",
        )
    if not numbers or numbers[-1] > count or list(numbers) != sorted(set(numbers)):
        raise ConfigError(
            f'The backbone has layers 1 to {count}. Received: model.pooled_layers="{pooled_layers}"',
            where="model.pooled_layers",
            fix=f"Use last, a number up to {count}, or a range such as {max(1, count // 2)}-{count}.",
        )
    return LayerChoice(numbers, "+" in pooled_layers)


def with_layers(encoder: Encoder, pooled_layers: str) -> Encoder:
    """The backbone with the chosen layers as output; what lies above them is cut off.

    Raises:
        ConfigError: See `parse_layers`.
    """
    states = hidden_states(encoder)
    choice = parse_layers(pooled_layers, len(states))
    if choice.layers == (len(states),):
        return encoder
    chosen = [states[number - 1] for number in choice.layers]
    if len(chosen) == 1:
        output = chosen[0]
    elif choice.side_by_side:
        output = keras.layers.Concatenate(name="layers_side_by_side")(chosen)
    else:
        output = keras.layers.Average(name="mean_of_layers")(chosen)
    # Layers above are no part of the model any more, so that `top:N` counts from the last that is read.
    blocks = encoder.blocks[: choice.layers[-1]] if len(states) == len(encoder.blocks) else encoder.blocks
    return replace(encoder, model=keras.Model(encoder.model.input, output, name="backbone"), blocks=blocks)


def layer_vectors(encoder: Encoder, pooling: Pooling) -> keras.Model:
    """A model from the backbone's inputs and `padding_mask` to each layer pooled: [batch, layers, width]."""
    inputs = {tensor.name: tensor for tensor in keras.tree.flatten(encoder.model.input)}
    mask = inputs.setdefault("padding_mask", keras.Input((None,), dtype="int32", name="padding_mask"))
    pool = MaskedPooling(pooling)
    stacked = Stack()([pool(state, mask) for state in hidden_states(encoder)])
    return keras.Model(inputs, stacked, name="layer_vectors")


class Stack(keras.layers.Layer):
    """Vectors of shape [batch, width] side by side: [batch, vectors, width]."""

    def call(self, inputs: Any) -> Any:
        return ops.stack(inputs, axis=1)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        del args, kwargs
