"""DistilBERT through KerasHub: BERT with half the layers, taught by BERT."""

from __future__ import annotations

from sft_keras.modeling.backbones.base import FAMILIES
from sft_keras.modeling.hub import HubFamily, hub_preset


class DistilBert(HubFamily):
    """`keras_hub.models.DistilBertBackbone` (Sanh et al. 2019)."""

    name = "distil_bert"
    hub_name = "DistilBert"
    architectures = ("distilbert", "DistilBertBackbone")
    default_learning_rate = 5e-5  # the upper end of BERT's range (2e-5 to 5e-5): fewer layers bear more
    embedding_layers = ("token_and_position_embedding", "embeddings_layer_norm")
    presets = (
        hub_preset("distil_bert_base_en_uncased", 66_362_880, "English", "Apache-2.0"),
        hub_preset("distil_bert_base_en", 65_190_912, "English", "Apache-2.0"),
        hub_preset("distil_bert_base_multi", 134_734_080, "104 languages", "Apache-2.0"),
    )


FAMILIES.add("distil_bert", DistilBert())
