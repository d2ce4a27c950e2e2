"""Trainings as a whole: they learn, repeat, stop, resume, and end as if they had never been broken."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from safetensors import safe_open

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.errors import ArtifactError, TrainingError
from sft_keras.preprocessing.batches import pad_batch
from sft_keras.training.checkpoints import Checkpoints
from sft_keras.training.progress import Silent
from sft_keras.training.strategies import train
from sft_keras.training.trainer import Trained
from tests.conftest import TINY, merged, sentences


def examples(rows: int, seed: int = 0, weights: np.ndarray | None = None) -> Examples:
    pairs = sentences(rows, seed)
    return Examples([t for t, _ in pairs], [label for _, label in pairs], weights, np.arange(1, rows + 1), "made")


TRAINING, VALIDATION = examples(90), examples(40, seed=1)


class Recorder:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def event(self, kind: str, **values: Any) -> None:
        self.events.append((kind, values))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [values for name, values in self.events if name == kind]


def run(folder: Path, settings: dict[str, Any] | None = None, training: Examples = TRAINING, **options: Any) -> Trained:
    config = RunConfig.parse(merged(TINY, {"model": {"backbone": "lstm"}}, settings or {}))
    return train(config, training, VALIDATION, checkpoints=folder, sink=options.pop("sink", Silent()), **options)


def logits(trained: Trained) -> np.ndarray:
    ids = trained.tokenizer.encode(VALIDATION.texts, 16)
    batch = pad_batch(ids, trained.tokenizer.pad_id)
    model = trained.model.inference_model()
    return np.asarray(model.predict_on_batch({name: batch[name] for name in model.input}))


def stop_after(steps: int) -> Callable[[], bool]:
    counter = itertools.count(1)
    return lambda: next(counter) >= steps


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


def hard_settings(backbone: str) -> dict[str, Any]:
    """Everything that has state: dropout, a ramp of λ, class centers, several epochs."""
    return {
        "model": {"backbone": backbone},
        "training": {"epochs": 3, "patience": None},
        "objective": {
            "terms": [{"name": "supcon", "weight": 0.2, "ramp_epochs": 2}, {"name": "center", "weight": 0.1}]
        },
    }


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


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(tmp_path: Path) -> None:
    unbroken = run(tmp_path / "unbroken", {"training": {"epochs": 3}})
    run(tmp_path / "broken", {"training": {"epochs": 3}}, should_stop=stop_after(14))
    newest = max((tmp_path / "broken").glob("epoch-*"))
    state = newest / "state.safetensors"
    state.write_bytes(state.read_bytes()[: state.stat().st_size // 2])
    recorder = Recorder()
    (tmp_path / "broken" / ".epoch-00009-step-00000001.part").mkdir()  # left by a kill while it was written
    resumed = run(tmp_path / "broken", {"training": {"epochs": 3}}, sink=recorder)
    np.testing.assert_array_equal(logits(resumed), logits(unbroken))
    assert any(f"{newest.name} was left out" in values["message"] for values in recorder.of("log"))
    assert not list((tmp_path / "broken").glob(".*"))


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("spoil", [Path.unlink, flip_a_bit])
def test_best_weights_that_are_lost_are_made_anew_from_a_checkpoint(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """Without them the training would end with the weights of the last epoch, and call them the best."""
    settings = {"training": {"epochs": 3}}
    expected = logits(run(tmp_path / "unbroken", settings))
    trained = run(tmp_path / "broken", settings, should_stop=stop_after(16))
    assert trained.position.best_epoch == 2
    assert [path.name[6:] for path in sorted((tmp_path / "broken").glob("epoch-*"))] == [
        *("00002-step-00000000", "00002-step-00000002")
    ]
    spoil(tmp_path / "broken" / "best.safetensors")
    recorder = Recorder()
    np.testing.assert_array_equal(logits(run(tmp_path / "broken", settings, sink=recorder)), expected)
    assert any("the checkpoint holds the same" in values["message"] for values in recorder.of("log"))


def test_best_weights_that_no_checkpoint_holds_are_missed(tmp_path: Path) -> None:
    often = {"training": {"checkpoint_minutes": 1e-6}}
    run(tmp_path, often, should_stop=stop_after(10))
    (tmp_path / "best.safetensors").unlink()
    with pytest.raises(ArtifactError, match="cannot be read") as caught:
        run(tmp_path, often)
    assert f"delete the folder {tmp_path} and resume" in caught.value.fix


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"colour": 1}, "written by another version of sft-keras (unknown: colour)"),
        ({"epoch": "three"}, "a count is no number"),
        ({"history": 5}, "cannot be read"),
        ({"best_score": "high"}, "cannot be read"),
    ],
)
def test_a_position_that_cannot_be_understood(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    run(tmp_path, should_stop=stop_after(3))
    for path in tmp_path.glob("epoch-*/position.json"):
        path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    with pytest.raises(ArtifactError) as caught:
        run(tmp_path)
    assert told in caught.value.problem
    assert caught.value.fix


def test_no_readable_checkpoint_is_an_error_not_a_new_start(tmp_path: Path) -> None:
    run(tmp_path, should_stop=stop_after(3))
    for state in tmp_path.glob("epoch-*/state.safetensors"):
        state.write_bytes(b"rubbish")
    with pytest.raises(ArtifactError, match="checkpoint cannot be read"):
        run(tmp_path)


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


def test_a_full_disk_keeps_the_checkpoints_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, should_stop=stop_after(3))
    before = sorted(path.name for path in tmp_path.iterdir())

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sft_keras.training.state_files.save_file", full)
    with pytest.raises(TrainingError, match="No space left"):
        run(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    monkeypatch.undo()
    assert run(tmp_path).complete


def test_only_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    run(tmp_path, {"training": {"epochs": 4, "checkpoint_minutes": 0.00001, "patience": None}})
    assert len(list(tmp_path.glob("epoch-*"))) == 2
    assert not list(tmp_path.glob(".*"))
    assert Checkpoints(tmp_path).folder == tmp_path


class Killer(Recorder):
    """Breaks the training off after an epoch, when nothing can be saved any more."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._epoch = epoch

    def event(self, kind: str, **values: Any) -> None:
        super().event(kind, **values)
        if kind == "epoch" and values["epoch"] == self._epoch:
            raise KeyboardInterrupt


def test_short_epochs_go_without_checkpoints_and_are_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sft_keras.training.callbacks.CHECKPOINT_BYTES_A_SECOND", 1)
    settings = {"training": {"epochs": 4, "patience": None}}
    recorder = Recorder()
    unbroken = run(tmp_path / "unbroken", settings, sink=recorder)
    assert [values["epoch"] for values in recorder.of("checkpoint")] == [1, 4]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", settings, sink=Killer(3))
    again = Recorder()
    resumed = run(tmp_path / "broken", settings, sink=again)
    assert [values["epoch"] for values in again.of("epoch")] == [2, 3, 4]
    assert resumed.position.best_epoch == unbroken.position.best_epoch > 1
    np.testing.assert_array_equal(logits(resumed), logits(unbroken))


def test_a_training_that_is_stopped_after_a_short_epoch_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sft_keras.training.callbacks.CHECKPOINT_BYTES_A_SECOND", 1)
    stopped = run(tmp_path, {"training": {"epochs": 3}}, should_stop=stop_after(14))  # an epoch asks seven times
    assert (stopped.position.epoch, stopped.position.step) == (2, 0)
    assert max(path.name for path in tmp_path.glob("epoch-*")) == "epoch-00002-step-00000000"


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
