"""Lower layers that stand still are computed once: with the same result, and kept for later runs."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sft_keras.config import RunConfig
from sft_keras.modeling.backbones.base import Encoder, resolve_backbone
from sft_keras.modeling.cut import Cut, cut_below
from sft_keras.modeling.fine_tune_model import freeze
from sft_keras.modeling.layers import with_layers
from sft_keras.preprocessing.batches import fixed_length, pad_batch
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from sft_keras.training import build, trainer
from sft_keras.training.feature_cache import FeatureCache
from tests.conftest import TINY, merged
from tests.training.tiny_trainings import TRAINING, Recorder, hard_settings, logits, run, stop_after

TEXTS = ["good food", "a bad day and worse to come", "fine"]


def top(backbone: object, **model: Any) -> dict[str, Any]:
    """Settings that train the upper of two layers, with everything that has state."""
    return merged(hard_settings(str(backbone)), {"model": {"trainable": "top:1", **model}})


def parts(backbone: str, pooled_layers: str = "last", **model: Any) -> Cut | None:
    config = RunConfig.parse(merged(TINY, {"model": {"backbone": backbone, "trainable": "top:1", **model}}))
    resolved = resolve_backbone(backbone)
    tokenizer = resolved.family.tokenizer(resolved.location, config.model, TEXTS)
    encoder = resolved.family.encoder(resolved.location, config.model, tokenizer, dtype="float32", seed=0)
    encoder = with_layers(encoder, pooled_layers)
    freeze(encoder, config.model)
    ids = tokenizer.encode(TEXTS, 16)
    return cut_below(encoder, pad_batch(ids, tokenizer.pad_id, length=fixed_length(encoder.model)))


def silenced(encoder: Encoder, sample: dict[str, np.ndarray]) -> None:
    """No cut, but no dropout below it either: the plain way to the same result."""
    cut = cut_below(encoder, sample)
    assert cut is not None
    for layer in cut.below._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0


@pytest.mark.parametrize("model", [{}, {"lora_rank": 2}], ids=["weights", "lora"])
def test_the_result_is_that_of_computing_all_layers_at_each_step(
    tmp_path: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, model: dict[str, Any]
) -> None:
    settings = merged(top(tiny_bert, **model), {"optimizer": {"layer_decay": 0.8}})
    seen: list[build.Built] = []
    finished = trainer.finished

    def watched(recipe: build.Recipe, built: build.Built) -> build.Built:
        seen.append(built)
        return finished(recipe, built)

    monkeypatch.setattr(trainer, "finished", watched)
    quick = run(tmp_path / "quick", settings)
    monkeypatch.setattr(build, "cut_below", silenced)
    plain = run(tmp_path / "plain", settings)
    assert [built.on_cut is not None for built in seen] == [True, False]
    np.testing.assert_allclose(logits(quick), logits(plain), atol=2e-4)
    for ours, theirs in zip(quick.position.history, plain.position.history, strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], abs=2e-4)
    assert quick.position.history[0]["loss"] != quick.position.history[-1]["loss"]


@pytest.mark.parametrize(
    ("family", "is_cut"),
    [
        *((name, True) for name in ("bert", "distil_bert", "roberta", "xlm_roberta", "electra", "gpt2")),
        *((name, False) for name in ("albert", "f_net", "deberta_v3")),  # shared layers; no mask; not told apart
    ],
)
def test_a_backbone_is_cut_where_its_layers_can_be_told_apart(
    tiny_backbone: Callable[[str], str], family: str, is_cut: bool
) -> None:
    cut = parts(tiny_backbone(family))
    assert (cut is not None) is is_cut
    if cut:
        assert cut.blocks == 1
        assert not cut.below.trainable_variables
        assert cut.above.model.trainable_variables


def test_nothing_is_cut_that_is_trained_or_read(tiny_bert: Path) -> None:
    assert parts(str(tiny_bert), trainable="full") is None
    assert parts(str(tiny_bert), trainable="top:2") is None  # the embeddings alone stand still
    assert parts(str(tiny_bert), "1+2") is None  # the head reads the lower layer too
    assert parts("lstm", lstm_units=4) is None


def test_a_training_on_kept_states_is_resumed_as_unbroken_and_reads_them_again(tmp_path: Path, tiny_bert: Path) -> None:
    settings, cache = top(tiny_bert), FeatureCache(tmp_path / "cache", 10**9)
    first, second = Recorder(), Recorder()
    unbroken = run(tmp_path / "unbroken", settings, sink=first, cache=cache)
    run(tmp_path / "broken", settings, should_stop=stop_after(40), cache=cache)
    resumed = run(tmp_path / "broken", settings, sink=second, cache=cache)
    np.testing.assert_array_equal(logits(resumed), logits(unbroken))
    told = [[m["message"] for m in sink.of("log") if "Vectors of" in m["message"]] for sink in (first, second)]
    assert [" in " in message for message in told[0]] == [True, True]
    assert all("read from the cache" in message for message in told[1])
    assert len(list((tmp_path / "cache").iterdir())) == 2  # training and validation, nothing half filled


def test_a_training_that_is_stopped_over_the_lower_layers_goes_on(tmp_path: Path, tiny_bert: Path) -> None:
    cache = FeatureCache(tmp_path / "cache", 10**9)
    stopped = run(tmp_path / "run", top(tiny_bert), should_stop=stop_after(2), cache=cache)
    assert not stopped.complete
    assert not stopped.has_best
    assert not list((tmp_path / "cache").iterdir())
    assert run(tmp_path / "run", top(tiny_bert), cache=cache).complete


def test_with_more_states_than_there_is_room_for_all_layers_are_computed(
    tmp_path: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "LARGEST_STATES", 100)
    recorder = Recorder()
    assert run(tmp_path, top(tiny_bert), sink=recorder).complete
    assert not any("Vectors of" in message["message"] for message in recorder.of("log"))


@pytest.mark.parametrize("kept", [True, False])
def test_a_full_disk_costs_only_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_bert: Path, kept: bool
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr("sft_keras.training.feature_cache.LARGE", 1)
    cache = FeatureCache(tmp_path / "cache", 10**9) if kept else None
    assert run(tmp_path / "run", merged(top(tiny_bert), {"training": {"epochs": 1}}), cache=cache).complete
    assert not kept or not list((tmp_path / "cache").iterdir())


def test_states_that_are_not_kept_lie_in_a_file_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_bert: Path
) -> None:
    monkeypatch.setattr("sft_keras.training.feature_cache.LARGE", 1)
    folders: list[Path] = []
    made = tempfile.TemporaryFile

    def watched(dir: Path) -> Any:
        folders.append(dir)
        return made(dir=dir)

    monkeypatch.setattr("sft_keras.training.feature_cache.tempfile.TemporaryFile", watched)
    assert run(tmp_path, merged(top(tiny_bert), {"training": {"epochs": 1}})).complete
    assert folders == [tmp_path, tmp_path]  # training and validation
    assert not list(tmp_path.glob("*.npy"))


def test_labels_are_no_part_of_what_is_kept(tmp_path: Path, tiny_bert: Path) -> None:
    cache, settings = FeatureCache(tmp_path / "cache", 10**9), merged(top(tiny_bert), {"training": {"epochs": 1}})
    run(tmp_path / "a", settings, cache=cache)
    turned = replace(TRAINING, labels=["bad" if label == "good" else "good" for label in TRAINING.labels])
    recorder = Recorder()
    run(tmp_path / "b", settings, turned, sink=recorder, cache=cache)
    told = [m["message"] for m in recorder.of("log") if "Vectors of" in m["message"]]
    assert len(told) == 2
    assert all("read from the cache" in message for message in told)


def test_the_bundle_holds_the_whole_model(
    services: Services, train_run: Callable[..., RunResult], tiny_bert: Path
) -> None:
    """Keras cannot save a backbone that was cut, so it is built anew."""
    result = train_run(merged(top(tiny_bert), {"training": {"epochs": 1}}))
    assert (result.run.bundle / "preset").is_dir()
    predictor, encoder = services.load(result.run.bundle), resolve_backbone(str(result.run.bundle / "preset"))
    assert predictor.probabilities(TEXTS).shape == (3, 2)
    assert encoder.family.name == "bert"
