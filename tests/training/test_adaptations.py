"""Parts of a batch, memory that runs out, and the number format that a run settles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sft_keras.backend import is_out_of_memory
from sft_keras.config import RunConfig
from sft_keras.errors import ArtifactError, ConfigError, TrainingError
from sft_keras.preprocessing.batches import EncodedRows
from sft_keras.preprocessing.parts import divide
from sft_keras.training import precision
from sft_keras.training.adaptation import FILE, halved, settled
from tests.training.tiny_trainings import Recorder, examples, hard_settings, logits, run, stop_after

# An epoch of 90 rows ends with a batch of 10; the weights differ, so that a mean over parts alone would be wrong.
UNEVEN = examples(90, weights=np.linspace(0.2, 2, 90, dtype=np.float32))
NO_DROPOUT: dict[str, Any] = {"model": {"dropout": 0.0, "head_dropout": 0.0, "lstm_bigram_buckets": 0}}


def with_parts(parts: int, optimizer: dict[str, Any] | None = None, **training: Any) -> dict[str, Any]:
    options = {"accumulation_steps": parts, "epochs": 1, **training}
    return {**NO_DROPOUT, "training": options, "optimizer": {"learning_rate": 0.02, **(optimizer or {})}}


def test_parts_are_even_and_weighted_by_their_rows() -> None:
    parts = divide(np.arange(10), 4)
    assert [list(part.rows) for part in parts] == [[0, 1, 2], [3, 4, 5], [6, 7], [8, 9]]
    losses = np.random.default_rng(0).normal(size=10)
    assert np.mean([part.scale * losses[part.rows].mean() for part in parts]) == pytest.approx(losses.mean())
    few = divide(np.array([7, 8]), 3)
    assert [(list(part.rows), part.scale) for part in few] == [([7], 1.5), ([8], 1.5), ([7], 0.0)]


def test_parts_give_the_update_of_the_whole_batch(tmp_path: Path) -> None:
    """With SGD, which hides no scale, and clipped; 16 rows make uneven parts, and the last 10 leave two without any."""
    options = {"name": "sgd", "learning_rate": 1.0, "clip_norm": 0.05}
    whole = run(tmp_path / "whole", with_parts(1, options), training=UNEVEN)
    parted = run(tmp_path / "parts", with_parts(12, options), training=UNEVEN)
    assert np.abs(logits(whole)).max() > 0.05
    np.testing.assert_allclose(logits(parted), logits(whole), atol=2e-4)
    assert parted.position.history[-1]["learning_rate"] == whole.position.history[-1]["learning_rate"]
    assert parted.config.training.accumulation_steps == 12


def test_more_parts_than_rows_are_refused() -> None:
    with pytest.raises(ConfigError, match="a batch of 4 rows has no 5 parts"):
        RunConfig.parse({"training": {"batch_size": 4, "accumulation_steps": 5}})


def test_resumed_in_parts_is_as_unbroken(tmp_path: Path) -> None:
    settings = hard_settings("lstm")
    settings["training"] |= {"accumulation_steps": 3, "mixed_precision": "float16", "epochs": 2}
    unbroken = run(tmp_path / "unbroken", settings)
    steps = Recorder()
    run(tmp_path / "broken", settings, should_stop=stop_after(8), sink=steps)
    assert steps.of("checkpoint")[-1] == {"epoch": 1, "step": 1}  # updates, not parts
    resumed = run(tmp_path / "broken", settings)
    np.testing.assert_array_equal(logits(resumed), logits(unbroken))
    assert resumed.position.history == unbroken.position.history


def test_float16_keeps_updates_with_their_batches_when_a_gradient_overflows() -> None:
    import keras
    from keras import ops

    from sft_keras.training.optimizers import LossScaling

    variable = keras.Variable(np.zeros(2, "float32"))
    optimizer = LossScaling(keras.optimizers.SGD(1.0, gradient_accumulation_steps=2), initial_scale=4.0)
    optimizer.build([variable])
    gradient = ops.ones(2)
    for part in (gradient * np.inf, gradient * 4, gradient * 2, gradient * np.nan):
        optimizer.apply([part], [variable])
    # The scale is 4, then 2 after the overflow; the part that overflowed counts as zero in its own update.
    np.testing.assert_allclose(np.array(variable), [-(2 / 2) - (1 / 2)] * 2)
    assert int(optimizer.iterations) == 2


def no_memory_beyond(rows: int, monkeypatch: pytest.MonkeyPatch, from_call: int = 0) -> None:
    """Makes batches of more rows fail as they do when memory runs out, from some call on."""
    make, calls = EncodedRows.batch, []

    def batch(self: EncodedRows, indices: np.ndarray) -> Any:
        calls.append(len(indices))
        if len(indices) > rows and len(calls) > from_call:
            raise MemoryError("Unable to allocate 1 GiB")
        return make(self, indices)

    monkeypatch.setattr(EncodedRows, "batch", batch)


def test_memory_that_runs_out_halves_the_rows_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {**hard_settings("lstm"), "training": {"epochs": 2, "patience": None}}
    in_parts = {**settings, "training": {**settings["training"], "accumulation_steps": 4}}
    expected = run(tmp_path / "parts", in_parts)
    no_memory_beyond(4, monkeypatch)
    recorder = Recorder()
    trained = run(tmp_path / "short", settings, sink=recorder)
    np.testing.assert_array_equal(logits(trained), logits(expected))
    assert trained.config.training.accumulation_steps == 4
    told = [each["message"] for each in recorder.of("log") if "not enough memory" in each["message"]]
    assert [message.split(";")[0] for message in told] == [
        "There is not enough memory for 16 rows at once",
        "There is not enough memory for 8 rows at once",
    ]


def test_a_run_goes_on_in_parts_from_its_checkpoint_and_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without dropout the run must end as one that had memory enough: counters and rates go on where they were."""
    settings = {**with_parts(1, epochs=3, patience=None), "objective": hard_settings("lstm")["objective"]}
    settings["objective"]["terms"] = [{"name": "class_balanced", "weight": 0.1, "ramp_epochs": 3}]
    whole = run(tmp_path / "whole", settings)
    run(tmp_path / "short", settings, should_stop=stop_after(8))
    no_memory_beyond(8, monkeypatch)
    run(tmp_path / "short", settings, should_stop=stop_after(6))
    monkeypatch.undo()
    assert json.loads((tmp_path / "short" / FILE).read_text())["accumulation_steps"] == 2
    resumed = run(tmp_path / "short", settings)
    assert resumed.config.training.accumulation_steps == 2
    np.testing.assert_allclose(logits(resumed), logits(whole), atol=1e-3)
    rates = [[epoch["learning_rate"] for epoch in each.position.history] for each in (resumed, whole)]
    assert rates[0] == pytest.approx(rates[1])


