"""What the Evaluate page is told, against computations that share no code with it."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sft_keras.errors import ArtifactError, DataError, SftError
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.reports import save_predictions
from sft_keras.services import Services, Space
from sft_keras.services.space.base import new_key
from sft_keras.services.space.evaluation import EvaluationSpace
from sft_keras.settings import Settings
from tests.services.made_runs import NAMES, answers, made_run

ROWS = 60
TEXTS = [f"text {i} 文本" for i in range(ROWS)]
TRUTH = [i % 3 for i in range(ROWS)]
LABELS = [NAMES[i] for i in TRUTH]


@pytest.fixture
def space(tmp_path: Path) -> Space:
    """What a new owner can do."""
    return Services(Settings(data_dir=tmp_path / "data")).space(new_key())


@pytest.fixture
def scores() -> np.ndarray:
    return answers(TRUTH, 3, seed=1, right=0.6)


@pytest.fixture
def run(space: Space, scores: np.ndarray) -> str:
    return made_run(space, TEXTS, LABELS, scores)


def test_the_report_and_its_page(space: Space, run: str):
    report = space.report(run)
    assert report["labels"] == list(NAMES)
    assert report["rows"]["test"] == ROWS
    assert "baselines" in report
    assert TEXTS[0] not in space.report_page(run, language="zh")
    assert "训练于" in space.report_page(run, language="zh")
    assert space.report_config(run).evaluation.bootstrap_samples == 100


def test_the_rows_of_each_cell_are_those_that_the_matrix_counts(space: Space, run: str, scores: np.ndarray):
    matrix = space.report(run)["confusion_matrix"]
    for i, truth in enumerate(NAMES):
        for j, predicted in enumerate(NAMES):
            rows = space.cell_rows(run, truth, predicted)
            wanted = [
                (float(max(np.float32(p) for p in scores[n])), TEXTS[n])
                for n in range(ROWS)
                if TRUTH[n] == i and list(scores[n]).index(max(scores[n])) == j
            ]
            assert len(rows) == matrix[i][j]
            assert [row.text for row in rows] == [text for _, text in sorted(wanted, key=lambda each: -each[0])]
            assert {(row.truth, row.predicted) for row in rows} <= {(truth, predicted)}
            assert [row.confidence for row in rows] == pytest.approx([p for p, _ in sorted(wanted, reverse=True)])
    assert len(space.cell_rows(run, "bad", "bad", most=2)) == 2
    with pytest.raises(DataError, match="no such label"):
        space.cell_rows(run, "bad", "<script>")


def test_the_mistakes_are_the_most_confident_of_all(space: Space, run: str, scores: np.ndarray):
    wrong = sorted((-max(row), TEXTS[n]) for n, row in enumerate(scores) if int(np.argmax(row)) != TRUTH[n])
    assert [row.text for row in space.mistakes(run, most=5)] == [text for _, text in wrong[:5]]
    assert all(row.truth != row.predicted for row in space.mistakes(run, most=1000))


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.75, 0.999, 1.0])
def test_a_threshold_counts_what_is_answered(space: Space, run: str, scores: np.ndarray, threshold: float):
    kept = [n for n in range(ROWS) if max(np.float32(scores[n])) >= threshold]
    right = sum(int(np.argmax(scores[n])) == TRUTH[n] for n in kept)
    found = space.threshold(run, threshold)
    assert (found.answered, found.threshold) == (len(kept), threshold)
    assert found.coverage == pytest.approx(len(kept) / ROWS)
    assert found.accuracy == (pytest.approx(right / len(kept)) if kept else None)


def test_the_curve_of_thresholds_falls_from_everything_to_nothing(space: Space, run: str):
    curve = space.threshold_curve(run)
    assert [each.threshold for each in curve] == [i / 100 for i in range(101)]
    assert curve[0].coverage == 1.0
    assert curve[0].accuracy == pytest.approx(space.report(run)["metrics"]["accuracy"]["value"])
    assert all(a.answered >= b.answered for a, b in itertools.pairwise(curve))
    assert all(space.threshold(run, each.threshold) == each for each in curve[::10])


def mcnemar(first: int, second: int) -> float:
    """The exact two-sided test, from the definition."""
    total = first + second
    tail = sum(math.comb(total, k) for k in range(min(first, second) + 1)) / 2**total
    return min(1.0, 2 * tail)


def test_two_runs_are_compared_on_the_rows_that_both_have(space: Space, run: str, scores: np.ndarray):
    kept = [*range(10, ROWS)][::-1]
    others = answers([TRUTH[i] for i in kept], 3, seed=2, right=0.2)
    labels = ["good" if i == 10 else LABELS[i] for i in kept]  # the label of row 10 was another there
    second = made_run(space, [TEXTS[i] for i in kept] + ["new"], [*labels, "bad"], np.vstack([others, [0.4, 0.3, 0.3]]))
    shared = [i for i in kept if labels[kept.index(i)] == LABELS[i]]
    right = {i: int(np.argmax(scores[i])) == TRUTH[i] for i in shared}
    other_right = {i: int(np.argmax(others[kept.index(i)])) == TRUTH[i] for i in shared}
    only_first = sum(right[i] and not other_right[i] for i in shared)
    only_second = sum(other_right[i] and not right[i] for i in shared)

    found = space.compare(run, second, names=("A & B", "C"))
    assert found.rows == len(shared)
    assert (found.only_first, found.only_second) == (only_first, only_second)
    assert found.first["accuracy"] == pytest.approx(sum(right.values()) / len(shared))
    assert found.second["accuracy"] == pytest.approx(sum(other_right.values()) / len(shared))
    assert found.difference == pytest.approx((only_first - only_second) / len(shared))
    assert found.low < found.difference < found.high
    assert found.p_value == pytest.approx(mcnemar(only_first, only_second))
    assert found.verdict.startswith("“A & B” is ")
    swapped = space.compare(second, run, language="zh", names=("C", "A & B"))
    assert swapped.difference == -found.difference
    assert "“A & B”的准确率比“C”高" in swapped.verdict

    gains = np.array([right[i] - other_right[i] for i in shared], dtype=float)
    draws = np.random.default_rng(5).integers(0, len(gains), size=(4000, len(gains)))
    low, high = np.percentile(gains[draws].mean(axis=1), [2.5, 97.5])
    assert (found.low, found.high) == (pytest.approx(low, abs=0.03), pytest.approx(high, abs=0.03))


def test_a_row_that_stands_twice_in_one_run_counts_once_where_the_other_has_it_once(space: Space):
    labels = ["bad", "good"] * 6
    texts = [f"t{i}" for i in range(11)]
    sure = np.eye(3)[[0, 1] * 6]
    first = made_run(space, [*texts, texts[1]], labels, sure)
    second = made_run(space, texts, labels[:11], sure[:11])
    found = space.compare(first, second)
    assert found.rows == 11
    assert (found.difference, found.p_value, found.only_first) == (0.0, 1.0, 0)
    assert "get the same rows right" in found.verdict
    assert found.verdict.count("the first run") == 1


def test_runs_with_too_few_common_rows_are_not_compared(space: Space, run: str):
    texts = [*TEXTS[:9], *(f"else {i}" for i in range(9))]
    other = made_run(space, texts, LABELS[:18], answers(TRUTH[:18], 3, seed=3, right=0.5))
    with pytest.raises(DataError, match=r"share only 9 test row\(s\); 10 are needed"):
        space.compare(run, other)
    with pytest.raises(DataError, match="with itself"):
        space.compare(run, run)


def test_few_differing_rows_are_no_verdict(space: Space, run: str, scores: np.ndarray):
    wrong = [i for i in range(ROWS) if int(np.argmax(scores[i])) != TRUTH[i]][:4]
    better = scores.copy()
    better[wrong] = np.eye(3)[[TRUTH[i] for i in wrong]]
    found = space.compare(made_run(space, TEXTS, LABELS, better), run)
    assert found.only_first == 4
    assert "too few to tell" in found.verdict


def test_an_older_run_says_what_it_lacks_and_keeps_its_report(space: Space, scores: np.ndarray):
    run = made_run(space, TEXTS, LABELS, scores, predictions=False)
    assert space.report(run)["rows"]["test"] == ROWS
    for ask in (space.mistakes, space.threshold_curve, lambda each: space.cell_rows(each, "bad", "good")):
        with pytest.raises(ArtifactError, match="older version"):
            ask(run)


def test_a_run_without_a_report_says_why(space: Space, scores: np.ndarray):
    run = made_run(space, TEXTS, LABELS, scores, report=False)
    status = space.folder / "runs" / run / "status.json"
    with pytest.raises(ArtifactError, match="no test part"):
        space.report(run)
    status.write_text(json.dumps({**json.loads(status.read_text()), "state": "cancelled"}))
    with pytest.raises(ArtifactError, match="no report yet"):
        space.report_page(run)


def test_nobody_else_sees_anything(tmp_path: Path, space: Space, run: str):
    other: EvaluationSpace = Services(space.settings).space(new_key())
    asks: list[Callable[[], object]] = [
        lambda: other.report(run),
        lambda: other.report_page(run),
        lambda: other.mistakes(run),
        lambda: other.cell_rows(run, "bad", "bad"),
        lambda: other.threshold(run, 0.5),
        lambda: other.compare(run, run + "0"),
        lambda: other.evaluate_file(run, tmp_path, "x"),
        lambda: space.report(f"../runs/{run}"),
    ]
    for ask in asks:
        with pytest.raises(ArtifactError, match="There is no such run"):
            ask()


@pytest.mark.parametrize("damage", ["report/report.json", "data/predictions.npz", "data/test.parquet"])
def test_damage_is_told_without_a_place_on_the_machine(space: Space, run: str, damage: str):
    file = space.folder / "runs" / run / damage
    file.write_bytes(file.read_bytes()[:-20] if damage.endswith("npz") else b"rubbish")
    with pytest.raises(SftError) as error:
        (space.report if damage.startswith("report") else space.mistakes)(run)
    assert str(space.folder) not in str(error.value)
    assert Path(damage).name in str(error.value)


def test_answers_of_another_part_are_refused(space: Space, scores: np.ndarray):
    run = made_run(space, TEXTS, LABELS, scores)
    save_predictions(RunDirectory(space.folder / "runs" / run), NAMES, scores[:-1])
    with pytest.raises(ArtifactError, match="do not fit"):
        space.mistakes(run)
