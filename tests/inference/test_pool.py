"""The pool: which models stay, who is computed together, and what happens under load."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from sft_keras.data.labels import Labels
from sft_keras.errors import ArtifactError, OverloadedError
from sft_keras.inference.base import TextPredictor
from sft_keras.inference.pool import ModelPool, Opened
from sft_keras.tasks.base import TASKS


class Fake(TextPredictor):
    """Gives the length of a text as a logit; remembers its batches; waits until it may go on."""

    def __init__(self) -> None:
        super().__init__(Labels(("a", "b")), TASKS.get("classification"))
        self.batches: list[list[str]] = []
        self.go = threading.Event()
        self.go.set()
        self.closed = threading.Event()

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        assert not self.closed.is_set()
        self.batches.append(list(texts))
        self.go.wait(20)
        if "poison" in texts:
            raise ValueError("poison")
        return np.array([[0, len(text)] for text in texts], dtype=np.float32)

    def close(self) -> None:
        self.closed.set()


class Models:
    """Fakes by folder."""

    def __init__(self, size: int = 1) -> None:
        self.opened: list[tuple[str, Fake]] = []
        self.size = size

    def __call__(self, folder: Path) -> Opened:
        time.sleep(0.05)
        fake = Fake()
        self.opened.append((folder.name, fake))
        return Opened(fake, self.size)


@pytest.fixture
def bundle(tmp_path: Path) -> Callable[[str], Path]:
    """A folder with a manifest."""

    def make(name: str, content: str = "{}") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "manifest.json").write_text(content, encoding="utf-8")
        return folder

    return make


def test_many_who_ask_at_once_get_one_model_and_their_own_answers(bundle: Callable[[str], Path]) -> None:
    models = Models()
    pool = ModelPool(opener=models, gather_seconds=0.05)
    one = bundle("one")

    def ask(number: int) -> np.ndarray:
        return pool.predictor(one).logits(["x" * number] * 2)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(ask, range(1, 33)))
    assert [answer[:, 1].tolist() for answer in answers] == [[n, n] for n in range(1, 33)]
    ((_, fake),) = models.opened
    assert len(fake.batches) < 16
    pool.close()
    assert fake.closed.wait(5)


def test_the_model_used_longest_ago_goes_and_comes_back_when_asked(bundle: Callable[[str], Path]) -> None:
    models = Models()
    pool = ModelPool(opener=models, most_models=2)
    first = pool.predictor(bundle("one"))
    second = pool.predictor(bundle("two"))
    first.logits(["x"])
    pool.predictor(bundle("three"))
    fakes = dict(models.opened)
    assert fakes["two"].closed.wait(5)
    assert not fakes["one"].closed.is_set()
    assert second.logits(["xyz"])[0, 1] == 3
    assert [name for name, _ in models.opened] == ["one", "two", "three", "two"]
    pool.close()


def test_memory_bounds_the_number_too_but_never_the_one_in_use(bundle: Callable[[str], Path]) -> None:
    models = Models(size=10)
    pool = ModelPool(opener=models, most_bytes=15)
    pool.predictor(bundle("one"))
    assert pool.predictor(bundle("two")).logits(["x"])[0, 1] == 1
    assert models.opened[0][1].closed.wait(5)
    assert not models.opened[1][1].closed.is_set()
    huge = ModelPool(opener=models, most_bytes=5)
    assert huge.predictor(bundle("one")).logits(["x"])[0, 1] == 1
    pool.close()
    huge.close()


def test_a_model_that_was_trained_anew_answers_from_then_on(bundle: Callable[..., Path]) -> None:
    models = Models()
    pool = ModelPool(opener=models)
    predictor = pool.predictor(bundle("one"))
    predictor.logits(["x"])
    bundle("one", '{"format_version": 1}')
    predictor.logits(["x"])
    assert len(models.opened) == 2
    assert models.opened[0][1].closed.wait(5)
    pool.close()


def test_too_many_requests_are_refused_and_the_others_answered(bundle: Callable[[str], Path]) -> None:
    models = Models()
    pool = ModelPool(opener=models, most_waiting=3, gather_seconds=0)
    predictor = pool.predictor(bundle("one"))
    fake = models.opened[0][1]
    fake.go.clear()
    with ThreadPoolExecutor(8) as threads:
        running = threads.submit(predictor.logits, ["x"])
        while not fake.batches:
            time.sleep(0.01)
        waiting = [threads.submit(predictor.logits, ["xy"]) for _ in range(5)]
        time.sleep(0.2)
        refused = [each for each in waiting if each.done()]
        assert len(refused) == 2
        for each in refused:
            with pytest.raises(OverloadedError, match="more requests than it can answer"):
                each.result()
        fake.go.set()
        assert running.result()[0, 1] == 1
        assert all(each.result()[0, 1] == 2 for each in waiting if each not in refused)
    pool.close()


def test_a_request_that_fails_spoils_no_other(bundle: Callable[[str], Path]) -> None:
    pool = ModelPool(opener=Models(), gather_seconds=0.2)
    predictor = pool.predictor(bundle("one"))
    with ThreadPoolExecutor(4) as threads:
        bad = threads.submit(predictor.logits, ["poison"])
        good = [threads.submit(predictor.logits, ["xx"]) for _ in range(3)]
        assert all(each.result()[0, 1] == 2 for each in good)
        with pytest.raises(ValueError, match="poison"):
            bad.result()
    assert predictor.logits(["x"])[0, 1] == 1
    pool.close()


def test_a_long_list_lets_others_in_between(bundle: Callable[[str], Path]) -> None:
    models = Models()
    pool = ModelPool(opener=models)
    texts = ["x" * (n % 7) for n in range(300)]
    found = pool.predictor(bundle("one")).logits(texts)
    assert found[:, 1].tolist() == [len(text) for text in texts]
    assert max(map(len, models.opened[0][1].batches)) <= 64
    assert pool.predictor(bundle("one")).predict([]) == []
    pool.close()


def test_no_bundle_is_told_each_time(tmp_path: Path) -> None:
    pool = ModelPool()
    for _ in range(2):
        with pytest.raises(ArtifactError, match="no bundle here"):
            pool.predictor(tmp_path / "nothing")


def test_many_threads_while_models_come_and_go(bundle: Callable[[str], Path]) -> None:
    pool = ModelPool(opener=Models(), most_models=1, gather_seconds=0)
    places = [bundle(name) for name in ("one", "two", "three")]

    def ask(number: int) -> bool:
        try:
            return bool(pool.predictor(places[number % 3]).logits(["x" * number])[0, 1] == number)
        except ArtifactError as error:  # it may be put out again and again in the meantime
            return "put out" in str(error)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(60)))
    pool.close()
