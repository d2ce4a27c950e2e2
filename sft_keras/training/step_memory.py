"""How much memory a step takes, told before the first one: what would not fit is divided, and nothing is killed.

A layer keeps its activations for the gradient: copies of the scores of attention, whose size grows with the square of
the length, and copies of the token vectors. How many of each was measured (`benchmarks/step_memory.py`).
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import psutil

from sft_keras.backend import on_processor
from sft_keras.modeling.backbones.base import Backbone, Encoder
from sft_keras.modeling.fine_tune_model import FineTuneModel

# Token vectors that a layer keeps, with four times their width in its middle.
VECTOR_COPIES = 33
# Gradients, clipped and not, and what the update of the weights needs at once.
WEIGHT_COPIES = 5
# What is left to the system and to other programs.
SHARE = 0.8
GROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class StepMemory:
    """What a step needs.

    Attributes:
        fixed: Bytes of the process as it is, and of gradients and update.
        per_row: Bytes that each row adds.
    """

    fixed: int
    per_row: int

    def of(self, rows: int) -> int:
        """Bytes at the peak of a step on so many rows."""
        return self.fixed + rows * self.per_row


def step_memory(backbone: Backbone, encoder: Encoder, model: FineTuneModel, longest: int) -> StepMemory | None:
    """The memory of a training step in this process.

    Args:
        backbone: Where the encoder comes from; its family knows how many copies of the scores a layer keeps.
        encoder: The whole backbone; layers below the lowest that is trained keep nothing.
        model: The model that is trained, with its optimizer.
        longest: Tokens of the longest text.

    Returns:
        None where it is not known: on an accelerator, with another backend than TensorFlow, or without a transformer.
    """
    hub = encoder.hub_backbone
    if hub is None or keras.config.backend() != "tensorflow" or not on_processor():
        return None
    lowest = next((i for i, block in enumerate(encoder.blocks) if block.trainable_variables), len(encoder.blocks))
    layers = hub.num_layers * (len(encoder.blocks) - lowest) / max(1, len(encoder.blocks))
    scores = backbone.family.score_copies * getattr(hub, "num_heads", 0) * longest**2
    vectors = VECTOR_COPIES * hub.hidden_dim * longest
    weights = sum(4 * math.prod(weight.shape) for weight in model.trainable_variables)
    return StepMemory(
        psutil.Process().memory_info().rss + WEIGHT_COPIES * weights,
        round(layers * (scores + vectors) * _item_bytes(encoder)),
    )


def room() -> int:
    """Bytes that a training may take on this machine, or in this container."""
    limits = [psutil.virtual_memory().total]
    for path in GROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # "max"
            limits.append(int(path.read_text(encoding="ascii")))
    return round(SHARE * min(limits))


def _item_bytes(encoder: Encoder) -> int:
    policy: Any = encoder.hub_backbone.dtype_policy
    return 4 if policy.compute_dtype == "float32" else 2
