"""What the tabs Evaluate and Predict and the public page show, without a browser."""

from __future__ import annotations

import gzip
import itertools
import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sft_keras.errors import ArtifactError, ConfigError, DataError, LinkError
from sft_keras.inference.explain import Explanation, WordWeight
from sft_keras.services import Services, Space
from sft_keras.services.examples import Neighbour, Neighbours
from sft_keras.services.space.base import new_key
from sft_keras.services.space.evaluation import ThresholdView
from sft_keras.services.space.links import LinkView
from sft_keras.services.space.public import PublicModel
from sft_keras.services.space.runs import RunView
from sft_keras.settings import Settings
from sft_keras.tasks.base import Prediction
from sft_keras.ui import public
from sft_keras.ui.components.answers import answer_list
from sft_keras.ui.components.links import address_of, address_panel, programs
from sft_keras.ui.components.results import threshold_effect, threshold_picture
from sft_keras.ui.components.similar import similar_list
from sft_keras.ui.components.work import Work
from sft_keras.ui.tabs import evaluate, evaluate_more, predict, predict_why, share
from sft_keras.ui.texts import catalogue
from tests.services.made_runs import NAMES, answers, made_run

EN, ZH = catalogue("en"), catalogue("zh")
ATTACK = '<img src=x onerror="alert(1)">'
TRUTH = [i % 3 for i in range(30)]
LABELS = [NAMES[i] for i in TRUTH]
TEXTS = [f"{ATTACK} {i}" for i in range(30)]
LINK = LinkView("a" * 32, "r", ATTACK, True, None, False, 60, 1, (), "2026-01-01")


class Tags(HTMLParser):
    """The tags of a piece and its text."""

    def __init__(self, piece: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(piece)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def count(self, name: str) -> int:
        return sum(tag == name for tag, _ in self.tags)


def request(**headers: str) -> Any:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return SimpleNamespace(headers=names, query_params={}, client=SimpleNamespace(host="9.9.9.9"))


@pytest.fixture
def space(tmp_path: Path) -> Space:
    return Services(Settings(data_dir=tmp_path / "data")).space(new_key())


@pytest.fixture
def run(space: Space) -> str:
    return made_run(space, TEXTS, LABELS, answers(TRUTH, 3, seed=1, right=0.5))


@pytest.mark.parametrize("say", [EN, ZH], ids=["en", "zh"])
def test_the_page_of_a_run_has_every_part_and_shows_texts_as_text(space, run, say):
    page = evaluate.page_of(space, run, say)
    assert (page.scored, page.rows, page.watched) == (True, True, False)
    assert {name for name, part in page.parts.items() if not part} == {"rows"}
    everything = Tags("".join(page.parts.values()))
    assert everything.count("img") == 0
    assert ATTACK in everything.text
    assert say("evaluate.mistakes_title") in everything.text
    assert everything.count("svg") == 2
    if say is ZH:
        assert not re.search(r"[a-z]{4,} [a-z]{3,} [a-z]{3,}", everything.text.replace(ATTACK, ""))


def test_a_cell_of_the_matrix_shows_its_rows(space, run):
    matrix = space.report(run)["confusion_matrix"]
    for i, row in enumerate(matrix):
        for j, count in enumerate(row):
            panel = Tags(evaluate.rows_of(space, run, f"{i},{j}", EN))
            assert (panel.count("li"), panel.count("img")) == (count, 0)
    tags = Tags(evaluate.page_of(space, run, EN).parts["confusions"]).tags
    buttons = {attributes["data-value"] for tag, attributes in tags if tag == "button"}
    assert buttons == {f"{i},{j}" for i in range(3) for j in range(3) if matrix[i][j]}


@pytest.mark.parametrize("cell", ["", "9,0", "0", "0,0,0", "-1,0", "²,1", "a,b", ",", ATTACK, "0," + "9" * 30])
def test_a_forged_cell_shows_nothing(space, run, cell):
    assert EN("evaluate.rows_none") in evaluate.rows_of(space, run, cell, EN)


def test_an_older_run_says_what_it_lacks(space):
    run = made_run(space, TEXTS, LABELS, answers(TRUTH, 3, seed=1, right=0.5), predictions=False)
    page = evaluate.page_of(space, run, EN)
    assert (page.scored, page.rows) == (True, False)
    assert "older version" in page.parts["rows"]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"state": "queued"}, "waiting_title"),
        ({"state": "running"}, "running_title"),
        ({"state": "finished"}, "no_test_title"),
        ({"state": "failed", "message": ATTACK}, "failed_title"),
        ({"state": "cancelled", "has_bundle": True}, "stopped_title"),
        ({"state": "interrupted"}, "stopped_title"),
    ],
)
def test_without_a_report_the_page_says_why_and_what_to_do(space, monkeypatch, changes, key):
    view = replace(RunView(id="r" * 32, name=f"N{ATTACK}", state="", created=""), **changes)
    monkeypatch.setattr(Space, "run", lambda _self, _run: view)
    page = evaluate.page_of(space, view.id, EN)
    head = Tags(page.parts["head"])
    assert EN(f"evaluate.{key}", name=view.name) in head.text
    assert head.count("img") == 0
    assert page.watched == (view.state in ("queued", "running"))
    assert page.usable == view.has_bundle
    assert not page.scored


