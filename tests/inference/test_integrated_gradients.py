"""Integrated gradients: they add up, they find what moves the model, and they come back to the words of the text."""

from __future__ import annotations

import numpy as np
import pytest

from sft_keras.errors import InputValueError
from sft_keras.inference import integrated_gradients
from sft_keras.inference.explain import weighted_pieces
from sft_keras.inference.integrated_gradients import attribute
from sft_keras.inference.predictor import Predictor
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services

TEXTS = ["the film was great and lovely!", "A BORING plot, an awful actor.", "great", "味道 great 很好 🎉", "?!"]


@pytest.fixture(scope="module", params=["lstm", "bert"])
def predictor(request: pytest.FixtureRequest, services: Services) -> Predictor:
    run: RunResult = request.getfixturevalue(f"{request.param}_run")
    return services.load(run.run.bundle)


@pytest.mark.parametrize("text", TEXTS)
def test_the_weights_add_up_to_the_difference_for_every_label(predictor: Predictor, text: str) -> None:
    for label in predictor.labels.names:
        found = predictor.explain(text, label)
        assert found.method == "gradients"
        assert "".join(piece.text for piece in found.words) == text
        assert found.baseline is not None
        difference = found.probability - found.baseline
        total = sum(piece.weight for piece in found.words)
        assert abs(total - difference) <= max(0.01 * abs(difference), 1e-5)
        (said,) = predictor.predict([text])
        assert found.probability == pytest.approx(said.probabilities[label], abs=1e-5)


def test_the_model_answers_as_before(predictor: Predictor) -> None:
    before = predictor.logits(TEXTS)
    predictor.explain(TEXTS[0])
    np.testing.assert_array_equal(predictor.logits(TEXTS), before)


def test_the_integral_is_that_of_many_plain_steps(predictor: Predictor) -> None:
    tokenizer, model = predictor._tokenizer, predictor._model
    ids, _, special = tokenizer.encode_with_spans(TEXTS[0], 16)
    neutral = np.where(special, ids, tokenizer.neutral_id)
    found = attribute(model, ids, 1, neutral=neutral, pad_id=tokenizer.pad_id)
    path = integrated_gradients._Path(model, ids, neutral, tokenizer.pad_id, 1)
    # By differences of the probability, one token at a time, at the middle of many short steps.
    expected = np.zeros(len(ids))
    points = (np.arange(100) + 0.5) / 100
    step = 1e-2
    for token in range(len(ids)):
        pieces = []
        for sign in (1, -1):
            moved = path._at(points)
            for each, way in zip(moved, path._ways, strict=True):
                each[:, token] += sign * step * way[0, token]
            pieces.append(np.asarray(path._scores(moved), dtype=np.float64))
        expected[token] = ((pieces[0] - pieces[1]) / (2 * step)).mean()
    if len(path._ways) == 2:  # bigrams are divided between two tokens: only the sum is alike
        assert found.weights.sum() == pytest.approx(expected.sum(), abs=2e-3)
    else:
        np.testing.assert_allclose(found.weights, expected, atol=2e-3)


def test_special_tokens_and_what_is_neutral_get_nothing(predictor: Predictor) -> None:
    tokenizer = predictor._tokenizer
    ids, _, special = tokenizer.encode_with_spans(TEXTS[0], 16)
    found = attribute(
        predictor._model, ids, 0, neutral=np.where(special, ids, tokenizer.neutral_id), pad_id=tokenizer.pad_id
    )
    assert (found.weights[special] == 0).all()


def test_of_two_labels_what_speaks_for_one_speaks_against_the_other(predictor: Predictor) -> None:
    good, bad = (predictor.explain("the film was great, not boring", label) for label in ("good", "bad"))
    np.testing.assert_allclose(
        [piece.weight for piece in good.words], [-piece.weight for piece in bad.words], atol=1e-5
    )


def test_the_telling_words_speak_for_their_label(services: Services, lstm_run: RunResult) -> None:
    predictor = services.load(lstm_run.run.bundle)
    for word, label in (("great", "good"), ("awful", "bad")):
        (piece,) = predictor.explain(word, label).words
        assert piece.weight > 0


def test_what_has_no_gradients_is_explained_by_leaving_out(
    services: Services, lstm_run: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = services.load(lstm_run.run.bundle)
    monkeypatch.setattr(integrated_gradients, "TOKENS", "no_such_layer")
    found = predictor.explain("a great film")
    assert found.method == "occlusion"
    assert "left out" in found.note
    assert found.words == predictor.explain("a great film", method="occlusion").words


def test_nothing_to_explain_and_wrong_names(services: Services, lstm_run: RunResult) -> None:
    predictor = services.load(lstm_run.run.bundle)
    assert predictor.explain("").words == []
    assert [piece.weight for piece in predictor.explain("  ").words] == [0.0]
    with pytest.raises(InputValueError, match="goood"):
        predictor.explain("a", "goood")
    with pytest.raises(InputValueError, match="gradient"):
        predictor.explain("a", method="gradient")  # type: ignore[arg-type]  # what a person may type


def test_words_get_what_their_tokens_have() -> None:
    spans = np.array([[0, 0], [0, 3], [3, 5], [5, 6], [6, 12], [0, 0]])
    pieces = weighted_pieces("don't, ab cd", spans, np.array([0.0, 0.1, 0.2, 0.4, 0.8, 0.0]))
    assert [(piece.text, pytest.approx(piece.weight)) for piece in pieces] == [
        ("don't", 0.3),
        (", ", 0.4),
        ("ab", 0.4),
        (" ", 0.0),
        ("cd", 0.4),
    ]
    assert weighted_pieces("好", np.array([[5, 9]]), np.array([0.5]))[0].weight == 0.5
