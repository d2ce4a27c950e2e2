"""What the owner of a link and its visitors are shown, without a browser."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sft_keras.errors import ConfigError, LinkError
from sft_keras.services.examples import Neighbour, Neighbours
from sft_keras.services.space.links import LinkView
from sft_keras.services.space.public import PublicModel
from sft_keras.tasks.base import Prediction
from sft_keras.ui import public
from sft_keras.ui.components.links import address_of, address_panel, programs
from sft_keras.ui.tabs import share
from sft_keras.ui.texts import catalogue
from tests.ui.pieces import ATTACK, Tags

EN, ZH = catalogue("en"), catalogue("zh")
LINK = LinkView("a" * 32, "r", ATTACK, True, None, False, 60, 1, (), "2026-01-01")


def request(**headers: str) -> Any:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return SimpleNamespace(headers=names, query_params={}, client=SimpleNamespace(host="9.9.9.9"))


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
