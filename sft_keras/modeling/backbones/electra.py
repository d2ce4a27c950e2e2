"""ELECTRA through KerasHub: pretrained to tell replaced tokens from real ones."""

from __future__ import annotations

from sft_keras.modeling.backbones.base import FAMILIES
from sft_keras.modeling.hub import HubFamily, hub_preset


class Electra(HubFamily):
    """`keras_hub.models.ElectraBackbone` (Clark et al. 2020); KerasHub reads no Hugging Face folder of it.

    The discriminators are listed, since they are what the paper fine-tunes; generators work by name too.
    """

    name = "electra"
    hub_name = "Electra"
    architectures = ("ElectraBackbone",)
    # The paper's 1e-4 (base) goes with a decay of the rate from layer to layer; without one, half of it is safe.
    default_learning_rate = 5e-5
    embedding_layers = (*HubFamily.embedding_layers, "embeddings_projection")
    presets = (
        hub_preset("electra_small_discriminator_uncased_en", 13_548_800, "English", "Apache-2.0"),
        hub_preset("electra_base_discriminator_uncased_en", 109_482_240, "English", "Apache-2.0"),
        hub_preset("electra_large_discriminator_uncased_en", 335_141_888, "English", "Apache-2.0"),
    )


FAMILIES.add("electra", Electra())