def test_nothing_chosen_and_somebody_elses_run(space, run):
    other = Services(space.settings).space(new_key())
    assert EN("evaluate.gone") in evaluate.page_of(other, run, EN).parts["head"]
    assert EN("evaluate.empty") in evaluate.page_of(other, "", EN).parts["head"]
    with pytest.raises(ArtifactError):
        evaluate.rows_of(other, run, "0,0", EN)


def test_two_runs_side_by_side_or_why_not(space, run):
    better = made_run(space, TEXTS, LABELS, np.eye(3)[TRUTH])
    assert [each[1] for each in evaluate_more.choices(space, run)] == [better]
    shown = Tags(evaluate_more.compared(space, better, run, EN))
    assert "100.0%" in shown.text
    assert "more accurate than" in shown.text
    far = made_run(space, ["a", "b", "c"] * 5, [*NAMES] * 5, np.eye(3)[[0, 1, 2] * 5])
    assert "share only 0 test row(s)" in evaluate_more.compared(space, run, far, EN)
    assert evaluate_more.compared(space, run, None, EN) == ""


def test_another_file_is_scored_with_progress(space, run, monkeypatch):
    def score(_self, _run, _path, name, *, progress):
        progress(1, 2)
        assert name == "last month.csv"
        return space.report(run)

    monkeypatch.setattr(Space, "evaluate_file", score)
    pieces = list(evaluate_more.scored(space, run, Path("/x/last month.csv"), EN))
    assert "progressbar" in pieces[0]
    assert "1 of 2 texts" in "".join(pieces)
    assert "last month.csv" in pieces[-1]
    assert 'data-action="cell"' not in pieces[-1]


def test_a_file_that_cannot_be_scored_is_told_in_place(space, run, monkeypatch):
    def refuse(*_given, **_named):
        raise DataError(ATTACK)

    monkeypatch.setattr(Space, "evaluate_file", refuse)
    assert "&lt;img" in list(evaluate_more.scored(space, run, Path("x.csv"), EN))[-1]


def test_the_threshold_in_words_and_as_a_picture():
    curve = [ThresholdView(i / 10, 1 - i / 10, 0.5 + i / 20 if i < 10 else None, 10 - i) for i in range(11)]
    assert "answers 20.0% of the test texts (2 of 10) and is right on 90.0%" in threshold_effect(curve[8], EN)
    assert "其余 8 条交给人工" in threshold_effect(curve[8], ZH)
    assert "all 10 test texts" in threshold_effect(curve[0], EN)
    for chosen in curve:
        assert Tags(threshold_picture(curve, chosen, EN)).count("circle") == (1 if chosen.accuracy is None else 2)


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


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (LinkError("x", status=403, where="examples"), "public.similar_off"),
        (LinkError("x", status=403), "public.switched_off"),
        (LinkError("x", status=404, where="examples"), "public.similar_none"),
        (LinkError("x", status=404), "public.unknown"),
        (LinkError("x", status=503), "public.similar_busy"),
        (LinkError("x", status=429), "public.busy"),
        (LinkError("x", status=401), "public.password_wrong"),
        (None, "predict.similar_title"),
    ],
)
def test_a_visitor_sees_training_examples_or_calmly_why_not(error, key):
    asked = []

    def examples(link: str, texts: list[str], **access: str) -> list[Neighbours]:
        asked.append((link, texts, access))
        if error:
            raise error
        return [Neighbours([Neighbour("a", 1.0, "row")], 1, 1, 1)]

    services: Any = SimpleNamespace(links=SimpleNamespace(examples=examples))
    answers = [Prediction(ATTACK, "a", 1.0, {"a": 1.0}), Prediction("", "", 0.0, {})]
    _, shown = public.similar_of(services, "id", answers, "word", "client", EN)
    assert EN(key) in shown
    assert "<img" not in shown
    assert ("row" in Tags(shown).text) == (error is None)
    assert asked == [("id", [ATTACK], {"password": "word", "client": "client"})]
    assert EN("predict.missing") in "".join(public.similar_of(services, "id", [], "", "", EN))


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


