"""λ found on the validation part: the choice, the noise, and what a broken search keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.data.splits import Splits
from sft_keras.errors import ConfigError
from sft_keras.runs.lambda_search import folder_of, search_weight
from sft_keras.runs.worker import RunResult
from sft_keras.training.progress import ProgressSink, Silent

ROWS = 200
AUTO = {"objective": {"terms": [{"name": "supcon", "weight": "auto"}], "weight_grid": [0.1, 1.0]}}


def examples(rows: int) -> Examples:
    labels = tuple("ab"[index % 2] for index in range(rows))
    return Examples(tuple(f"text {index}" for index in range(rows)), labels, None, "test")


@pytest.fixture
def splits() -> Splits:
    return Splits(examples(20), examples(ROWS), examples(20))


class Trainer:
    """Stands for trainings: with each λ a given share of the validation rows is answered rightly."""

    def __init__(self, right: dict[float, int], stop_at: float | None = None) -> None:
        self.right = right
        self.stop_at = stop_at
        self.trained: list[float] = []

    def train(self, config: RunConfig, folder: Path, sink: ProgressSink) -> Any:
        weight = config.objective.terms[0].value
        sink.event("start", epochs=1)
        self.trained.append(weight)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "epoch-00001-step-00000000").mkdir(exist_ok=True)
        (folder / "best.safetensors").write_bytes(b"weights")
        score = self.right[weight] / ROWS
        history = ({"val_macro_f1": score, "val_accuracy": score, "val_task_loss": 1 - score},)
        position = SimpleNamespace(history=history, best_epoch=1, epoch=1, seconds=1.0)
        return SimpleNamespace(complete=weight != self.stop_at, position=position, weight=weight, config=config)

    def probabilities(self, trained: Any, validation: Examples) -> np.ndarray:
        truth = np.arange(len(validation)) % 2
        answers = np.where(np.arange(len(validation)) < self.right[trained.weight], truth, 1 - truth)
        return np.eye(2)[answers] * 0.8 + 0.1


def search(trainer: Trainer, splits: Splits, folder: Path, **settings: Any) -> tuple[RunConfig, dict[str, Any]] | None:
    return search_weight(
        RunConfig.parse({**AUTO, **settings}),
        splits,
        checkpoints=folder,
        sink=Silent(),
        train=trainer.train,
        probabilities=trainer.probabilities,
        labels=Labels.of(("a", "b")),
    )


@pytest.mark.parametrize("monitor", ["macro_f1", "accuracy", "task_loss"])
def test_a_lead_beyond_the_noise_is_taken(splits: Splits, tmp_path: Path, monitor: str) -> None:
    found = search(Trainer({0.0: 120, 0.1: 180, 1.0: 130}), splits, tmp_path, training={"monitor": monitor})
    assert found is not None
    config, table = found
    assert table["chosen"] == table["best"] == 0.1
    assert table["difference"] > 0
    assert table["interval"][0] > 0
    assert config.objective.terms[0].weight == 0.1
    assert not config.objective.searches_weight


def test_a_lead_within_the_noise_keeps_zero_and_says_so(splits: Splits, tmp_path: Path) -> None:
    found = search(Trainer({0.0: 150, 0.1: 153, 1.0: 140}), splits, tmp_path)
    assert found is not None
    config, table = found
    assert (table["best"], table["chosen"], table["kept_zero"]) == (0.1, 0.0, True)
    assert "within the noise" in table["message"]
    assert config.objective.terms[0].weight == 0.0


def test_zero_wins_a_tie(splits: Splits, tmp_path: Path) -> None:
    found = search(Trainer({0.0: 150, 0.1: 150, 1.0: 150}), splits, tmp_path)
    assert found is not None
    assert found[1]["best"] == 0.0
    assert "did not help" in found[1]["message"]


def test_a_stopped_search_trains_nothing_twice(splits: Splits, tmp_path: Path) -> None:
    right = {0.0: 120, 0.1: 180, 1.0: 130}
    assert search(Trainer(right, stop_at=0.1), splits, tmp_path) is None
    second = Trainer(right)
    found = search(second, splits, tmp_path)
    assert second.trained == [0.1, 1.0]
    assert found is not None
    assert found[1] == search(Trainer({}), splits, tmp_path)[1]


def test_what_was_tried_with_other_settings_is_tried_again(splits: Splits, tmp_path: Path) -> None:
    right = {0.0: 120, 0.1: 180, 1.0: 130}
    assert search(Trainer(right, stop_at=0.1), splits, tmp_path) is None
    (folder_of(tmp_path, 0.0) / "validation.npy").write_bytes(b"")
    again = Trainer(right, stop_at=0.1)
    search(again, splits, tmp_path)
    assert again.trained == [0.0, 0.1]
    other = Trainer(right)
    search(other, splits, tmp_path, training={"epochs": 9})
    assert other.trained == [0.0, 0.1, 1.0]


def test_only_states_that_can_still_be_chosen_are_kept(splits: Splits, tmp_path: Path) -> None:
    search(Trainer({0.0: 120, 0.1: 180, 1.0: 130}), splits, tmp_path)
    states = {weight: any(folder_of(tmp_path, weight).glob("epoch-*")) for weight in (0.0, 0.1, 1.0)}
    assert states == {0.0: True, 0.1: True, 1.0: False}


def test_a_run_finds_its_weight(train_run: Callable[..., RunResult], services: Any) -> None:
    result = train_run(
        {
            "model": {"backbone": "lstm"},
            "objective": {"terms": [{"name": "supcon", "weight": "auto"}], "weight_grid": [0.5]},
        }
    )
    assert result.report is not None
    table = result.report["lambda_search"]
    assert [row["weight"] for row in table["rows"]] == [0.0, 0.5]
    kept = RunConfig.from_yaml(result.run.bundle / "config.yaml")
    assert kept.objective.terms[0].weight == table["chosen"]
    assert not result.run.checkpoints.exists()
    assert "λ" in (result.run.path / "log.txt").read_text(encoding="utf-8")


def test_auto_is_for_runs_only() -> None:
    with pytest.raises(ConfigError, match="it is found by a run"):
        _ = RunConfig.parse(AUTO).objective.terms[0].value


def test_the_figure_that_ranks_is_the_one_that_is_tested(splits: Splits, tmp_path: Path) -> None:
    """The loss of a training counts weights of classes; ranked by it, a λ was told to be worse than 0 and "better"."""

    class Weighted(Trainer):
        def train(self, config: RunConfig, folder: Path, sink: ProgressSink) -> Any:
            trained = super().train(config, folder, sink)
            trained.position.history[0]["val_task_loss"] = 9.0 if trained.weight == 0.1 else 0.1
            return trained

    found = search(Weighted({0.0: 120, 0.1: 180, 1.0: 110}), splits, tmp_path, training={"monitor": "task_loss"})
    assert found is not None
    assert found[1]["best"] == 0.1
    assert found[1]["difference"] > 0
