"""A login in front of the studio, and none in front of a public link."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sft_keras.services import Services
from sft_keras.services.space.base import new_id, new_key
from sft_keras.settings import Settings
from sft_keras.spaces.passwords import hash_password
from tests.browser.app_process import App
from tests.browser.conftest import PATIENCE_MS, Person
from tests.browser.test_data_tab import drop
from tests.browser.test_security import Forger

PASSWORD = "a long enough one"


@pytest.fixture(scope="module")
def locked(new_app: Callable[..., App], tmp_path_factory: pytest.TempPathFactory) -> App:
    """An app with two accounts."""
    file = tmp_path_factory.mktemp("accounts") / "accounts.txt"
    file.write_text("".join(f"{name}:{hash_password(PASSWORD)}\n" for name in ("anna", "ben")), encoding="utf-8")
    made = new_app(SFT_AUTH=str(file))
    made.start()
    return made


@pytest.fixture
def visit(browser: Browser, locked: App) -> Iterator[Callable[..., Page]]:
    """Opens the app in a browser of its own."""
    contexts: list[BrowserContext] = []

    def open_page(path: str = "/", **options: Any) -> Page:
        context = browser.new_context(**{"locale": "en-GB", "viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"{locked.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()


def enter(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fills in the form; Enter sends it."""
    page.locator("#gate-name").locator("input, textarea").fill(name)
    page.locator("#gate-password input").fill(password)
    page.locator("#gate-password input").press("Enter")


def outside(page: Page) -> None:
    """Sees that the form is all there is."""
    expect(page.locator("#gate")).to_be_visible()
    for hidden in ("#studio", "#runs-bar", "#public"):
        expect(page.locator(hidden)).to_be_hidden()


def inside(page: Page) -> None:
    """Sees that the studio is open."""
    expect(page.locator("#data-start h2")).to_be_visible()
    expect(page.locator("#gate")).to_be_hidden()


def test_in_and_out(visit: Callable[..., Page]) -> None:
    page = visit()
    outside(page)
    expect(page.locator("#gate-name").locator("input, textarea")).to_have_attribute("autocomplete", "username")
    expect(page.locator("#gate-password input")).to_have_attribute("autocomplete", "current-password")
    enter(page, "anna", "wrong")
    expect(page.locator("#gate-message [role=alert]")).to_contain_text("Name or password is wrong")
    outside(page)
    enter(page, "anna")
    inside(page)
    expect(page.locator("#top")).to_contain_text("anna")
    expect(page.locator(".toast-body")).to_have_count(0)
    page.reload()
    inside(page)
    expect(page.locator("#top")).to_contain_text("anna")
    page.locator("#logout").click()
    outside(page)
    page.reload()
    outside(page)
    expect(page.locator(".toast-body")).to_have_count(0)


def test_who_logs_in_finds_their_own_data_in_every_browser(visit: Callable[..., Page]) -> None:
    """The account counts, not the key of the browser."""
    first, second, other = visit(), visit(), visit()
    enter(first, "anna")
    inside(first)
    drop(first, name="annas.csv", content=b"text,label\n" + b"a fine day,good\na sad day,bad\n" * 8)
    expect(first.locator("#data-summary")).to_contain_text("annas.csv")
    enter(second, "anna")
    expect(second.locator("#data-list")).to_contain_text("annas.csv")
    enter(other, "ben")
    expect(other.locator("#data-empty")).to_contain_text("Nothing here yet")
    expect(other.locator("body")).not_to_contain_text("annas.csv")


def test_the_form_speaks_chinese(visit: Callable[..., Page]) -> None:
    page = visit(locale="zh-CN")
    expect(page.locator("#gate-head")).to_contain_text("登录")
    enter(page, "anna", "错的密码")
    expect(page.locator("#gate-message")).to_contain_text("用户名或密码不正确")


def test_a_program_without_a_session_is_refused(locked: App) -> None:
    forger = Forger(locked)
    assert Services(Settings(data_dir=locked.data_dir)).secret not in json.dumps(forger.config)
    for key in (new_key(), "user:anna", "", "a.b.c"):
        for elem_id, data in (
            ("data-sample-open", [None]),
            ("share-publish", [new_id()]),
            ("train-stop", [new_id()]),
        ):
            answer = json.dumps(forger.call(elem_id, "click", key, *data))
            assert "not signed in" in answer, (elem_id, answer)


def test_a_public_link_opens_without_a_login(
    visit: Callable[..., Page], locked: App, trainer: tuple[Person, str]
) -> None:
    person, run = trainer
    space = Services(Settings(data_dir=locked.data_dir)).space("user:anna")
    shutil.copytree(
        person.space.place("runs", run), space.folder / "runs" / run, ignore=shutil.ignore_patterns("link.json")
    )
    page = visit(f"/?model={space.publish(run, title='Film notes').id}")
    expect(page.locator("#public-head")).to_contain_text("Film notes")
    page.locator("#public-texts textarea").fill("a great story")
    page.locator("#public-go").click()
    expect(page.locator("#public-answers")).to_contain_text("%")
    for hidden in ("#studio", "#runs-bar", "#gate"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator(".toast-body")).to_have_count(0)
