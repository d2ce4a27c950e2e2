"""Layers of a backbone: which are named, what they give, and what a name that does not fit is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sft_keras.backend import load_backend
from sft_keras.config import ModelConfig
from sft_keras.errors import ConfigError
from sft_keras.modeling.backbones.base import Encoder, resolve_backbone


@pytest.fixture(scope="module")
def encoder(tiny_bert: Path) -> Encoder:
    load_backend()
    backbone = resolve_backbone(str(tiny_bert))
    config = ModelConfig(trainable="head", max_length=16)
    tokenizer = backbone.family.tokenizer(backbone.location, config, [])
    return backbone.family.encoder(backbone.location, config, tokenizer, dtype="float32", seed=0)


def outputs(encoder: Encoder) -> np.ndarray:
    ids = np.asarray([[2, 5, 6, 7, 3], [2, 8, 3, 0, 0]], dtype=np.int32)
    inputs = {"token_ids": ids, "segment_ids": np.zeros_like(ids), "padding_mask": (ids > 0).astype(np.int32)}
    return np.asarray(encoder.model.predict_on_batch(inputs))


@pytest.mark.parametrize(
    ("written", "count", "layers", "side_by_side"),
    [
        ("last", 6, (6,), False),
        ("4", 6, (4,), False),
        ("3-6", 6, (3, 4, 5, 6), False),
        ("2+6", 6, (2, 6), True),
        ("upper", 6, (3, 4, 5, 6), True),
        ("upper", 12, (6, 8, 10, 12), True),
        ("upper", 1, (1,), True),
    ],
)
def test_names_of_layers(written: str, count: int, layers: tuple[int, ...], side_by_side: bool) -> None:
    from sft_keras.modeling.layers import parse_layers

    choice = parse_layers(written, count)
    assert (choice.layers, choice.side_by_side) == (layers, side_by_side)


@pytest.mark.parametrize("written", ["7", "6-3", "3-9", "2+2", "5+4", "9999999999-99999999999"])
def test_layers_that_are_not_there(written: str) -> None:
    from sft_keras.modeling.layers import parse_layers

    with pytest.raises(ConfigError, match="layers 1 to 6"):
        parse_layers(written, 6)


def test_what_the_layers_give(encoder: Encoder) -> None:
    from sft_keras.modeling.layers import with_layers

    first, last = outputs(with_layers(encoder, "1")), outputs(encoder)
    assert first.shape == last.shape
    assert not np.allclose(first, last)
    assert with_layers(encoder, "last") is encoder
    np.testing.assert_allclose(outputs(with_layers(encoder, "1-2")), (first + last) / 2, atol=1e-6)
    np.testing.assert_allclose(outputs(with_layers(encoder, "1+2")), np.concatenate([first, last], axis=-1), atol=1e-6)
    assert with_layers(encoder, "1").hub_backbone is encoder.hub_backbone
    assert with_layers(encoder, "1").blocks == encoder.blocks[:1]


def test_pooled_layers_leave_padding_out(encoder: Encoder) -> None:
    from sft_keras.modeling.layers import layer_vectors, with_layers

    ids = np.asarray([[2, 8, 3, 0, 0]], dtype=np.int32)
    inputs = {"token_ids": ids, "segment_ids": np.zeros_like(ids), "padding_mask": (ids > 0).astype(np.int32)}
    found = np.asarray(layer_vectors(encoder, "mean").predict_on_batch(inputs))
    assert found.shape == (1, 2, 16)
    by_hand = np.asarray(with_layers(encoder, "1").model.predict_on_batch(inputs))[0, :3].mean(axis=0)
    np.testing.assert_allclose(found[0, 0], by_hand, atol=1e-6)
