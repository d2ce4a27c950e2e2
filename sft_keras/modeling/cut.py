"""A backbone cut in two where training begins: what stands still below, what is trained above."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from sft_keras.modeling.backbones.base import Encoder
from sft_keras.modeling.layers import hidden_states

STATES = "hidden_states"  # the input of the upper part
LARGEST_DIFFERENCE = 1e-3  # of normalised vectors, whose values are about 1; padding that is read differs by far more


@dataclass(frozen=True)
class Cut:
    """The two parts; one after the other they are the backbone, but for dropout below, which there is none of.

    Attributes:
        below: From the backbone's inputs to token vectors [batch, length, width].
        above: From those, as `hidden_states`, and `padding_mask` to the backbone's output.
        blocks: How many blocks lie below.
    """

    below: keras.Model
    above: Encoder
    blocks: int


def cut_below(encoder: Encoder, sample: dict[str, np.ndarray]) -> Cut | None:
    """Cuts below the lowest block that is trained.

    Args:
        encoder: The backbone, after `freeze` and `add_lora`.
        sample: A batch of texts of different lengths, by the names of the inputs, to compare the two ways on.

    Returns:
        None if nothing lies below, if the layers cannot be told apart, or if something above reads more than the
        states of the block below: a lower layer, or the padding.
    """
    frozen = next((i for i, block in enumerate(encoder.blocks) if block.trainable_variables), 0)
    states = hidden_states(encoder)
    if not frozen or len(states) != len(encoder.blocks):
        return None
    inputs = {tensor.name: tensor for tensor in keras.tree.flatten(encoder.model.input)}
    state = states[frozen - 1]
    below = keras.Model(inputs, state, name="frozen_layers")
    if below.trainable_variables:
        return None
    read = {name: tensor for name, tensor in inputs.items() if name == "padding_mask"}
    try:
        core = keras.Model([state, *read.values()], encoder.model.output, name="trained_layers")
    except ValueError:  # Keras: the output is not connected to these inputs
        return None
    fresh = {STATES: keras.Input(state.shape[1:], dtype="float32", name=STATES)}
    fresh |= {name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name) for name, tensor in read.items()}
    above = keras.Model(fresh, core(list(fresh.values())), name="backbone")
    if not _agree(encoder.model, below, above, sample):
        return None
    return Cut(
        below,
        replace(encoder, model=above, embeddings=(), blocks=encoder.blocks[frozen:], token_embedding=None),
        frozen,
    )


def _agree(whole: keras.Model, below: keras.Model, above: keras.Model, sample: dict[str, np.ndarray]) -> bool:
    """Whether both ways give the same vectors of real tokens, where vectors of padding are zeros between the parts."""

    def called(model: keras.Model, given: dict[str, Any]) -> np.ndarray:
        names = [tensor.name for tensor in keras.tree.flatten(model.input)]
        result = model({name: given[name] for name in names}, training=False)
        return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(result, "float32")))

    real = sample["padding_mask"][..., None].astype(np.float32)
    expected = called(whole, sample)
    given = called(above, {**sample, STATES: called(below, sample) * real})
    return bool(
        np.max(np.abs(expected - given) * real) <= LARGEST_DIFFERENCE * max(1.0, np.max(np.abs(expected * real)))
    )
