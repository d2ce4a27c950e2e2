"""Names become backbones. What every family keeps is in `tests/contracts/`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sft_keras.config import ModelConfig
from sft_keras.errors import ConfigError
from sft_keras.modeling.backbones.base import FAMILIES, known_presets, presets_here, resolve_backbone
from sft_keras.modeling.backbones.lstm import read_word_vectors
from sft_keras.modeling.fine_tune_model import freeze
from sft_keras.modeling.hub import HubFamily
from sft_keras.preprocessing.batches import fixed_length, only, pad_batch

TEXTS = ["the film was great", "the plot was awful and boring", "味道很好"]


def test_every_family_registers_under_its_file_name() -> None:
    for name, family in FAMILIES.items():
        assert family.name == name
        assert family.presets
        assert 0 < family.default_learning_rate < 1


@pytest.mark.parametrize(("buckets", "width"), [(0, 2 * 4), (97, 6 + 2 * 4)])
def test_pairs_of_tokens_go_around_the_lstm_or_are_left_out(buckets: int, width: int) -> None:
    backbone = resolve_backbone("lstm")
    config = ModelConfig(lstm_units=4, lstm_embedding_dim=6, lstm_bigram_buckets=buckets)
    tokenizer = backbone.family.tokenizer(backbone.location, config, TEXTS)
    encoder = backbone.family.encoder(backbone.location, config, tokenizer, dtype="float32", seed=0)
    assert encoder.model.output.shape[-1] == width
    assert len(encoder.embeddings) == (2 if buckets else 1)


def test_frozen_embeddings(tiny_bert: Path) -> None:
    backbone = resolve_backbone(str(tiny_bert))
    config = ModelConfig(max_length=16, freeze_embeddings=True)
    tokenizer = backbone.family.tokenizer(backbone.location, config, TEXTS)
    encoder = backbone.family.encoder(backbone.location, config, tokenizer, dtype="float32", seed=0)
    freeze(encoder, config)
    assert not any(layer.trainable for layer in encoder.embeddings)
    assert all(block.trainable_variables for block in encoder.blocks)


def test_more_layers_than_there_are(tiny_bert: Path) -> None:
    backbone = resolve_backbone(str(tiny_bert))
    config = ModelConfig(max_length=16, trainable="top:9")
    tokenizer = backbone.family.tokenizer(backbone.location, config, TEXTS)
    encoder = backbone.family.encoder(backbone.location, config, tokenizer, dtype="float32", seed=0)
    with pytest.raises(ConfigError, match="2 layers"):
        freeze(encoder, config)


def test_texts_longer_than_the_backbone_reads(tiny_bert: Path) -> None:
    backbone = resolve_backbone(str(tiny_bert))
    config = ModelConfig(max_length=64)
    tokenizer = backbone.family.tokenizer(backbone.location, config, TEXTS)
    with pytest.raises(ConfigError, match="at most 32 tokens"):
        backbone.family.encoder(backbone.location, config, tokenizer, dtype="float32", seed=0)


def test_minilm_and_lstm_are_here() -> None:
    assert {"minilm", "lstm"} <= set(presets_here())
    assert known_presets()["minilm"][1].parameters == 22_713_216


def test_presets_are_those_of_keras_hub() -> None:
    import keras_hub

    for family, preset in known_presets().values():
        if isinstance(family, HubFamily):
            listed = getattr(keras_hub.models, f"{family.hub_name}Backbone").presets
            assert listed[preset.handle]["metadata"]["params"] == preset.parameters, preset.name


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("roberta_large_en", "roberta"),
        ("xlm_roberta_base_multi", "xlm_roberta"),
        ("bge_small_en_v1.5", None),
        ("bge_small_v1.5_en", "bert"),
        ("electra_small_generator_uncased_en", "electra"),
        ("llama3_8b_en", None),
    ],
)
def test_any_preset_of_keras_hub_is_known_to_its_own_family_alone(name: str, family: str | None) -> None:
    assert [each for each, entry in FAMILIES.items() if entry.knows(name)] == ([family] if family else [])


def test_albert_says_what_top_n_cannot_mean(tiny_backbone: Callable[[str], str]) -> None:
    backbone = resolve_backbone(tiny_backbone("albert"))
    config = ModelConfig(max_length=16, trainable="top:2")
    tokenizer = backbone.family.tokenizer(backbone.location, config, TEXTS)
    with pytest.raises(ConfigError, match="between its 2 layers"):
        backbone.family.encoder(backbone.location, config, tokenizer, dtype="float32", seed=0)


def test_f_net_declares_the_one_length_that_it_takes(tiny_backbone: Callable[[str], str]) -> None:
    """It mixes padding in: the same text in a shorter batch would give other vectors."""
    backbone = resolve_backbone(tiny_backbone("f_net"))
    config = ModelConfig(max_length=16)
    tokenizer = backbone.family.tokenizer(backbone.location, config, TEXTS)
    encoder = backbone.family.encoder(backbone.location, config, tokenizer, dtype="float32", seed=0)
    assert fixed_length(encoder.model) == 16
    inputs = only(pad_batch(tokenizer.encode(["the film"], 16), tokenizer.pad_id), list(encoder.model.input))
    with pytest.raises(ValueError, match="expected shape"):
        encoder.model(inputs)


def test_gpt2_pools_the_token_that_has_seen_the_whole_text(tiny_backbone: Callable[[str], str]) -> None:
    backbone = resolve_backbone(tiny_backbone("gpt2"))
    assert backbone.pooling(ModelConfig()) == "last"
    tokenizer = backbone.family.tokenizer(backbone.location, ModelConfig(), [])
    end = tokenizer.vocabulary["<|endoftext|>"]
    assert [row[-1] for row in tokenizer.encode([*TEXTS, ""], 8)] == [end] * 4


def test_minilm_has_its_pretrained_weights() -> None:
    """Sentences of like meaning lie nearer than others, which random weights do not give."""
    backbone = resolve_backbone("minilm")
    config = ModelConfig(max_length=32)
    tokenizer = backbone.family.tokenizer(backbone.location, config, [])
    encoder = backbone.family.encoder(backbone.location, config, tokenizer, dtype="float32", seed=0)
    texts = ["A man is eating food.", "Someone eats a meal.", "The stock market fell sharply."]
    inputs = pad_batch(tokenizer.encode(texts, 32), tokenizer.pad_id)
    vectors = np.asarray(encoder.model(only(inputs, list(encoder.model.input))))
    mask = inputs["padding_mask"][..., None]
    pooled = (vectors * mask).sum(1) / mask.sum(1)
    pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
    likeness = pooled @ pooled.T
    assert likeness[0, 1] > 0.5
    assert likeness[0, 2] < 0.3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("minilmm", 'Did you mean "minilm"'),
        ("./nowhere", "no backbone folder"),
        ("/etc/hostname", "no backbone folder"),
    ],
)
def test_names_that_are_none(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_backbone(name)
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [None, "not json", json.dumps({"model_type": "t5"}), "[]"])
def test_folders_that_are_no_preset(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.json|not supported|no preset"):
        resolve_backbone(str(tmp_path))


def test_word_vectors_are_found_by_token(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("3 2\nfilm 1.5 -2\nother 9 9\n, 0.5 0.25\n", encoding="utf-8")
    matrix = read_word_vectors(path, {"[PAD]": 0, "[UNK]": 1, "film": 2, "great": 3, ",": 4}, seed=0)
    assert matrix.shape == (5, 2)
    assert matrix[2].tolist() == [1.5, -2.0]
    assert matrix[4].tolist() == [0.5, 0.25]
    assert matrix[0].tolist() == [0.0, 0.0]
    assert 0 < np.abs(matrix[3]).max() < 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("film 1 2\ngreat 1\n", "line 2"),
        ("film 1 x\n", "line 1"),
        ("else 1 2\n", "no word"),
        ("film nan 1\n", "line 1"),
    ],
)
def test_bad_word_vectors_name_the_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_word_vectors(path, {"[PAD]": 0, "[UNK]": 1, "film": 2, "great": 3}, seed=0)
    assert message in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_word_vectors(tmp_path / "none.txt", {}, seed=0)