def test_the_address_is_that_of_the_space_or_of_the_page(monkeypatch):
    monkeypatch.delenv("SPACE_HOST", raising=False)
    assert address_of("x", request(referer="https://shop.example/tool/?run=1")) == "https://shop.example/tool/?model=x"
    assert address_of("x", request(host="h:1", x_forwarded_proto="https")) == "https://h:1/?model=x"
    assert address_of("x", request(referer="javascript:alert(1)", host="h:1")) == "http://h:1/?model=x"
    monkeypatch.setenv("SPACE_HOST", "me-studio.hf.space")
    assert address_of("x", request(referer="https://huggingface.co/")) == "https://me-studio.hf.space/?model=x"


def test_a_link_as_its_owner_sees_it():
    panel = Tags(address_panel(LINK, f'https://x/?model=1"{ATTACK}', EN))
    assert panel.count("img") == 0
    assert EN("share.uses_one") in panel.text
    assert EN("share.state_expired") in address_panel(replace(LINK, expires="2020-01-01T00:00:00+00:00"), "x", EN)
    assert EN("share.examples_on") not in panel.text
    assert EN("share.examples_on") in address_panel(replace(LINK, share_examples=True), "x", EN)
    assert EN("share.state_off") in address_panel(replace(LINK, enabled=False), "x", EN)


@pytest.mark.parametrize("say", [EN, ZH], ids=["en", "zh"])
def test_the_programs_name_the_address_and_a_secret_only_where_one_is_needed(monkeypatch, say):
    monkeypatch.delenv("SPACE_HOST", raising=False)
    where = request(referer="https://shop.example/")
    for link, header in (
        (LINK, None),
        (replace(LINK, has_password=True), "X-Model-Password"),
        (replace(LINK, api_keys=("k",), has_password=True), "Authorization"),
    ):
        made = programs(link, where, say)
        compile(made["python"], "example", "exec")
        for program in made.values():
            assert f"https://shop.example/api/v1/models/{link.id}/predict" in program
            assert [name for name in ("X-Model-Password", "Authorization") if name in program] == [header] * bool(
                header
            )


def test_the_last_day_of_a_link():
    assert share.last_moment(" ", EN) is None
    assert share.last_moment("2999-12-31", EN) == "2999-12-31T23:59:59+00:00"
    for wrong in ("31.12.2030", "2030-02-30", "2020-01-01", ATTACK):
        with pytest.raises(ConfigError):
            share.last_moment(wrong, EN)


@pytest.mark.parametrize(("status", "key"), [(404, "unknown"), (403, "switched_off"), (410, "expired")])
def test_a_link_that_does_not_answer_has_a_calm_page(status, key):
    shown = Tags(public.refused(LinkError("no", status=status), ZH))
    assert ZH(f"public.{key}_title") in shown.text
    assert shown.count("h1") == 1


def test_the_public_page_escapes_and_divides():
    model = PublicModel("i", ATTACK, tuple(f"{ATTACK}{i}" for i in range(20)), "", False)
    shown = Tags(public.title_of(model, EN))
    assert (shown.count("img"), "20 labels" in shown.text) == (0, True)
    few: Any = SimpleNamespace(settings=SimpleNamespace(max_request_texts=3, max_request_characters=10))
    parts = list(public.in_parts(["a", "b", "c", "d", "x" * 9, "yy"], few))
    assert parts == [["a", "b", "c"], ["d", "x" * 9], ["yy"]]
    assert public.link_of(request()) == ""
    assert EN("public.busy") in public.refused(LinkError("too many", status=429), EN)


def test_work_tells_its_progress_and_raises_its_failure():
    def slow(told):
        for i in range(3):
            told(i, 3)
        return "done"

    work: Work[str] = Work(slow)
    assert list(work.progress())[-1] == (2, 3)
    assert work.result() == "done"

    def fails(_told):
        raise ValueError("no")

    broken: Work[str] = Work(fails)
    assert set(broken.progress()) <= {(0, 0)}
    with pytest.raises(ValueError, match="no"):
        broken.result()


def test_work_ends_when_its_page_is_closed():
    told_on, ended = threading.Event(), threading.Event()

    def endless(told):
        try:
            for i in itertools.count():
                told(i, 10)
                told_on.wait(0.01)
        finally:
            ended.set()

    def handler():
        for done, _ in Work(endless).progress():
            yield done

    page = handler()
    assert next(page) == 0
    page.close()
    assert ended.wait(5)


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
