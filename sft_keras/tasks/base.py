"""What a task is: how labels become targets, which head and objective are trained, how outputs are read back."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.labels import Labels
from sft_keras.registry import Registry

if TYPE_CHECKING:
    from sft_keras.modeling.backbones.base import Backbone, Encoder
    from sft_keras.modeling.fine_tune_model import FineTuneModel


@dataclass(frozen=True)
class Prediction:
    """What a model says of one text.

    Attributes:
        text: The text as given.
        label: The most likely label, in the words of the person who labelled; empty for an empty text.
        confidence: Its probability, 0 to 1; 0 for an empty text.
        probabilities: Probability of each label; empty for an empty text.
    """

    text: str
    label: str
    confidence: float
    probabilities: dict[str, float]


class Task(abc.ABC):
    """One kind of learning from labelled text.

    Attributes:
        name: The task's name, that of its file.
        takes_temperature: Whether its probabilities are the softmax of its logits, so that these can be divided by a
            temperature.
    """

    name: str
    takes_temperature = False

    @abc.abstractmethod
    def build_model(
        self,
        backbone: Backbone,
        encoder: Encoder,
        config: RunConfig,
        *,
        labels: Labels,
        targets: np.ndarray,
        steps_per_epoch: int,
    ) -> FineTuneModel:
        """Composes backbone, head and objective for the training targets (int32, shape [rows])."""

    @abc.abstractmethod
    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities of shape [rows, classes] from logits of the same shape."""

    @abc.abstractmethod
    def decode(self, texts: Sequence[str], probabilities: np.ndarray, labels: Labels) -> list[Prediction]:
        """One prediction a text."""


TASKS: Registry[Task] = Registry("task", "sft_keras.tasks")
