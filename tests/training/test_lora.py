"""LoRA: what trains, what a checkpoint holds, and that what is kept has plain weights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from sft_keras.artifacts.bundle import read_bundle
from sft_keras.config import RunConfig
from sft_keras.errors import ConfigError
from sft_keras.modeling.backbones.base import Encoder
from sft_keras.modeling.fine_tune_model import count_parameters
from sft_keras.modeling.lora import add_lora, merged_weights
from sft_keras.training import trainer
from sft_keras.training.build import Built, Recipe, build
from tests.training.tiny_trainings import Recorder, hard_settings, logits, run, stop_after

LOAD = """
import json, sys
import numpy as np
from pathlib import Path
from sft_keras.backend import load_backend
load_backend()
import keras_hub
from sft_keras.artifacts.bundle import read_bundle
from sft_keras.artifacts.loading import load_model
bundle = read_bundle(Path(sys.argv[1]))
model = load_model(bundle)
backbone = keras_hub.models.Backbone.from_preset(str(bundle.folder / "preset"))
layers = [*model._flatten_layers(), *backbone._flatten_layers()]
inputs = {name: np.full((1, 4), int(name != "segment_ids"), "int32") for name in model.input}
inputs["segment_ids"][:] = 0
sequence = backbone(inputs)["sequence_output"]
head = model.get_layer("logits")
mean = np.asarray(sequence).mean(axis=1)
print(json.dumps({
    "lora": sum(getattr(layer, "lora_enabled", False) for layer in layers),
    "names": [w.path for w in [*model.weights, *backbone.weights] if "lora" in w.path],
    "logits": np.asarray(model.predict_on_batch(inputs)).tolist(),
    "preset": (mean @ np.asarray(head.kernel) + np.asarray(head.bias)).tolist(),
}))
"""


def lora(backbone: Path | str, rank: int = 2, **model: Any) -> dict[str, Any]:
    settings = hard_settings(str(backbone))
    settings["model"] |= {"lora_rank": rank, **model}
    settings["training"]["epochs"] = 2
    return settings


def test_resumed_is_as_unbroken_and_only_factors_and_head_train(tiny_bert: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    unbroken = run(tmp_path / "unbroken", lora(tiny_bert), sink=recorder)
    # Two layers with queries and values: 16 x 2 and 2 x 8, by two heads; the head has 16 x 2 and 2.
    (counts,) = [m["message"] for m in recorder.of("log") if "trainable and" in m["message"]]
    factors = 2 * 2 * (16 * 2 * 2 + 2 * 8)
    assert counts.startswith(f"Model: {factors + 34} trainable and ")
    run(tmp_path / "broken", lora(tiny_bert), should_stop=stop_after(8))
    newest = max((tmp_path / "broken").glob("epoch-*"))
    for file in (newest / "state.safetensors", tmp_path / "broken" / "best.safetensors"):
        with safe_open(file, framework="np") as state:
            names = list(state.metadata().values())
        assert sum("lora_kernel" in name for name in names if "momentum" not in name) >= 8
        assert not any(name.endswith(("query/kernel", "dense/kernel", "embeddings")) for name in names)
    resumed = run(tmp_path / "broken", lora(tiny_bert))
    np.testing.assert_array_equal(logits(resumed), logits(unbroken))


def test_what_is_kept_has_merged_weights_and_predicts_the_same(
    train_run: Any, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: dict[str, Any] = {}
    inputs = {name: np.full((1, 4), int(name != "segment_ids"), "int32") for name in ("token_ids", "padding_mask")}
    inputs["segment_ids"] = np.zeros((1, 4), "int32")
    finished = trainer.finished

    def watched(recipe: Recipe, built: Built) -> Built:
        before["logits"] = np.asarray(built.model(inputs)["logits"])
        before["moved"] = max(
            float(np.abs(np.asarray(v)).max()) for v in built.model.trainable_variables if "lora_kernel_b" in v.path
        )
        return finished(recipe, built)

    monkeypatch.setattr(trainer, "finished", watched)
    result = train_run(
        {"model": {"backbone": str(tiny_bert), "lora_rank": 2}, "training": {"epochs": 1, "mixed_precision": "none"}},
        exports=True,
    )
    assert before["moved"] > 0
    assert read_bundle(result.run.bundle).has_graph
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(result.run.bundle)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert (loaded["lora"], loaded["names"]) == (0, [])
    np.testing.assert_allclose(loaded["logits"], before["logits"], atol=1e-5)
    np.testing.assert_allclose(loaded["preset"], before["logits"], atol=1e-5)


def encoder_and_model(backbone: str, **model: Any) -> tuple[Encoder, Any]:
    from tests.modeling.test_fine_tune_model import build as build_model

    built, _, encoder = build_model(backbone, {"model": model})
    return encoder, built


def test_factors_follow_the_seed_and_change_nothing_at_first(tiny_bert: Path) -> None:
    encoder, model = encoder_and_model(str(tiny_bert), trainable="top:1")
    plain = model.get_weights()
    add_lora(encoder, 3, seed=5)
    factors = [np.asarray(v) for v in model.trainable_variables if "lora" in v.path]
    assert len(factors) == 4  # of the top layer alone
    for one, other in zip(plain, merged_weights(model), strict=True):
        np.testing.assert_array_equal(one, other)
    again, second = encoder_and_model(str(tiny_bert), trainable="top:1")
    add_lora(again, 3, seed=5)
    for one, other in zip(factors, (v for v in second.trainable_variables if "lora" in v.path), strict=True):
        np.testing.assert_array_equal(one, np.asarray(other))
    assert count_parameters(model).trainable == sum(f.size for f in factors) + 34


def test_a_backbone_without_attention_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no attention"):
        run(tmp_path, {"model": {"lora_rank": 4}})


def test_a_frozen_backbone_and_lora_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match="set one"):
        RunConfig.parse({"model": {"trainable": "head", "lora_rank": 4}})


def test_the_empty_rate_is_higher_with_lora(tiny_bert: Path) -> None:
    from sft_keras.data.labels import Labels
    from sft_keras.modeling.backbones.base import resolve_backbone

    rates = []
    for rank in (None, 2):
        config = RunConfig.parse(
            {
                "model": {"backbone": str(tiny_bert), "lora_rank": rank, "max_length": 16},
                "optimizer": {"warmup_ratio": 0, "layer_decay": 0.5},
                "training": {"epochs": 3, "mixed_precision": "none"},
            }
        )
        backbone = resolve_backbone(str(tiny_bert))
        tokenizer = backbone.family.tokenizer(backbone.location, config.model, [])
        recipe = Recipe(config, backbone, tokenizer, Labels.of(["a", "b"]), np.array([0, 1] * 20, "int32"))
        rates.append(float(build(recipe).model.optimizer.learning_rate))
    assert rates == pytest.approx([1e-4, 1e-3])


def test_factors_are_merged_in_32_bit_whatever_the_step_computes_in(tiny_bert: Path) -> None:
    """The product of 16 bits lost what was learned: it is small beside the pretrained kernel."""
    encoder, model = encoder_and_model(str(tiny_bert))
    add_lora(encoder, 2, seed=0)
    layer = next(layer for layer in model._flatten_layers() if getattr(layer, "lora_enabled", False))
    layer.lora_kernel_b.assign(np.full(layer.lora_kernel_b.shape, 1e-6))
    layer.dtype_policy = "mixed_bfloat16"
    kernel, factors = (np.asarray(v) for v in (layer._kernel, layer.lora_kernel_a))
    wanted = kernel + factors @ np.asarray(layer.lora_kernel_b)
    (merged,) = (each for each in merged_weights(model) if each.shape == wanted.shape and np.allclose(each, wanted))
    assert merged.dtype == np.float32
    np.testing.assert_allclose(merged - kernel, wanted - kernel, atol=1e-8)
