"""The sums of the benchmarks, against counts by hand."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@contextlib.contextmanager
def program(name: str) -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(FOLDER))  # a program finds its neighbours
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def training() -> Iterator[ModuleType]:
    with program("training") as module:
        yield module


@pytest.fixture(scope="module")
def quality() -> Iterator[ModuleType]:
    with program("quality") as module:
        yield module


def test_the_work_of_a_text_is_that_of_its_matrices(training: ModuleType) -> None:
    """One layer, width 2, three tokens: every product of matrices by itself, 2 for a multiplication and an addition."""
    n, d = 3, 2
    projections = 4 * (2 * n * d * d)  # query, key, value, output
    attention = 2 * (2 * n * n * d)  # scores, and the mean of the values
    feed_forward = 2 * (2 * n * d * 4 * d)
    forward = projections + attention + feed_forward
    assert training.training_flops([n], layers=1, width=d) == 3 * forward
    assert training.training_flops([n, n], layers=2, width=d) == 4 * 3 * forward


def test_the_rate_leaves_out_the_first_epoch(training: ModuleType) -> None:
    assert training.rate({"epochs": [100.0, 2.0, 3.0]}, 10) == pytest.approx(4.0)
    assert training.rate({"epochs": [5.0]}, 10) == pytest.approx(2.0)


def test_ratios_are_taken_round_by_round(training: ModuleType) -> None:
    """A machine that is slower in one round slows both sides."""

    def side(seconds: float) -> dict[str, object]:
        return {"epochs": [1.0, seconds], "first_step": 1, "wall": 1, "peak_mib": 1, "accuracy": 0.5}

    rounds = [
        {"ours": side(1.0), "grouped": side(2.0)},
        {"ours": side(10.0), "grouped": side(20.0)},
        {"ours": side(4.0), "grouped": side(4.0)},
    ]
    row = training.table(rounds, {"rows": 40}, [20] * 40).splitlines()[-1]
    assert row.startswith("| grouped | 10.0 | 2.00 |")


def test_the_clock_counts_training_only(training: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = training.Clock()
    seconds = iter([10.0, 13.0, 17.0, 27.0, 29.0, 32.0])
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(seconds) + training.BEGAN)
    clock.event("start")
    clock.event("step", step=1, steps=2)
    clock.event("step", step=2, steps=2)
    clock.event("epoch", epoch=1)  # 10 s of validation later
    clock.event("step", step=1, steps=2)
    clock.event("step", step=2, steps=2)
    assert clock.first_step == pytest.approx(13.0)
    assert clock.epochs == pytest.approx([7.0, 5.0])


def test_scores_that_are_kept_are_not_measured_again(quality: ModuleType, tmp_path: Path) -> None:
    measured: list[int] = []

    def measure(seed: int) -> object:
        measured.append(seed)
        return quality.Score(seed / 10, 0.2, 0.3, 0.4, 5.0, "λ 0.1")

    def scores(case: str, grid: tuple[float, ...], seeds: int) -> list[object]:
        kept = quality.Kept(tmp_path / "scores.jsonl")  # as another process
        return kept.scores(case, {"objective": {"weight_grid": grid}}, measure, seeds)

    first = scores("cr", (0.1, 1.0), 2)
    assert scores("cr", (0.1, 1.0), 3)[:2] == first
    assert measured == [0, 1, 2]
    scores("cr", (0.1,), 1)  # other settings
    scores("trec6", (0.1, 1.0), 1)  # another case
    assert measured == [0, 1, 2, 0, 0]


def test_few_rows_are_those_that_can_be_learned_and_asked(
    quality: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = pd.DataFrame({"text": [f"text {n}" for n in range(41)], "label": ["a", "b"] * 20 + ["once"]})
    test = pd.DataFrame({"text": ["x", "y", "z"], "label": ["a", "once", "b"]})
    monkeypatch.setattr(quality, "frames", lambda *_: (train, test))
    parts = quality.few_parts(None, None, "set", 41, 0, tmp_path)
    assert parts.validation is None
    assert sorted(pd.read_csv(parts.train)["label"].unique()) == ["a", "b"]
    assert list(pd.read_csv(parts.test)["label"]) == ["a", "b"]
    quality.few_parts(None, None, "set", 12, 0, tmp_path)
    drawn = pd.read_csv(parts.train)["text"].tolist()
    assert len(drawn) in (11, 12)
    quality.few_parts(None, None, "set", 12, 1, tmp_path)
    assert pd.read_csv(parts.train)["text"].tolist() != drawn
