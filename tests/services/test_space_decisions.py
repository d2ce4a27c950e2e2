"""Costs of mistakes and a wanted accuracy as a page asks for them, against computations that share no code with it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sft_keras.errors import InputValueError, SftError
from sft_keras.runs import decided
from sft_keras.runs.decided import VALIDATION_PREDICTIONS
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.reports import save_predictions
from sft_keras.services import Services, Space
from sft_keras.services.space.base import new_key
from sft_keras.services.wording import told
from sft_keras.ui.tabs.evaluate_costs import costs_effect, figures_of, table_of
from sft_keras.ui.tabs.evaluate_wanted import wanted_effect
from sft_keras.ui.texts import catalogue
from tests.services.decided_runs import MATRIX, ROWS, TEXTS, TRUTH, made
from tests.services.made_runs import NAMES, answers, examples, made_run

EN, ZH = catalogue("en"), catalogue("zh")


def test_the_costs_are_those_of_the_test_rows_and_are_kept(space: Space, scores: np.ndarray):
    run = made(space, scores, answers(TRUTH, 3, seed=2, right=0.7))
    assert space.saved_costs(run) == (NAMES, None)
    found = space.decision_costs(run, MATRIX, 0.9)
    paid = []
    for truth, row in zip(TRUTH, scores.astype(float), strict=True):
        expected = [*(row @ np.array(MATRIX) / row.sum()), 0.9]
        best = int(np.argmin(expected))
        paid.append(0.9 if best == 3 else MATRIX[truth][best])
    assert found.test.policy("decision").mean == pytest.approx(np.mean(paid))
    assert found.validation is not None
    names, kept = space.saved_costs(run)
    assert names == NAMES
    assert kept is not None
    assert (kept.matrix.tolist(), kept.hand_over) == (MATRIX, 0.9)


def test_costs_that_cannot_be_used_are_not_kept_and_are_told_in_chinese(space: Space, scores: np.ndarray):
    run = made(space, scores)
    space.decision_costs(run, MATRIX)
    for wrong in ([[0]], [[0, -1, 1]] * 3, [[0, float("nan"), 1]] * 3, "x", None, [["", 1, 1]] * 3):
        with pytest.raises(InputValueError) as error:
            space.decision_costs(run, wrong)
        assert told(error.value, "zh").problem != error.value.problem
        assert told(error.value, "zh").fix != error.value.fix
    assert space.saved_costs(run)[1].matrix.tolist() == MATRIX


def test_damaged_costs_are_as_none(space: Space, scores: np.ndarray):
    run = made(space, scores)
    file = RunDirectory(space.place("runs", run)).data / "costs.json"
    for text in ("{", "[]", '{"labels": ["bad", "good", "so-so"], "costs": [[NaN]]}', json.dumps({"labels": ["x"]})):
        file.write_text(text)
        assert space.saved_costs(run)[1] is None
        assert space.saved_figures(run) is None


def test_without_a_model_or_validation_rows_the_test_part_is_still_scored(space: Space, scores: np.ndarray):
    assert space.decision_costs(made(space, scores), MATRIX).validation is None


def test_another_owner_sees_nothing(space: Space, scores: np.ndarray):
    run = made(space, scores)
    other = space.installation.space(new_key())
    with pytest.raises(SftError):
        other.decision_costs(run, MATRIX)
    with pytest.raises(SftError):
        other.wanted_accuracy(run, 0.9)


def planted(sure: int) -> np.ndarray:
    """Right where it is 0.9 sure, which are the first rows; wrong where it is 0.5 sure."""
    scores = np.zeros((ROWS, 3))
    for row, truth in enumerate(TRUTH):
        scores[row, truth if row < sure else (truth + 1) % 3] = 0.9 if row < sure else 0.5
        scores[row, (truth + 2) % 3] = 1 - scores[row].sum()
    return scores


def test_a_wanted_accuracy_is_chosen_on_validation_and_told_for_the_test_part(space: Space):
    run = made(space, planted(30), planted(60))
    found = space.wanted_accuracy(run, 0.95)
    assert found.threshold == pytest.approx(0.9)
    assert (found.answered, found.right, found.rows) == (30, 30, ROWS)
    said = wanted_effect(space, run, 95, EN)
    assert "90.0%" in said
    assert "33.3% of the 90 texts (30)" in said
    assert "测试集" in wanted_effect(space, run, 95, ZH)
    assert "nothing has to be left out" in wanted_effect(space, run, 50, EN)


def test_an_accuracy_that_no_threshold_reaches_is_said_plainly(space: Space):
    run = made(space, planted(30), planted(0))
    assert space.wanted_accuracy(run, 0.9).threshold is None
    assert "No confidence reaches 90.0%" in wanted_effect(space, run, 90, EN)


@pytest.mark.parametrize("wanted", [None, "x", 3, 100, float("nan"), True, [95]])
def test_a_wanted_accuracy_that_is_none_gets_a_message(space: Space, scores: np.ndarray, wanted):
    assert "Give an accuracy from 50 to 99.9" in wanted_effect(space, made(space, scores, scores), wanted, EN)


def test_the_page_begins_with_1_each_and_says_what_the_costs_lead_to(space: Space):
    names, labels = ("ham", "<b>spam"), [("ham", "<b>spam")[i % 2] for i in range(ROWS)]
    p = np.random.default_rng(0).uniform(size=ROWS)
    run = made(space, np.stack([1 - p, p], axis=1), names=names, labels=labels)
    header, rows, price = table_of(space, run, EN)
    assert header[1:] == list(names)
    assert rows == [["ham", 0.0, 1.0], ["<b>spam", 1.0, 0.0]]
    assert price is None
    said = costs_effect(space, run, [["<b>spam", 1, 0], ["ham", 0, 5]], None, EN)
    assert "from 83.3% to 100.0%" in said
    assert "<b>spam" not in said
    assert table_of(space, run, ZH)[1] == [["ham", 0.0, 5.0], ["<b>spam", 1.0, 0.0]]
    assert "交给人工" in costs_effect(space, run, rows, 0.1, ZH)
    for wrong in (
        rows[:1],
        None,
        "x",
        [["ham", 0, -1], ["<b>spam", 1, 0]],
        [["ham", 0, ""], ["<b>spam", 1, 0]],
        [[], []],
    ):
        assert "cannot be used" in costs_effect(space, run, wrong, None, EN)
    assert "cannot be used" in costs_effect(space, run, rows, -1, EN)


def test_many_labels_are_asked_for_two_figures_each(space: Space):
    names = tuple(f"l{i:02}" for i in range(20))
    labels = [names[i % 20] for i in range(ROWS)]
    run = made(space, answers([i % 20 for i in range(ROWS)], 20, seed=0, right=0.5), names=names, labels=labels)
    _, rows, _ = table_of(space, run, EN)
    assert rows[0] == ["l00", 1.0, 0.0]
    rows[0] = ["l00", 7.0, 2.0]
    assert "on average" in costs_effect(space, run, rows, None, EN)
    assert table_of(space, run, EN)[1][0] == ["l00", 7.0, 2.0]
    assert space.saved_costs(run)[1].matrix[0, 1] == 7.0
    assert space.saved_costs(run)[1].matrix[1, 0] == 3.0
    assert "cannot be used" in costs_effect(space, run, [row[:2] for row in rows], None, EN)


def test_a_full_disk_costs_only_the_keeping(space: Space, scores: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    run = made(space, scores)
    monkeypatch.setattr(decided, "write_json", full)
    shown = costs_effect(space, run, [[name, *row] for name, row in zip(NAMES, MATRIX, strict=True)], None, EN)
    assert "could not be kept" in shown
    assert "on average" in shown


def test_a_run_without_a_test_part_is_no_old_one(space: Space, scores: np.ndarray):
    run = space.place("runs", made(space, scores))
    (run / "data" / "test.parquet").unlink()
    with pytest.raises(SftError, match="no scored test part"):
        Services(space.settings).decision_costs(run)


def test_the_label_for_all_texts_is_chosen_on_validation_rows(space: Space):
    """Two of three test rows are of the first label, two of three validation rows of the second."""
    labels, other = [NAMES[0]] * 60 + [NAMES[1]] * 30, [NAMES[0]] * 30 + [NAMES[1]] * 60
    run = made_run(space, TEXTS, labels, answers([0] * 60 + [1] * 30, 3, seed=0, right=0.6), names=NAMES)
    folder = RunDirectory(space.place("runs", run))
    examples(TEXTS, other).to_parquet(folder.data / "validation.parquet")
    save_predictions(folder, NAMES, answers([0] * 30 + [1] * 60, 3, seed=0, right=0.6), VALIDATION_PREDICTIONS)
    assert space.decision_costs(run, [[0, 1, 1], [1, 0, 1], [1, 1, 0]]).test.single == 1


def test_something_simpler_is_praised_only_beyond_chance(space: Space):
    """By a price of a person at which asking and answering cost about the same, one is cheaper by chance."""
    for seed in range(12):
        run = made(space, answers(TRUTH, 3, seed=seed, right=0.55))
        found = space.decision_costs(run, [[0, 1, 1], [1, 0, 1], [1, 1, 0]], 0.44)
        person = found.test.policy("person")
        rows = [[name, *row] for name, row in zip(NAMES, [[0, 1, 1], [1, 0, 1], [1, 1, 0]], strict=True)]
        praised = "Something simpler" in costs_effect(space, run, rows, 0.44, EN)
        beyond = [each for each in found.test.policies if each.name in ("single", "person") and each.more_high < 0]
        assert praised == bool(beyond), (seed, person)


def test_an_accuracy_that_the_test_part_misses_is_a_warning(space: Space):
    sure = np.full((ROWS, 3), 0.00002)
    sure[:, 0] = 0.99996
    right = sure[np.arange(ROWS)[:, None], (np.arange(3)[None, :] - np.array(TRUTH)[:, None]) % 3]
    run = made(space, sure, validation=right)  # on validation all is right, on test a third
    shown = wanted_effect(space, run, 95.0, EN)
    assert "That is less than" in shown
    assert "33.3%" in shown


def test_a_threshold_is_told_so_that_it_can_be_used(space: Space):
    scores = answers(TRUTH, 3, seed=1, right=0.7)
    hits = scores.argmax(axis=1) == np.array(TRUTH)
    sure = np.where(hits, 0.99996, 0.4)
    rows = np.full((ROWS, 3), ((1 - sure) / 2)[:, None])
    rows[np.arange(ROWS), scores.argmax(axis=1)] = sure
    run = made(space, rows, validation=rows)
    found = space.wanted_accuracy(run, 0.95)
    assert found.threshold == 0.99996
    assert found.answered == hits.sum()
    assert "99.9960%" in wanted_effect(space, run, 95.0, EN)


def test_rows_that_were_sorted_are_put_in_order():
    assert figures_of([["b", 1, 0], ["a", 0, 2]], ["a", "b"]) == [[0, 2], [1, 0]]
