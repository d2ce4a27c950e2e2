"""GPT-2 through KerasHub: a decoder that reads from left to right."""

from __future__ import annotations

from sft_keras.modeling.backbones.base import FAMILIES
from sft_keras.modeling.hub import HubFamily, hub_preset


class Gpt2(HubFamily):
    """`keras_hub.models.GPT2Backbone` (Radford et al. 2019).

    Only the last token has seen the whole text, so it is the pooled one: `<|endoftext|>`, which ends each text as the
    extract token of GPT-1 does. There is no token for padding; what fills a batch is masked and comes last.
    """

    name = "gpt2"
    hub_name = "GPT2"
    architectures = ("gpt2", "GPT2Backbone")
    default_pooling = "last"
    score_copies = 3.5
    default_learning_rate = 5e-5  # GPT-1 was fine-tuned with 6.25e-5; GPT-2's paper fine-tunes nothing
    special_tokens = ("<|endoftext|>", "<|endoftext|>")
    embedding_layers = ("token_embedding", "position_embedding")
    presets = (
        hub_preset("gpt2_base_en", 124_439_808, "English", "MIT (modified)"),
        hub_preset("gpt2_medium_en", 354_823_168, "English", "MIT (modified)"),
        hub_preset("gpt2_large_en", 774_030_080, "English", "MIT (modified)"),
        hub_preset("gpt2_extra_large_en", 1_557_611_200, "English", "MIT (modified)"),
    )


FAMILIES.add("gpt2", Gpt2())
