"""The training examples most like a text: found as by brute force, and each once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sft_keras.data.examples import Examples
from sft_keras.errors import DataError, InputValueError
from sft_keras.inference import training_features as module
from sft_keras.inference.training_features import shortened
from tests.conftest import sentences
from tests.inference.letters import WIDTH, Letters, features, ready, rows_of


def brute_force(rows: list[tuple[str, str]], text: str, count: int) -> list[float]:
    """The greatest cosines, in float64, of rows that differ."""
    different = {(" ".join(row.lower().split()), label): row for row, label in reversed(rows)}
    vectors = Letters().outputs(list(different.values())).astype(np.float64)
    own = Letters().outputs([text]).astype(np.float64)[0]
    cosine = vectors @ own / np.linalg.norm(vectors, axis=1) / np.linalg.norm(own)
    return sorted(cosine.tolist(), reverse=True)[:count]


@pytest.mark.parametrize("count", [1, 5, 20])
def test_the_nearest_are_those_of_brute_force(tmp_path: Path, count: int) -> None:
    rows = [*sentences(700), *sentences(40, seed=5)]
    found = ready(rows_of(tmp_path, rows)).nearest("a great film with a plot", count)
    assert [each.similarity for each in found.found] == pytest.approx(
        brute_force(rows, "a great film with a plot", count), abs=1e-5
    )
    assert (found.compared, found.drawn, found.rows) == (740, 740, 740)
    labels = dict(rows)
    assert all(labels[each.text] == each.label for each in found.found)


def test_a_planted_duplicate_comes_first_and_once(tmp_path: Path) -> None:
    text = "the very same text"
    rows = [*sentences(300), (text, "good"), *sentences(300, seed=9), (f" {text.upper()} ", "good"), (text, "good")]
    first = ready(rows_of(tmp_path, rows)).nearest(text).found[0]
    assert (first.text.lower(), first.label, first.similarity, first.times) == (text, "good", 1.0, 3)
    found = ready(rows_of(tmp_path, rows)).nearest(text).found
    assert [each.text.lower() for each in found].count(text) == 1
    # A text that stands with two labels is a contradiction that a person should see.
    told = ready(rows_of(tmp_path, [*rows, (text, "bad")])).nearest(text).found
    assert {each.label for each in told[:2]} == {"good", "bad"}


def test_vectors_that_are_all_alike_leave_the_same_text_first(tmp_path: Path) -> None:
    class Collapsed(Letters):
        def outputs(self, texts: list[str]) -> np.ndarray:
            return np.full((len(texts), WIDTH), 0.3, dtype=np.float32)

    rows = [*sentences(50), ("this one", "good")]
    assert ready(rows_of(tmp_path, rows), Collapsed()).nearest("this one").found[0].text == "this one"


def test_chinese_rows_and_three_rows(tmp_path: Path) -> None:
    rows = [("房间很干净，服务也好", "好评"), ("隔音太差，不会再来", "差评"), ("位置方便", "好评")]
    found = ready(rows_of(tmp_path, rows)).nearest("隔音太差，不会再来")
    assert [len(found.found), found.found[0].label, found.found[0].text] == [3, "差评", rows[1][0]]


def test_an_empty_text_is_like_nothing_and_a_huge_one_is_cut(tmp_path: Path) -> None:
    predictor = Letters()
    made = ready(rows_of(tmp_path, [*sentences(9), ("x" * 100_000, "good")]), predictor)
    assert made.nearest("").found == made.nearest(" \n ").found == []
    (first,) = made.nearest("x" * 100_000, 1).found
    assert (first.similarity, len(first.text)) == (1.0, module.MOST_SHOWN + 1)
    assert max(map(len, predictor.asked)) == module.MOST_CHARACTERS
    assert shortened("a\n b") == "a b"
    assert shortened(" " * 5000 + "end").endswith("…")


def test_a_vector_of_zeros_or_of_no_numbers_is_like_nothing(tmp_path: Path) -> None:
    class Odd(Letters):
        def outputs(self, texts: list[str]) -> np.ndarray:
            found = super().outputs(texts)
            found[0] = 0.0
            found[-1] = np.nan
            return found

    made = ready(rows_of(tmp_path, sentences(20)), Odd())
    assert all(each.similarity == 0.0 for each in made.nearest("a").found)


@pytest.mark.parametrize("count", [0, 21, True, "5", 2.0])
def test_a_count_out_of_range_is_refused(tmp_path: Path, count: Any) -> None:
    with pytest.raises(InputValueError, match="from 1 to 20"):
        ready(rows_of(tmp_path, sentences(9))).nearest("a", count)


def test_rows_that_are_gone_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing or damaged"):
        features(tmp_path / "train.parquet")


def test_of_many_rows_a_draw_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 50)
    found = ready(rows_of(tmp_path, sentences(200))).nearest("a great film")
    assert (found.compared, found.drawn, found.rows) == (50, 50, 200)


def test_rows_of_weight_zero_are_left_out(tmp_path: Path) -> None:
    rows = [*sentences(30), ("never trained with this", "good")]
    file = tmp_path / "train.parquet"
    weights = np.array([0.5] * 30 + [0.0], dtype=np.float32)
    Examples([text for text, _ in rows], [label for _, label in rows], weights, np.arange(31)).to_parquet(file)
    found = ready(file).nearest("never trained with this", 20)
    assert rows[-1][0] not in [each.text for each in found.found]
    assert (found.compared, found.drawn, found.rows) == (30, 30, 30)


def test_a_text_that_the_model_sees_as_nothing_is_like_nothing(tmp_path: Path) -> None:
    class Blind(Letters):
        def outputs(self, texts: list[str]) -> np.ndarray:
            return super().outputs(texts) * (texts != ["unseen"])

    made = ready(rows_of(tmp_path, sentences(20)), Blind())
    assert made.nearest("unseen").found == made.nearest(" " * module.MOST_CHARACTERS + "a").found == []
    assert made.nearest("seen").found


def test_different_texts_are_counted_by_label(tmp_path: Path) -> None:
    rows = [("one", "a"), ("One ", "a"), ("two", "a"), ("one", "b")]
    found = ready(rows_of(tmp_path, rows)).nearest("one")
    assert found.texts_by_label == {"a": 2, "b": 1}
    assert sum(each.times for each in found.found) == 4


def test_only_the_draw_is_held_and_of_long_texts_the_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 5)
    rows = [(f"{number}" + "长" * 2 * module.MOST_CHARACTERS, "good") for number in range(20)]
    made = features(rows_of(tmp_path, rows))
    assert [len(text) for text in made._drawn.texts] == [module.MOST_CHARACTERS] * 5
    assert made.nearest("").rows == 20


@pytest.mark.parametrize("family", ["lstm", "bert"])
def test_a_trained_model_finds_its_own_rows(family: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The vectors of real models, against those of the predictor; a row finds itself."""
    from sft_keras.artifacts.bundle import read_bundle
    from sft_keras.inference.loading import load_predictor
    from sft_keras.runs.directory import RunDirectory

    run = request.getfixturevalue(f"{family}_run").run
    bundle = read_bundle(run.bundle)
    file = rows_of(tmp_path, rows := [*zip(*_rows(RunDirectory(run.path)), strict=True)])
    made = module.training_features(bundle, load_predictor(bundle).model, file)
    made.prepare()
    for text, label in rows[:5]:
        found = made.nearest(text)
        assert (found.found[0].text, found.found[0].label) == (text, label)
        assert found.found[0].similarity == pytest.approx(1, abs=1e-4)
        vectors = made._predictor.outputs([*(row for row, _ in rows), text]).astype(np.float64)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        expected = np.sort(vectors[:-1] @ vectors[-1])[::-1][:5]
        assert [each.similarity for each in found.found] == pytest.approx(expected.tolist(), abs=1e-4)


def test_rows_of_another_model_are_refused(lstm_run: Any, tmp_path: Path) -> None:
    from sft_keras.artifacts.bundle import read_bundle
    from sft_keras.inference.loading import load_predictor

    bundle = read_bundle(lstm_run.run.bundle)
    file = rows_of(tmp_path, [("a row of another project", "invoice"), ("and one more", "good")])
    with pytest.raises(DataError, match="does not know"):
        module.training_features(bundle, load_predictor(bundle).model, file)


def _rows(run: Any) -> tuple[list[str], list[str]]:
    examples = Examples.from_parquet(run.data / "train.parquet")
    return examples.texts, examples.labels
