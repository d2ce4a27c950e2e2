"""The training examples most like a text: found as by brute force, each once, from vectors that are kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sft_keras.data.examples import Examples
from sft_keras.errors import DataError, InputValueError
from sft_keras.inference import training_features as module
from sft_keras.inference.training_features import TrainingFeatures, shortened
from tests.conftest import sentences

WIDTH = 6


class Letters:
    """Stands for a `FeaturePredictor`: a vector of a text follows from its characters."""

    width = WIDTH

    def __init__(self) -> None:
        self.asked: list[str] = []

    def outputs(self, texts: list[str]) -> np.ndarray:
        self.asked += texts
        found = np.zeros((len(texts), WIDTH), dtype=np.float32)
        for row, text in enumerate(texts):
            for place, character in enumerate(text):
                found[row, (ord(character) * 31 + place) % WIDTH] += 1 + ord(character) % 7
        return found


def rows_of(folder: Path, rows: list[tuple[str, str]]) -> Path:
    """The training rows of a run."""
    file = folder / "data" / "train.parquet"
    file.parent.mkdir(exist_ok=True)
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    Examples(texts, labels, None, np.arange(len(rows)) + 1).to_parquet(file)
    return file


def features(file: Path, predictor: Any = None, **options: Any) -> TrainingFeatures:
    return TrainingFeatures(predictor or Letters(), file, **{"model": "m", "seed": 3, **options})


def ready(file: Path, predictor: Any = None, **options: Any) -> TrainingFeatures:
    made = features(file, predictor, **options)
    made.prepare()
    return made


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


def test_vectors_are_computed_once_and_anew_for_another_model(tmp_path: Path) -> None:
    file, predictor = rows_of(tmp_path, sentences(600)), Letters()
    expected = ready(file, predictor).nearest("a great film")
    assert len(predictor.asked) == 601
    again = Letters()
    assert ready(file, again).nearest("a great film") == expected
    assert len(again.asked) == 1
    kept = sorted((file.parent / module.FOLDER).glob("*/*.npy"))
    assert [path.name for path in kept] == ["000.npy", "001.npy", "002.npy"]
    assert not list(file.parent.rglob("*.part"))
    kept[1].write_bytes(b"rubbish")
    mended = Letters()
    assert ready(file, mended).nearest("a great film") == expected
    assert len(mended.asked) == module.CHUNK + 1
    other = Letters()
    ready(file, other, model="another")
    assert len(other.asked) == 600
    assert not kept[0].exists()


def test_a_question_waits_no_longer_than_allowed_and_the_next_goes_on(tmp_path: Path) -> None:
    rows = sentences(600)
    file, told = rows_of(tmp_path, rows), []
    made = features(file)
    made.prepare(0.0)
    found = made.nearest("a great film")
    assert (found.compared, found.drawn, found.rows, len(found.found)) == (module.CHUNK, 600, 600, 5)
    made.prepare(tell=lambda done, all_rows: told.append((done, all_rows)))
    assert told == [(512, 600), (600, 600)]
    assert made.nearest("a great film").compared == 600
    # What is ready first is a draw, not the beginning of the file.
    numbers = [int(re.findall(r"n(\d+)", text)[0]) for text in features(file)._drawn.texts[: module.CHUNK]]
    assert max(numbers) > 500
    assert features(file)._drawn.texts == made._drawn.texts != features(file, seed=4)._drawn.texts


def test_of_many_rows_a_draw_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 50)
    found = ready(rows_of(tmp_path, sentences(200))).nearest("a great film")
    assert (found.compared, found.drawn, found.rows) == (50, 50, 200)


def test_a_full_disk_costs_the_keeping_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    file = rows_of(tmp_path, sentences(20))
    monkeypatch.setattr(module.np, "save", full)
    assert len(ready(file).nearest("a great film").found) == 5
    assert not list(file.parent.rglob("*.npy"))
    assert not list(file.parent.rglob("*.part"))


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


def _rows(run: Any) -> tuple[list[str], list[str]]:
    examples = Examples.from_parquet(run.data / "train.parquet")
    return examples.texts, examples.labels
