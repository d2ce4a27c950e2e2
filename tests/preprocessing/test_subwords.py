"""Ids of rebuilt tokenizers against KerasHub's own tokenizer and preprocessor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sft_keras.config import ModelConfig
from sft_keras.errors import ConfigError
from sft_keras.modeling.backbones.base import FAMILIES, Location, resolve_backbone
from sft_keras.modeling.hub import HubFamily
from sft_keras.preprocessing.subwords import byte_pair_tokenizer, sentencepiece_tokenizer
from sft_keras.preprocessing.tokenizer import TextTokenizer
from tests.tiny_presets import ALBERT_PIECES, DEBERTA_PIECES, byte_pairs, preset, sentencepiece_model, unigram_tokenizer

JOINED = "I ❤️ it 👍🏽 👨‍👩‍👧"
BREAKLESS = "ﬁ ﬂ ２０２６ ①½ \u3000wide\u00a0no-break"
TEXTS = [
    "The film was really great.",
    "Café naïve résumé Ångström",
    "A\u030angstro\u0308m, decomposed",
    JOINED,
    "很好吃，味道不错！かな カナ ｶﾅ 한국어",
    "  many   spaces \t tabs\n\nlines \r\n end  ",
    "",
    "   ",
    " \n ",
    BREAKLESS,
    "don't WON'T 3.14 $5,000 (a-b) a@b.cc http://x.y",
    "▁ a literal ▁▁ mark ▁",
    "zzzqqq ☃☄ unknown☃inside",
    "x" * 300,
]
HUB_NAMES = {name: family.hub_name for name, family in FAMILIES.items() if isinstance(family, HubFamily)}


def hub_ids(name: str, tokenizer: Any, text: str) -> list[int]:
    """What KerasHub's preprocessor makes of a text, padding left out."""
    import keras_hub

    makers = (f"{name}TextClassifierPreprocessor", f"{name}Preprocessor", "BertTextClassifierPreprocessor")
    maker = next(getattr(keras_hub.models, each) for each in makers if hasattr(keras_hub.models, each))
    made = maker(tokenizer, sequence_length=512)([text])
    ids = np.asarray(made["token_ids"])[0]
    mask = np.asarray(made["padding_mask"])[0] if "padding_mask" in made else ids != tokenizer.pad_token_id
    return [int(each) for each in ids[mask.astype(bool)]]


@pytest.mark.parametrize("family", sorted(HUB_NAMES))
def test_the_ids_of_a_preset_are_those_of_keras_hub(family: str, tiny_backbone: Callable[[str], str]) -> None:
    import keras_hub

    backbone = resolve_backbone(tiny_backbone(family))
    assert backbone.family.name == family
    tokenizer = backbone.family.tokenizer(backbone.location, ModelConfig(), [])
    hub = getattr(keras_hub.models, f"{HUB_NAMES[family]}Tokenizer").from_preset(backbone.location.handle)
    assert tokenizer.pad_id == hub.pad_token_id
    for text in TEXTS:
        # KerasHub's WordPiece splits at the joiners of an emoji, which BERT removes, and not at a no-break space,
        # where BERT does; ours follows BERT, see `test_tokenizer.py`.
        if tokenizer.kind != "WordPiece" or text not in (JOINED, BREAKLESS):
            assert tokenizer.encode([text], 512)[0].tolist() == hub_ids(HUB_NAMES[family], hub, text), text


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("DebertaV3", {**DEBERTA_PIECES, "normalization_rule_name": "nfkc"}),
        ("Albert", {**ALBERT_PIECES, "normalization_rule_name": "nmt_nfkc_cf"}),
        ("FNet", {**ALBERT_PIECES, "normalization_rule_name": "identity", "remove_extra_whitespaces": False}),
        ("Albert", {**ALBERT_PIECES, "add_dummy_prefix": False, "split_by_whitespace": False}),
        ("Albert", {**ALBERT_PIECES, "byte_fallback": True, "vocab_size": 600}),
    ],
)
def test_rules_of_sentencepiece(name: str, options: dict[str, Any]) -> None:
    hub = unigram_tokenizer(name, **options)
    tokenizer = sentencepiece_tokenizer(hub.proto, start="[CLS]", end="[SEP]", pad=hub.pad_token)
    for text in TEXTS:
        assert tokenizer.encode([text], 512)[0].tolist() == hub_ids(name, hub, text), text


