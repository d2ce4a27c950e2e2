"""What every backbone family keeps: from a tiny preset to a bundle, in this process and in a fresh one."""

from __future__ import annotations

import functools
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sft_keras.artifacts.bundle import read_bundle
from sft_keras.artifacts.loading import load_model
from sft_keras.config import ModelConfig
from sft_keras.inference.graph import GraphPredictor
from sft_keras.inference.integrated_gradients import attribute
from sft_keras.modeling.backbones.base import FAMILIES, Backbone, Encoder, resolve_backbone
from sft_keras.modeling.fine_tune_model import freeze
from sft_keras.modeling.heads import classification_head
from sft_keras.preprocessing.batches import fixed_length, only, pad_batch
from sft_keras.preprocessing.tokenizer import TextTokenizer
from sft_keras.runs.prepare import load_splits
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from sft_keras.training.progress import Silent
from sft_keras.training.strategies import train
from tests.conftest import merged, sentences, write_csv

TEXTS = ["the film was great", "the plot was awful and boring", "味道很好 🎉"]
LONG = "the story of an actor and the scene with a plot of the film was really sad " * 3
# SGD: its step is traced in a third of the time of AdamW, which `tests/training` covers.
SETTINGS = {
    "training": {"epochs": 1, "batch_size": 8},
    "optimizer": {"name": "sgd"},
    "evaluation": {"baselines": False},
}
# Loads every bundle, and its preset through KerasHub alone.
FRESH = """
import json, sys
import numpy as np
import sft_keras
from sft_keras.services import Services
from sft_keras.preprocessing.batches import fixed_length, only, pad_batch
texts, bundles = json.loads(sys.argv[1])
found = {}
for family, bundle in bundles.items():
    from pathlib import Path
    predictor = Services().load(Path(bundle))
    found[family] = {"probabilities": predictor.probabilities(texts).tolist()}
    preset = Path(bundle) / "preset"
    if not preset.is_dir():
        continue
    import keras_hub
    model, tokenizer = predictor._model, predictor._tokenizer
    ours = next(layer for layer in model.layers if layer.name.startswith("backbone"))
    hub = keras_hub.models.Backbone.from_preset(str(preset))
    ids = tokenizer.encode(texts, 16)
    inputs = pad_batch(ids, tokenizer.pad_id, length=fixed_length(model))
    sequence = hub(only(inputs, list(hub.input)))
    sequence = sequence["sequence_output"] if isinstance(sequence, dict) else sequence
    expected = ours(only(inputs, [each.name for each in ours.inputs]))
    found[family]["difference"] = float(np.abs(np.asarray(sequence) - np.asarray(expected)).max())
    hub_tokenizer = keras_hub.models.Tokenizer.from_preset(str(preset))
    found[family]["hub_ids"] = [[int(i) for i in row] for row in hub_tokenizer(texts)]
    found[family]["ids"] = [row[1:-1].tolist() for row in ids]
print(json.dumps(found))
"""


@pytest.fixture(params=FAMILIES.names())
def backbone(request: pytest.FixtureRequest, tiny_backbone: Callable[[str], str]) -> Backbone:
    """Each family; a family with pretrained weights through a tiny preset of its own."""
    return resolve_backbone(tiny_backbone(request.param))


def build(backbone: Backbone, **settings: Any) -> tuple[TextTokenizer, Encoder]:
    """Tokenizer and frozen encoder."""
    config = ModelConfig(max_length=16, lstm_units=4, lstm_embedding_dim=4, **settings)
    tokenizer = backbone.family.tokenizer(backbone.location, config, TEXTS)
    encoder = backbone.family.encoder(backbone.location, config, tokenizer, dtype="float32", seed=0)
    freeze(encoder, config)
    return tokenizer, encoder


def vectors(encoder: Encoder, tokenizer: TextTokenizer, texts: list[str]) -> np.ndarray:
    """Token vectors of a batch."""
    ids = tokenizer.encode(texts, 16)
    inputs = pad_batch(ids, tokenizer.pad_id, length=fixed_length(encoder.model))
    return np.asarray(encoder.model(only(inputs, list(encoder.model.input))))


def test_encoder_gives_one_vector_a_token_and_names_its_layers(backbone: Backbone) -> None:
    tokenizer, encoder = build(backbone)
    length = fixed_length(encoder.model) or max(len(row) for row in tokenizer.encode(TEXTS, 16))
    output = vectors(encoder, tokenizer, TEXTS)
    assert output.shape == (len(TEXTS), length, encoder.model.output.shape[-1])
    assert np.isfinite(output).all()
    assert encoder.embeddings
    assert encoder.blocks


def test_the_vectors_of_a_text_do_not_change_with_its_neighbours(backbone: Backbone) -> None:
    tokenizer, encoder = build(backbone)
    alone = vectors(encoder, tokenizer, TEXTS[:1])
    beside = vectors(encoder, tokenizer, [TEXTS[0], LONG])[:1]
    assert beside.shape[1] == 16
    np.testing.assert_allclose(beside[:, : alone.shape[1]], alone, atol=1e-5)


