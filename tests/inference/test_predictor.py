"""The predictor: order, empty texts, long texts, streams."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from sft_keras.errors import SftError
from sft_keras.inference.predictor import Predictor
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from tests.conftest import sentences


@pytest.fixture(scope="module")
def predictor(services: Services, lstm_run: RunResult) -> Predictor:
    return services.load(lstm_run.run.bundle)


TEXTS = [text * (1 + index % 5) for index, (text, _) in enumerate(sentences(70, seed=1))]


def test_predictions_come_in_the_order_of_the_texts(predictor: Predictor) -> None:
    together = predictor.probabilities(TEXTS)
    assert together.dtype == np.float64
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-12)
    alone = np.concatenate([predictor.probabilities([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert [p.text for p in predictor.predict(TEXTS)] == TEXTS


def test_where_memory_runs_out_smaller_batches_are_tried(predictor: Predictor) -> None:
    tried = []

    class Small:
        """The model on a machine that holds 5 rows."""

        jit_compile = False

        def predict_on_batch(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
            tried.append(len(inputs["token_ids"]))
            if tried[-1] > 5:
                raise MemoryError("Unable to allocate 1 GiB")
            return np.asarray(predictor._model.predict_on_batch(inputs))

    small = copy.copy(predictor)
    small._model = Small()
    np.testing.assert_allclose(small.logits(TEXTS), predictor.logits(TEXTS), atol=1e-5)
    assert tried[:4] == [32, 16, 8, 4]
    small._model.predict_on_batch = _fails
    with pytest.raises(ValueError, match="shapes"):
        small.logits(TEXTS)


def _fails(inputs: dict[str, np.ndarray]) -> np.ndarray:
    raise ValueError("the shapes differ")


def test_texts_without_content_get_empty_predictions(predictor: Predictor) -> None:
    found = predictor.predict(["", "a great film", " \n\t", "\ufeff"])
    assert [bool(p.label) for p in found] == [False, True, False, True]
    assert (found[0].confidence, found[0].probabilities) == (0.0, {})
    assert predictor.predict([]) == []
    assert predictor.predict(["", ""])[1].label == ""


def test_unusual_texts(predictor: Predictor) -> None:
    texts = ["word " * 20_000, "\ud800 half", "\0", "🙂" * 50, "never seen zzzqqq"]
    assert all(np.isfinite(list(p.probabilities.values())).all() for p in predictor.predict(texts) if p.label)


def test_a_compiled_model_sees_few_shapes_and_answers_alike(services: Services, lstm_run: RunResult) -> None:
    predictor = services.load(lstm_run.run.bundle)
    model, shapes = predictor._model, set()
    expected = predictor.probabilities(TEXTS)
    predict = model.predict_on_batch

    def seen(inputs: dict[str, np.ndarray]) -> np.ndarray:
        shapes.add(inputs["token_ids"].shape)
        return predict(inputs)

    model.predict_on_batch = seen
    model.jit_compile = True
    np.testing.assert_allclose(predictor.probabilities(TEXTS), expected, atol=1e-5)
    # 70 texts are two batches of 32 and one of 6; a text is cut to 16 tokens, which is less than the multiple of 32.
    assert shapes == {(32, 16), (8, 16)}


def test_the_most_likely_label_wins(predictor: Predictor) -> None:
    for prediction in predictor.predict(TEXTS[:10]):
        assert prediction.label == max(prediction.probabilities, key=prediction.probabilities.__getitem__)
        assert prediction.confidence == prediction.probabilities[prediction.label]


def test_a_stream_is_read_no_further_than_needed(predictor: Predictor) -> None:
    read = itertools.count()

    def endless() -> Iterator[str]:
        for text in itertools.cycle(TEXTS):
            next(read)
            yield text

    found = list(itertools.islice(predictor.predict_stream(endless(), chunk=8), 10))
    assert [p.text for p in found] == TEXTS[:10]
    assert next(read) == 16
    assert [p.text for p in predictor.predict_stream(TEXTS, chunk=32)] == TEXTS
    assert list(predictor.predict_stream([])) == []


def test_a_column_of_a_frame_is_answered_by_position(predictor: Predictor) -> None:
    """A Series was read by its index: on rows that were sorted or left out, answers went to other texts."""
    column = pd.Series(TEXTS[:6], index=[3, 0, 5, 1, 4, 9])
    column[0] = ""
    listed = column.tolist()
    assert [p.text for p in predictor.predict(column)] == listed
    assert predictor.predict(column) == predictor.predict(listed)
    np.testing.assert_array_equal(predictor.probabilities(column), predictor.probabilities(listed))
    assert predictor.predict(column[:0]) == predictor.predict([]) == []
    for wrong in ("one text", [None], [float("nan")], [3], None):
        with pytest.raises(SftError):
            predictor.predict(wrong)  # type: ignore[arg-type]
