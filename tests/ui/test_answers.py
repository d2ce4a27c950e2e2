"""What the tab Predict shows, without a browser: answers, the words behind them, similar training examples."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import Any

import pytest

from sft_keras.errors import ArtifactError, DataError
from sft_keras.inference.explain import Explanation, WordWeight
from sft_keras.services import Services
from sft_keras.services.examples import Neighbour, Neighbours
from sft_keras.settings import Settings
from sft_keras.tasks.base import Prediction
from sft_keras.ui.components.answers import answer_list
from sft_keras.ui.components.similar import similar_list
from sft_keras.ui.tabs import predict, predict_why
from sft_keras.ui.texts import catalogue
from tests.ui.pieces import ATTACK, Tags

EN, ZH = catalogue("en"), catalogue("zh")


def test_answers_mark_the_words_that_matter_and_escape_everything():
    told = Prediction(f"good {ATTACK}", "好<b>", 0.75, {"好<b>": 0.75, "坏": 0.25})
    words = [WordWeight("good", 0.4), WordWeight(" ", 0.0), WordWeight(ATTACK, -0.1), WordWeight(" x", 0.01)]
    shown = Tags(answer_list([told, Prediction("", "", 0.0, {})], EN, words={0: words}))
    assert (shown.count("img"), shown.count("b"), shown.count("li")) == (0, 0, 2)
    marks = [attributes["class"] for tag, attributes in shown.tags if tag == "mark"]
    assert marks == ["a-for a-3", "a-against a-1", "a-for a-2", "a-against a-2"]  # the last two are the legend
    assert EN("predict.answer_empty") in shown.text
    assert EN("predict.words_none") in answer_list([told], EN, words={0: [WordWeight("good", 0.001)]})
    many = Prediction("x", "a", 0.5, dict.fromkeys("abcdefgh", 0.125))
    assert EN("predict.other_labels", count=3) in answer_list([many], EN)


class Model:
    """Stands for an owner's space with a model that knows one answer."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.explained = error, 0

    def predict(self, _run: str, texts: Sequence[str]) -> list[Prediction]:
        if self.error:
            raise self.error
        return [Prediction(text, "a", 1.0, {"a": 1.0, "b": 0.0}) for text in texts]

    def explain(self, _run: str, text: str, _label: str) -> list[WordWeight]:
        self.explained += 1
        return [WordWeight(text, 0.5)]


def test_answers_come_first_and_words_follow():
    model: Any = Model()
    pieces = list(predict.answers_of(model, "r", predict.lines_of(" one \n\n two\r\nthree "), EN))
    assert [Tags(piece).count("li") for piece in pieces] == [3, 3]
    assert [Tags(piece).count("mark") for piece in pieces] == [0, 9]
    list(predict.answers_of(model, "r", ["x"] * 20, EN))
    assert model.explained == 3 + predict.MOST_EXPLAINED


def test_similar_training_examples_say_what_follows_and_escape_what_they_hold():
    rows = [Neighbour("a", 0.9987, ATTACK, 3), *[Neighbour("<b>", 0.5, "文本")] * 4]
    shown = similar_list(Neighbours(rows, 9, 9, 9, {"a": 4, "<b>": 5}), "a", EN)
    assert "look twice" in shown
    assert "&lt;b&gt;" in shown
    assert "<img" not in shown
    assert "0.999" in shown
    assert EN("predict.similar_times", count=3) in shown
    agreed = similar_list(Neighbours(rows[1:], 9, 9, 9), "<b>", ZH)
    assert "s-warning" not in agreed
    assert "全部标为“&lt;b&gt;”" in agreed
    assert similar_list(Neighbours([], 9, 9, 9), "a", EN) == similar_list(Neighbours(rows, 9, 9, 9), "", EN) == ""


def test_the_words_are_for_the_label_that_was_chosen():
    model: Any = Model()
    (shown,) = predict_why.words_for(model, "r", ["one", "two"], "<b>", EN)
    assert EN("predict.words_legend", label="&lt;b&gt;") in shown
    (own,) = predict_why.words_for(model, "r", ["one"], "", EN)
    assert EN("predict.words_legend", label="a") in own


def test_exact_words_follow_one_by_one_and_say_what_they_add_up_to():
    model: Any = Model()
    model.explain_exactly = lambda _run, text, label: Explanation(label, "gradients", [WordWeight(text, 0.4)], 0.9, 0.5)
    asked = []

    def similar(_run: str, text: str, *, seconds: float) -> Neighbours:
        asked.append((text, seconds > 0))
        return Neighbours([Neighbour("b", 0.9, f"like {text} {ATTACK}")], 9, 9, 9)

    model.similar_examples = similar
    steps = list(predict_why.exact_words_for(model, "r", ["one", "two"], "b", EN))
    assert [EN("predict.exact_working") in step for step in steps] == [True, True, False, False, False]
    assert [EN("predict.similar_working") in step for step in steps] == [False, False, True, True, False]
    assert Tags(steps[-1]).count("mark") == 2 + 2 * 2
    assert asked == [("one", True), ("two", False)]  # what is missing is prepared once
    assert "like one &lt;img" in steps[-1]
    assert "like two &lt;img" in steps[-1]
    assert EN("predict.exact_note", before="50.0%", now="90.0%") in steps[-1]

    def refused(_run, _text, _label):
        raise ArtifactError(ATTACK)

    model.explain_exactly = refused
    assert "&lt;img" in list(predict_why.exact_words_for(model, "r", ["one"], "", EN))[-1]


@pytest.mark.parametrize(
    ("texts", "error", "told"),
    [
        ([], None, "Type a text first"),
        (["x"] * 101, None, "more than 100"),
        (["x"], ArtifactError(ATTACK), "&lt;img"),
    ],
)
def test_what_stands_against_an_answer_is_said_in_place(texts, error, told):
    model: Any = Model(error)
    pieces = list(predict.answers_of(model, "r", texts, EN))
    assert len(pieces) == 1
    assert told in pieces[0]


def test_small_files_become_texts_and_answers_a_table(tmp_path):
    services = Services(Settings(data_dir=tmp_path / "data"))
    (tmp_path / "a.txt").write_bytes("第一条, 逗号\n\n第二条\r\n".encode("gb18030"))
    (tmp_path / "b.csv").write_text("id,review text\n1,good product here\n2,\n3,bad one there\n", encoding="utf-8")
    (tmp_path / "c.txt").write_bytes(b"x" * (1 << 20) + b"\n")
    assert services.read_texts(tmp_path / "a.txt", "a.txt") == ["第一条, 逗号", "第二条"]
    assert services.read_texts(tmp_path / "b.csv", "b.csv") == ["good product here", "bad one there"]
    with pytest.raises(DataError, match="larger than 1 MiB") as error:
        services.read_texts(tmp_path / "c.txt", "c.txt")
    assert str(tmp_path) not in str(error.value)
    packed = tmp_path / "d.csv.gz"
    packed.write_bytes(gzip.compress(b"text,label\n" + b"a" * (5 << 20) + b",x\n"))
    (tmp_path / "e.csv").write_text("text\n" + "a word\n" * 10_001)
    for path, said in ((packed, "limit of 4 MiB"), (tmp_path / "e.csv", "limit of 10,000")):
        with pytest.raises(DataError, match=said) as error:
            services.read_texts(path, path.name)
        assert error.value.fix == "Divide it, or send fewer texts."  # and not a setting of the server
    table = services.answers_csv([Prediction("=1+1", "a,b", 0.5, {})], ["x", "y", "z"])
    assert table == 'x,y,z\r\n\'=1+1,"a,b",0.500000\r\n'