def test_a_row_that_does_not_fit_is_an_error_with_advice(tmp_path: Path) -> None:
    config = RunConfig.parse({"training": {"batch_size": 3, "accumulation_steps": 2}})
    config = halved(config, tmp_path, Recorder())
    assert config.training.accumulation_steps == 3
    with pytest.raises(TrainingError, match="single row") as caught:
        halved(config, tmp_path, Recorder())
    assert "max_length" in caught.value.fix


def test_memory_errors_are_known_in_the_words_of_each_backend() -> None:
    class ResourceExhaustedError(Exception):
        pass

    for error in (
        MemoryError(),
        ResourceExhaustedError("x"),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes"),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    ):
        assert is_out_of_memory(error)
    assert not is_out_of_memory(ValueError("the shapes differ"))


@pytest.mark.parametrize(("gain", "chosen", "name"), [(0.5, "none", "32-bit"), (4.0, "bfloat16", "bfloat16")])
def test_the_number_format_is_settled_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gain: float, chosen: str, name: str
) -> None:
    recorder = Recorder()
    monkeypatch.setattr(precision, "bfloat16_gain", lambda: gain)
    assert settled(RunConfig(), tmp_path, recorder).training.mixed_precision == chosen
    (told,) = recorder.of("log")
    assert told["message"].startswith(f"Precision: {name} (bfloat16 was measured {gain:.1f} x as fast here as 32-bit")
    # Another machine measures otherwise; the run stays what it is.
    monkeypatch.setattr(precision, "bfloat16_gain", lambda: 2 / gain)
    assert settled(RunConfig(), tmp_path, recorder).training.mixed_precision == chosen
    named = RunConfig.parse({"training": {"mixed_precision": "float16"}})
    assert settled(named, tmp_path, recorder).training.mixed_precision == "float16"
    assert len(recorder.events) == 1


def test_the_measurement_gives_a_ratio() -> None:
    assert 0 < precision.bfloat16_gain() < 1000


def test_a_format_that_fails_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_32_bit(dtype: str, size: int) -> float:
        if dtype == "bfloat16":
            raise NotImplementedError(dtype)
        return 1.0

    monkeypatch.setattr(precision, "_seconds", only_32_bit)
    assert precision.bfloat16_gain.__wrapped__() == 0.0


def test_what_was_settled_and_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(ArtifactError, match="settled cannot be read"):
        settled(RunConfig(), tmp_path, Recorder())
