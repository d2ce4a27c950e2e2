"""ALBERT through KerasHub: one block that is used at every layer, so that it is small on disk, not quick."""

from __future__ import annotations

from typing import Any

from sft_keras.config import ModelConfig
from sft_keras.errors import ConfigError
from sft_keras.modeling.backbones.base import FAMILIES
from sft_keras.modeling.hub import HubFamily, hub_preset


class Albert(HubFamily):
    """`keras_hub.models.AlbertBackbone` (Lan et al. 2020); `top:1` trains the shared block, in all layers at once."""

    name = "albert"
    hub_name = "Albert"
    architectures = ("albert", "AlbertBackbone")
    default_learning_rate = 2e-5  # the paper's own for most tasks is 1e-5 to 3e-5; a shared block moves all layers
    embedding_layers = (*HubFamily.embedding_layers, "embedding_projection")
    presets = (
        hub_preset("albert_base_en_uncased", 11_683_584, "English", "Apache-2.0"),
        hub_preset("albert_large_en_uncased", 17_683_968, "English", "Apache-2.0"),
        hub_preset("albert_extra_large_en_uncased", 58_724_864, "English", "Apache-2.0"),
        hub_preset("albert_extra_extra_large_en_uncased", 222_595_584, "English", "Apache-2.0"),
    )

    def blocks(self, backbone: Any, config: ModelConfig) -> tuple[Any, ...]:
        """The blocks with weights of their own; all published models have one.

        Raises:
            ConfigError: `top:N` asks for more.
        """
        blocks = tuple(block for group in backbone.transformer_layers for block in group)
        if config.trainable.startswith("top:") and int(config.trainable.removeprefix("top:")) > len(blocks):
            raise ConfigError(
                f"ALBERT shares the weights of {len(blocks)} block(s) between its {backbone.num_layers} layers, "
                f'so the last layers cannot be trained alone. Received: model.trainable="{config.trainable}"',
                where="model.trainable",
                fix=f"Use top:{len(blocks)} (all layers, embeddings frozen), full or head.",
            )
        return blocks


FAMILIES.add("albert", Albert())
