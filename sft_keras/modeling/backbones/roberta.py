"""RoBERTa through KerasHub: BERT trained longer, with byte-level BPE."""

from __future__ import annotations

from sft_keras.modeling.backbones.base import FAMILIES
from sft_keras.modeling.hub import HubFamily, hub_preset


class Roberta(HubFamily):
    """`keras_hub.models.RobertaBackbone` (Liu et al. 2019)."""

    name = "roberta"
    hub_name = "Roberta"
    architectures = ("roberta", "RobertaBackbone")
    default_learning_rate = 2e-5  # the paper searches 1e-5 to 3e-5
    special_tokens = ("<s>", "</s>")
    embedding_layers = ("embeddings", "embeddings_layer_norm")
    presets = (
        hub_preset("roberta_base_en", 124_052_736, "English", "MIT"),
        hub_preset("roberta_large_en", 354_307_072, "English", "MIT"),
    )


FAMILIES.add("roberta", Roberta())