def test_what_the_tokens_add_is_the_difference_to_a_text_without_words(backbone: Backbone) -> None:
    import keras

    if keras.config.backend() != "tensorflow":
        pytest.skip("gradients need the TensorFlow backend")
    tokenizer, encoder = build(backbone)
    inputs = {each.name: keras.Input(each.shape[1:], dtype="int32", name=each.name) for each in encoder.model.inputs}
    inputs.setdefault("padding_mask", keras.Input((None,), dtype="int32", name="padding_mask"))
    sequence = encoder.model({name: inputs[name] for name in encoder.model.input})
    logits, _ = classification_head(
        sequence, inputs["padding_mask"], pooling="mean", dropout=0.0, num_classes=3, seed=0
    )
    model = keras.Model(inputs, 20.0 * logits)  # of a head that is not trained, all probabilities are alike
    ids, _, special = tokenizer.encode_with_spans(TEXTS[1], 16)
    np.testing.assert_array_equal(ids, tokenizer.encode([TEXTS[1]], 16)[0])
    neutral = np.where(special, ids, tokenizer.neutral_id)
    found = attribute(model, ids, 1, neutral=neutral, pad_id=tokenizer.pad_id)
    assert found.is_complete
    assert abs(found.probability - found.baseline) > 1e-4
    assert found.weights.shape == ids.shape


@pytest.mark.parametrize("wanted", ["full", "head", "top:1"])
def test_what_is_frozen(backbone: Backbone, wanted: str) -> None:
    _, encoder = build(backbone, trainable=wanted)
    trained = {id(v) for v in encoder.model.trainable_variables}
    embeddings = [v for layer in encoder.embeddings for v in layer.variables if "seed" not in v.path]
    top = [v for v in encoder.blocks[-1].variables if "seed" not in v.path]
    assert any(id(v) in trained for v in embeddings) == (wanted == "full")
    assert all(id(v) in trained for v in top) == (wanted != "head")
    if wanted == "top:1":
        below = [v for block in encoder.blocks[:-1] for v in block.variables]
        assert not any(id(v) in trained for v in below)
        above = [v for v in encoder.model.trainable_variables if all(v is not each for each in top)]
        assert not any("embedding" in v.path for v in above)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 48 labelled sentences."""
    return write_csv(tmp_path_factory.mktemp("small") / "small.csv", sentences(48))


@pytest.fixture(scope="module")
def runs(train_run: Callable[..., RunResult], tiny_backbone: Callable[[str], str], small: Path) -> dict[str, RunResult]:
    """A finished run of each family."""
    return {
        family: train_run(merged(SETTINGS, {"model": {"backbone": tiny_backbone(family)}}), data=small, exports=True)
        for family in FAMILIES.names()
    }


@pytest.fixture(scope="module")
def fresh(runs: dict[str, RunResult]) -> dict[str, dict[str, Any]]:
    """What a fresh process finds in each bundle."""
    bundles = {family: str(result.run.bundle) for family, result in runs.items()}
    command = [sys.executable, "-c", FRESH, json.dumps([TEXTS, bundles])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("family", FAMILIES.names())
def test_a_bundle_predicts_alike_in_a_fresh_process_alone_and_in_company(
    family: str, runs: dict[str, RunResult], fresh: dict[str, dict[str, Any]], services: Services
) -> None:
    predictor = services.load(runs[family].run.bundle)
    together = predictor.probabilities([*TEXTS, LONG])
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(predictor.probabilities(TEXTS), fresh[family]["probabilities"], atol=1e-6)
    alone = np.concatenate([predictor.probabilities([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, together[: len(TEXTS)], atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES.names())
def test_the_preset_of_a_bundle_is_the_trained_backbone_for_keras_hub(
    family: str, runs: dict[str, RunResult], fresh: dict[str, dict[str, Any]]
) -> None:
    has_preset = (runs[family].run.bundle / "preset").is_dir()
    assert has_preset == (family != "lstm")
    if has_preset:
        assert fresh[family]["difference"] < 1e-5
        assert fresh[family]["hub_ids"] == fresh[family]["ids"]


@pytest.mark.parametrize("family", FAMILIES.names())
def test_the_exported_graph_answers_as_keras_does(family: str, runs: dict[str, RunResult], services: Services) -> None:
    bundle = read_bundle(runs[family].run.bundle)
    assert bundle.has_graph, bundle.information["exports"]
    texts = [*TEXTS, LONG, "a", "plot " * 9]
    expected = services.load(bundle.folder).probabilities(texts)
    graph = GraphPredictor(bundle, batch_size=4)
    np.testing.assert_allclose(graph.probabilities(texts), expected, atol=1e-5)
    alone = np.concatenate([graph.probabilities([text]) for text in texts])
    np.testing.assert_allclose(alone, expected, atol=1e-5)


# `tests/training` breaks trainings of these two in several places.
@pytest.mark.parametrize("family", sorted({*FAMILIES.names()} - {"bert", "lstm"}))
def test_a_resumed_training_is_as_an_unbroken_one(
    family: str, runs: dict[str, RunResult], services: Services, tmp_path: Path
) -> None:
    run = runs[family].run
    splits = load_splits(run)
    counter = itertools.count(1)
    once_more = functools.partial(
        train, run.config(), splits.train, splits.validation, checkpoints=tmp_path, sink=Silent()
    )
    assert not once_more(should_stop=lambda: next(counter) >= 2).complete
    resumed = once_more()
    assert resumed.complete
    expected = load_model(read_bundle(run.bundle)).get_weights()
    for found, array in zip(resumed.model.inference_model().get_weights(), expected, strict=True):
        np.testing.assert_array_equal(found, array)


def test_a_family_without_a_tiny_preset_is_caught(tiny_backbone: Callable[[str], str]) -> None:
    with pytest.raises(pytest.fail.Exception, match="no tiny preset of the family"):
        tiny_backbone("bag")
