"""FNet through KerasHub: Fourier transforms in place of attention."""

from __future__ import annotations

from typing import Any

from sft_keras.config import ModelConfig
from sft_keras.modeling.backbones.base import FAMILIES
from sft_keras.modeling.hub import HubFamily, as_one_layer, hub_preset


class FNet(HubFamily):
    """`keras_hub.models.FNetBackbone` (Lee-Thorp et al. 2022).

    The transform mixes every position with every other, padding included, and there is no mask to leave it out.
    Each text is therefore filled to `model.max_length`, in training and in prediction alike.
    """

    name = "f_net"
    hub_name = "FNet"
    architectures = ("FNetBackbone",)
    default_learning_rate = 5e-5  # the upper end of the range (2e-5 to 5e-5) of BERT, whose size it has
    embedding_layers = (*HubFamily.embedding_layers, "embedding_projection")
    presets = (
        hub_preset("f_net_base_en", 82_861_056, "English", "Apache-2.0"),
        hub_preset("f_net_large_en", 236_945_408, "English", "Apache-2.0"),
    )

    def token_vectors(self, backbone: Any, config: ModelConfig) -> Any:
        return as_one_layer(super().token_vectors(backbone, config), config.max_length)


FAMILIES.add("f_net", FNet())
