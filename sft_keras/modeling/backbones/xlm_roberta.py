"""XLM-RoBERTa and its like (BGE-M3, E5) through KerasHub: RoBERTa in a hundred languages."""

from __future__ import annotations

from sft_keras.modeling.backbones.base import FAMILIES
from sft_keras.modeling.hub import HubFamily, hub_preset


class XlmRoberta(HubFamily):
    """`keras_hub.models.XLMRobertaBackbone` (Conneau et al. 2020)."""

    name = "xlm_roberta"
    hub_name = "XLMRoberta"
    architectures = ("xlm-roberta", "XLMRobertaBackbone")
    default_learning_rate = 2e-5  # as RoBERTa: the same architecture
    special_tokens = ("<s>", "</s>")
    embedding_layers = ("embeddings", "embeddings_layer_norm")
    presets = (
        hub_preset("xlm_roberta_base_multi", 277_450_752, "100 languages", "MIT"),
        hub_preset("xlm_roberta_large_multi", 558_837_760, "100 languages", "MIT"),
        hub_preset("multilingual_e5_base", 277_450_752, "100 languages", "MIT"),
        hub_preset("multilingual_e5_large", 558_837_760, "100 languages", "MIT"),
        hub_preset("bge_m3", 566_702_080, "100 languages", "MIT"),
    )


FAMILIES.add("xlm_roberta", XlmRoberta())
