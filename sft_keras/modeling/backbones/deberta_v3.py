"""DeBERTaV3 through KerasHub: attention over content and relative position apart."""

from __future__ import annotations

from typing import Any

from sft_keras.config import ModelConfig
from sft_keras.modeling.backbones.base import FAMILIES
from sft_keras.modeling.hub import HubFamily, as_one_layer, hub_preset


class DebertaV3(HubFamily):
    """`keras_hub.models.DebertaV3Backbone` (He et al. 2023); KerasHub reads no Hugging Face folder of it."""

    name = "deberta_v3"
    hub_name = "DebertaV3"
    architectures = ("DebertaV3Backbone",)
    score_copies = 8.0  # content and relative position, both ways
    default_learning_rate = 2e-5  # within what the paper searches for its base model
    embedding_layers = ("token_embedding", "embeddings_layer_norm", "rel_embedding")
    presets = (
        hub_preset("deberta_v3_extra_small_en", 70_682_112, "English", "MIT"),
        hub_preset("deberta_v3_small_en", 141_304_320, "English", "MIT"),
        hub_preset("deberta_v3_base_en", 183_831_552, "English", "MIT"),
        hub_preset("deberta_v3_large_en", 434_012_160, "English", "MIT"),
        hub_preset("deberta_v3_base_multi", 278_218_752, "100 languages", "MIT"),
    )

    def token_vectors(self, backbone: Any, config: ModelConfig) -> Any:
        del config
        # KerasHub's layer of relative positions does not build its own layer norm, so that a saved model of its
        # layers cannot be loaded. The backbone as a whole can: it is made again by its constructor.
        return as_one_layer(backbone)


FAMILIES.add("deberta_v3", DebertaV3())
