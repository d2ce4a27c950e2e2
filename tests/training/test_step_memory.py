"""The memory of a step, against figures that were measured, and a training that would not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from sft_keras.modeling.backbones.base import FAMILIES, Backbone, Encoder, Location
from sft_keras.training import step_memory as subject
from sft_keras.training import trainer
from sft_keras.training.step_memory import StepMemory, room, step_memory
from tests.conftest import merged
from tests.training.tiny_trainings import Recorder, logits, run

MIB = 2**20
WEIGHT = SimpleNamespace(shape=(1000, 1000))
TRAINED, FROZEN = SimpleNamespace(trainable_variables=[WEIGHT]), SimpleNamespace(trainable_variables=[])


def foreseen(
    family: str, layers: int, width: int, heads: int, length: int, dtype: str = "float32", frozen: int = 0
) -> StepMemory:
    """That of a backbone of a given shape."""
    hub: Any = SimpleNamespace(
        num_layers=layers, hidden_dim=width, num_heads=heads, dtype_policy=SimpleNamespace(compute_dtype=dtype)
    )
    blocks = (FROZEN,) * frozen + (TRAINED,) * (layers - frozen)
    encoder = Encoder(model=None, embeddings=(), blocks=blocks, hub_backbone=hub)
    backbone = Backbone(FAMILIES.get(family), Location("x", "x"))
    found = step_memory(backbone, encoder, TRAINED, length)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("shape", "measured"),
    [
        # Differences of peaks with 8 and 2, or 16 and 2 rows, a row: benchmarks/step_memory.py.
        (("bert", 6, 384, 12, 512), 323),
        (("bert", 6, 384, 12, 256), 118),
        (("bert", 6, 384, 6, 256), 98),
        (("bert", 6, 384, 12, 32), 10.4),
        (("bert", 12, 768, 12, 256), 397),
        (("gpt2", 6, 384, 12, 256), 138),
        (("deberta_v3", 6, 384, 12, 256), 210),
        (("bert", 6, 384, 12, 256, "bfloat16"), 65),
    ],
)
def test_what_a_row_needs_is_near_what_was_measured(shape: Any, measured: float) -> None:
    assert foreseen(*shape).per_row / MIB == pytest.approx(measured, rel=0.15)


def test_layers_that_stand_still_keep_nothing() -> None:
    assert foreseen("bert", 6, 384, 12, 256, frozen=4).per_row * 3 == pytest.approx(
        foreseen("bert", 6, 384, 12, 256).per_row, rel=1e-6
    )


def test_the_process_and_the_weights_are_counted_once() -> None:
    found = foreseen("bert", 2, 16, 2, 16)
    assert found.fixed == pytest.approx(psutil.Process().memory_info().rss + 5 * 4 * 10**6, rel=0.01)
    assert found.of(3) - found.of(1) == 2 * found.per_row


def test_a_container_has_the_room_of_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, none = tmp_path / "memory.max", tmp_path / "unlimited"
    limit.write_text(f"{10**9}\n")
    none.write_text("max\n")
    monkeypatch.setattr(subject, "GROUP_LIMITS", (none, tmp_path / "missing"))
    assert room() == round(0.8 * psutil.virtual_memory().total)
    monkeypatch.setattr(subject, "GROUP_LIMITS", (none, limit))
    assert room() == 8 * 10**8


def test_nothing_is_foretold_for_a_model_without_layers_of_attention(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(trainer, "room", lambda: 0)
    assert run(tmp_path, {"model": {"backbone": "lstm"}}).config.training.accumulation_steps == 1


def test_a_batch_that_would_not_fit_is_divided_before_the_first_step(
    tmp_path: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"model": {"backbone": str(tiny_bert)}, "training": {"epochs": 1}}
    parted = run(tmp_path / "parted", merged(settings, {"training": {"accumulation_steps": 4}}))
    of = StepMemory.of
    monkeypatch.setattr(StepMemory, "of", lambda self, rows: of(replace(self, fixed=0, per_row=10**9), rows))
    monkeypatch.setattr(trainer, "room", lambda: 4 * 10**9)
    recorder = Recorder()
    trained = run(tmp_path / "run", settings, sink=recorder)
    assert trained.complete
    np.testing.assert_array_equal(logits(trained), logits(parted))
    told = [each["message"] for each in recorder.of("log")]
    assert [message for message in told if "would take about" in message] == [
        f"A step on {rows} texts of 10 tokens would take about {rows}.0 GB; there are 4.0 for a training."
        for rows in (16, 8)
    ]
    assert trained.config.training.accumulation_steps == 4
    # A single row is tried whatever is foretold.
    monkeypatch.setattr(trainer, "room", lambda: 0)
    alone = run(tmp_path / "alone", settings)
    assert alone.config.training.accumulation_steps == 16