@pytest.mark.parametrize("proto", [b"", b"rubbish", None])
def test_a_model_that_is_not_unigram_is_refused(proto: bytes | None) -> None:
    model = sentencepiece_model(model_type="bpe") if proto is None else proto
    with pytest.raises(ConfigError, match="Unigram"):
        sentencepiece_tokenizer(model, start="<s>", end="</s>", pad="<pad>")


def test_words_are_split_before_merging_as_in_pretraining() -> None:
    """The last space of a run belongs to the next word. KerasHub's eager tokenizer merges the spaces instead."""
    letters, _ = byte_pairs([])
    vocabulary = {token: i for i, token in enumerate([*sorted(letters, key=len)[:256], "ĠĠ", "Ġa", "<|endoftext|>"])}
    end = "<|endoftext|>"
    tokenizer = byte_pair_tokenizer(vocabulary, ["Ġ Ġ", "Ġ a"], start=end, end=end, special=[end], pad_id=0)
    expected = [vocabulary[token] for token in (end, "x", "Ġ", "Ġa", end)]
    assert tokenizer.encode(["x  a"], 8)[0].tolist() == expected


def test_cutting_keeps_both_special_tokens_and_saving_keeps_the_ids(tmp_path: Path) -> None:
    tokenizer = sentencepiece_tokenizer(sentencepiece_model(), start="<s>", end="</s>", pad="<pad>", fairseq_ids=True)
    assert tokenizer.pad_id == 1
    cut = tokenizer.encode([TEXTS[0]], 5)[0].tolist()
    assert (len(cut), cut[0], cut[-1]) == (5, 0, 2)
    tokenizer.save(tmp_path / "tokenizer.json")
    again = TextTokenizer.from_file(tmp_path / "tokenizer.json")
    assert again.pad_id == 1
    assert [a.tolist() for a in again.encode(TEXTS, 64)] == [a.tolist() for a in tokenizer.encode(TEXTS, 64)]


def test_a_published_file_is_preferred_and_gets_the_special_tokens_that_it_lacks(tmp_path: Path) -> None:
    """GPT-2's own tokenizer.json adds none; RoBERTa's names its padding `<pad>` without asking for any."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    for family, special, pad_id in (("gpt2", ["<|endoftext|>"], 0), ("roberta", ["<s>", "<pad>", "</s>"], 1)):
        vocabulary, merges = byte_pairs(special)
        published = Tokenizer(models.BPE(vocabulary, [tuple(merge.split(" ")) for merge in merges]))
        published.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        published.save(str(tmp_path / "tokenizer.json"))
        tokenizer = FAMILIES.get(family).tokenizer(Location("here", str(tmp_path)), ModelConfig(), [])
        ids = tokenizer.encode(["the film"], 16)[0].tolist()
        assert tokenizer.pad_id == pad_id
        assert [ids[0], *published.encode("the film").ids, ids[-1]] == ids
        assert (ids[0], ids[-1]) == (vocabulary[special[0]], vocabulary[special[-1]])


def test_a_bert_preset_may_bring_the_tokenizer_of_xlm_roberta(tmp_path: Path) -> None:
    """As `multilingual_e5_small` does."""
    hub = unigram_tokenizer("XLMRoberta")
    backbone = resolve_backbone(preset(tmp_path / "e5", "Bert", hub, num_heads=2))
    assert backbone.family.name == "bert"
    config = ModelConfig(max_length=16)
    tokenizer = backbone.family.tokenizer(backbone.location, config, [])
    for text in TEXTS:
        assert tokenizer.encode([text], 512)[0].tolist() == hub_ids("XLMRoberta", hub, text), text
    encoder = backbone.family.encoder(backbone.location, config, tokenizer, dtype="float32", seed=0)
    writer = backbone.family.preset_writer(encoder, tokenizer)
    assert writer is not None
    writer(tmp_path / "written")
    written = resolve_backbone(str(tmp_path / "written"))
    again = written.family.tokenizer(written.location, config, [])
    assert again.encode(TEXTS[:1], 64)[0].tolist() == tokenizer.encode(TEXTS[:1], 64)[0].tolist()
