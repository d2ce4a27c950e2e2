"""A fine-tuned model as the start of a further training: its backbone, its tokenizer, and the rows of its head."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sft_keras.config import ModelConfig
from sft_keras.data.labels import Labels
from sft_keras.errors import ArtifactError
from sft_keras.modeling.backbones.base import Backbone, Encoder
from sft_keras.preprocessing.tokenizer import TextTokenizer

if TYPE_CHECKING:
    from sft_keras.modeling.fine_tune_model import FineTuneModel

HEAD = "logits"


@dataclass(frozen=True, eq=False)
class StartingPoint:
    """What a further training takes over.

    Attributes:
        backbone: Family and place of the encoder. The place is the preset of the fine-tuned model if it has one.
        tokenizer: Its tokenizer, which is not learned again.
        labels: Its labels.
        head: Kernel [width, labels] and bias [labels], float32.
        encoder_weights: The weights of the encoder, in the order of `get_weights`; None if they come with the place.
        origin: What it was read from, for messages.
    """

    backbone: Backbone
    tokenizer: TextTokenizer
    labels: Labels
    head: tuple[np.ndarray, np.ndarray]
    encoder_weights: Sequence[np.ndarray] | None
    origin: str

    def labels_with(self, more: Iterable[str]) -> Labels:
        """The labels of both: those of the model stay, also where the new rows have none of them."""
        return Labels.of([*self.labels.names, *more])

    def config(self, config: ModelConfig) -> ModelConfig:
        """The settings with which the family builds an encoder of the same shape."""
        if self.encoder_weights is None:
            return config
        return self.backbone.family.shaped_like(config, self.encoder_weights)

    def load_encoder(self, encoder: Encoder) -> None:
        """Puts the weights into a new backbone.

        Raises:
            ArtifactError: The shapes differ.
        """
        if self.encoder_weights is not None:
            self._require_shapes(encoder.model.get_weights(), self.encoder_weights, "backbone")
            encoder.model.set_weights(self.encoder_weights)

    def load_head(self, model: FineTuneModel, labels: Labels) -> None:
        """Puts the rows of the head into a new model; those of labels that are new stay as they are.

        Raises:
            ArtifactError: The shapes differ.
        """
        head = model.get_layer(HEAD)
        kernel, bias = (np.array(value) for value in head.get_weights())
        self._require_shapes([kernel[:, :1]], [self.head[0][:, :1]], "head")
        places = labels.encode(self.labels.names)
        kernel[:, places], bias[places] = self.head
        head.set_weights([kernel, bias])

    def _require_shapes(self, expected: Sequence[np.ndarray], found: Sequence[np.ndarray], part: str) -> None:
        shapes = [[tuple(value.shape) for value in values] for values in (expected, found)]
        if shapes[0] != shapes[1]:
            raise ArtifactError(
                f"The {part} of the bundle does not fit the model that its settings describe.",
                where=self.origin,
                fix="Go on from it with the version of sft-keras that made it, or train anew.",
            )
