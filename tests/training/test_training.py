"""Trainings as a whole: they learn, repeat, stop, resume, and end as if they had never been broken."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from safetensors import safe_open

from sft_keras.data.examples import Examples
from sft_keras.errors import ArtifactError, TrainingError
from tests.training.tiny_trainings import VALIDATION, Recorder, examples, hard_settings, logits, run, stop_after


def test_it_learns_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    recorder = Recorder()
    trained = run(tmp_path, {"training": {"epochs": 6}}, sink=recorder)
    epochs = recorder.of("epoch")
    scores = [values["val_macro_f1"] for values in epochs]
    assert max(scores) > 0.9
    best = epochs[trained.position.best_epoch - 1]
    assert best["val_macro_f1"] == max(scores)
    expected = trained.labels.encode(VALIDATION.labels)
    assert np.mean(logits(trained).argmax(1) == expected) == pytest.approx(best["val_accuracy"])
    assert any("trainable and" in values["message"] for values in recorder.of("log"))


def test_the_same_seed_gives_the_same_model_and_another_gives_another(tmp_path: Path) -> None:
    first, second = run(tmp_path / "a"), run(tmp_path / "b")
    np.testing.assert_array_equal(logits(first), logits(second))
    assert not np.array_equal(logits(first), logits(run(tmp_path / "c", {"training": {"seed": 5}})))


@pytest.fixture(scope="module", params=["lstm", "bert"])
def unbroken(
    request: pytest.FixtureRequest, tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], np.ndarray, tuple[dict[str, float], ...]]:
    """The settings of a training, and the logits and history of one that nothing broke."""
    settings = hard_settings(str(tiny_bert) if request.param == "bert" else "lstm")
    trained = run(tmp_path_factory.mktemp("unbroken"), settings)
    return settings, logits(trained), trained.position.history


# Within the first epoch, at the end of an epoch, and within a later one; an epoch has 6 steps.
@pytest.mark.parametrize("steps", [2, 6, 15])
def test_resumed_is_as_unbroken(tmp_path: Path, steps: int, unbroken: tuple[Any, ...]) -> None:
    settings, expected, history = unbroken
    recorder = Recorder()
    broken = run(tmp_path, settings, should_stop=stop_after(steps))
    assert not broken.complete
    resumed = run(tmp_path, settings, sink=recorder)
    assert resumed.complete
    np.testing.assert_array_equal(logits(resumed), expected)
    assert resumed.position.history == history
    assert any("Resuming" in values["message"] for values in recorder.of("log"))


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    run(tmp_path, should_stop=stop_after(3))
    with pytest.raises(ArtifactError, match=r"does not fit.*lstm.*Received") as caught:
        run(tmp_path, {"model": {"lstm_units": 4}})
    assert "config.yaml" in caught.value.fix


def test_a_checkpoint_of_another_backend_is_refused(tmp_path: Path) -> None:
    """Dropout would draw other numbers, and the model would be none that a whole training gives."""
    run(tmp_path, should_stop=stop_after(3))
    (newest,) = tmp_path.glob("epoch-*/position.json")
    other = "torch" if keras.config.backend() != "torch" else "jax"
    newest.write_text(json.dumps({**json.loads(newest.read_text()), "backend": other}))
    with pytest.raises(ArtifactError, match=f"started with the backend {other}"):
        run(tmp_path)


def test_early_stopping_counts_epochs_without_a_better_score(tmp_path: Path) -> None:
    recorder = Recorder()
    settings = {"training": {"epochs": 30, "patience": 2}, "optimizer": {"learning_rate": 1e-7}}
    trained = run(tmp_path, {**settings, "objective": {"terms": [{"name": "supcon", "weight": 0.1}]}}, sink=recorder)
    assert trained.position.epoch < 30
    assert trained.position.epoch - trained.position.best_epoch == 2
    assert any("Early stopping" in values["message"] for values in recorder.of("log"))


def test_rows_of_weight_zero_do_not_count(tmp_path: Path) -> None:
    """Rows with the wrong label but weight 0 leave the model able to tell the classes apart."""
    right, wrong = examples(80), examples(80, seed=3)
    flipped = ["bad" if label == "good" else "good" for label in wrong.labels]
    both = Examples(
        [*right.texts, *wrong.texts],
        [*right.labels, *flipped],
        np.repeat(np.array([1, 0], np.float32), 80),
        np.arange(1, 161),
        "made",
    )
    trained = run(tmp_path, {"model": {"lstm_bigram_buckets": 0}, "training": {"epochs": 6}}, training=both)
    expected = trained.labels.encode(VALIDATION.labels)
    assert np.mean(logits(trained).argmax(1) == expected) > 0.9


def test_a_loss_that_is_no_number_stops_with_advice(tmp_path: Path) -> None:
    training = examples(90, weights=np.full(90, 3e38, np.float32))
    with pytest.raises(TrainingError, match="no longer a number"):
        run(tmp_path, training=training)
    assert not list(tmp_path.glob("epoch-*"))


def test_half_precision_leaves_a_model_in_full_precision(tmp_path: Path) -> None:
    trained = run(tmp_path, {"training": {"mixed_precision": "bfloat16", "epochs": 8}})
    assert {layer.compute_dtype for layer in trained.model.layers} == {"float32"}
    expected = trained.labels.encode(VALIDATION.labels)
    assert np.mean(logits(trained).argmax(1) == expected) > 0.8


def test_float16_scales_the_loss_so_that_small_gradients_are_not_lost(tmp_path: Path) -> None:
    settings = {"training": {"mixed_precision": "float16"}}
    assert not run(tmp_path, settings, should_stop=stop_after(4)).complete
    newest = max(tmp_path.glob("epoch-*"))
    with safe_open(newest / "state.safetensors", framework="np") as state:
        assert any("dynamic_scale" in name for name in state.metadata().values())
    assert run(tmp_path, settings).complete


def test_the_rate_after_a_resumption_is_that_of_its_own_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"training": {"epochs": 3}}
    run(tmp_path, settings, should_stop=stop_after(1))
    recorder = Recorder()
    monkeypatch.setattr("sft_keras.training.callbacks.SECONDS_BETWEEN_STEP_EVENTS", 0)
    clock = itertools.count()
    monkeypatch.setattr("sft_keras.training.callbacks.time.monotonic", lambda: float(next(clock)))
    run(tmp_path, settings, sink=recorder)
    # The fake clock ticks at least once a step, so no more than a batch of 16 rows goes by in one of its seconds.
    assert max(values["rows_per_second"] for values in recorder.of("step")) <= 16
