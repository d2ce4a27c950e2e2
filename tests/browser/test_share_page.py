"""The page behind a link: what a visitor sees of a model, and when nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Person

KERAS_STARTS_MS = 90_000
HOSTILE = "<img src=x onerror=window.hit=1> model"


@pytest.fixture
def linked(trainer: tuple[Person, str]) -> Iterator[Callable[..., str]]:
    """Publishes the model with some settings; the path of its page."""
    person, run = trainer

    def publish(**changes: Any) -> str:
        link = person.space.publish(run, title="Film notes")
        if changes:
            person.space.change_link(run, changes)
        return f"/?model={link.id}"

    yield publish
    if person.space.link(run):
        person.space.unpublish(run)


def test_a_visitor_sees_the_model_and_nothing_of_the_studio(
    linked: Callable[..., str], new_page: Callable[..., Page]
) -> None:
    page = new_page(linked(title=HOSTILE))
    expect(page.locator("#public-head")).to_contain_text(HOSTILE)
    expect(page.locator("#public-head")).to_contain_text("bad, good")
    for hidden in ("#studio", "#runs-bar"):
        expect(page.locator(hidden)).to_be_hidden()
    page.locator("#public-texts textarea").fill("a great story\n<b onmouseover=window.hit=1>sad</b>")
    page.locator("#public-go").click()
    expect(page.locator("#public-answers")).to_contain_text("<b onmouseover=window.hit=1>sad</b>")
    assert page.evaluate("window.hit") is None


def test_many_texts_at_once(linked: Callable[..., str], new_page: Callable[..., Page]) -> None:
    page = new_page(linked())
    page.locator("#public-batch").get_by_role("button", name="Many texts at once").click()
    page.locator("#public-batch-texts textarea").fill("\n".join(f"a great film number {i}" for i in range(70)))
    page.locator("#public-batch-go").click()
    expect(page.locator("#public-batch-answers table")).to_be_visible()
    with page.expect_download() as coming:
        page.locator("#public-batch-download").click()
    assert len(coming.value.path().read_text(encoding="utf-8-sig").strip().splitlines()) == 71


def test_a_password_is_asked_for(linked: Callable[..., str], new_page: Callable[..., Page]) -> None:
    page = new_page(linked(password="open sesame"))
    word = page.locator("#public-password input")
    expect(word).to_be_visible()
    expect(page.locator("#public-head")).not_to_contain_text("sorts")
    expect(page.locator("#public-main")).to_be_hidden()
    word.fill("wrong")
    page.locator("#public-unlock").click()
    expect(page.locator("#public-lock-state")).to_contain_text("That is not the password")
    word.fill("open sesame")
    page.locator("#public-unlock").click()
    page.locator("#public-texts textarea").fill("a great story")
    page.locator("#public-go").click()
    expect(page.locator("#public-answers")).to_contain_text("%")


def test_a_link_that_does_not_answer_says_so_calmly(
    linked: Callable[..., str], trainer: tuple[Person, str], new_page: Callable[..., Page]
) -> None:
    person, run = trainer
    path = linked(enabled=False)
    page = new_page(path)
    expect(page.locator("#public-head")).to_contain_text("This model is switched off")
    expect(page.locator("#public-main")).to_be_hidden()
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    person.space.change_link(run, {"enabled": True, "expires": past})
    page.reload()
    expect(page.locator("#public-head")).to_contain_text("This link has expired")
    person.space.unpublish(run)
    page.reload()
    expect(page.locator("#public-head")).to_contain_text("There is no model here")
    expect(page.locator("body")).not_to_contain_text("Film notes")


def test_visitors_see_rows_of_the_data_only_while_the_owner_lets_them(
    linked: Callable[..., str], trainer: tuple[Person, str], new_page: Callable[..., Page]
) -> None:
    person, run = trainer
    path = linked()
    visitor = new_page(path)
    visitor.locator("#public-texts textarea").fill("a great story")
    visitor.locator("#public-go").click()
    expect(visitor.locator("#public-answers")).to_contain_text("%")
    expect(visitor.locator("#public-similar-go")).to_be_hidden()
    page = new_page(f"/?run={run}&tab=predict", storage_state=person.state)
    expect(page.locator("#share-address code")).to_be_visible()
    page.locator("#share-settings").get_by_role("button", name="Settings of the link").click()
    expect(page.locator("#share-examples")).to_contain_text("rows of your training data")
    expect(page.locator("#share-examples input")).not_to_be_checked()
    page.locator("#share-examples input").check()
    page.locator("#share-save").click()
    expect(page.locator("#share-address")).to_contain_text("Visitors see rows of your training data")
    visitor.reload()
    visitor.locator("#public-texts textarea").fill("a great story")
    visitor.locator("#public-go").click()
    expect(visitor.locator("#public-answers")).to_contain_text("%")
    visitor.locator("#public-similar-go").click()
    expect(visitor.locator("#public-similar table tbody tr")).to_have_count(5, timeout=KERAS_STARTS_MS)
    # Switched off, it is so for a page that is open, too.
    person.space.change_link(run, {"share_examples": False})
    visitor.locator("#public-similar-go").click()
    expect(visitor.locator("#public-similar")).to_contain_text("does not show training examples")
    expect(visitor.locator("#public-similar table")).to_have_count(0)


def test_the_owner_switches_it_off_on_the_page(
    linked: Callable[..., str], trainer: tuple[Person, str], new_page: Callable[..., Page]
) -> None:
    person, run = trainer
    visitor = new_page(linked())
    expect(visitor.locator("#public-main")).to_be_visible()
    page = new_page(f"/?run={run}&tab=predict", storage_state=person.state)
    expect(page.locator("#share-address code")).to_be_visible()
    page.locator("#share-settings").get_by_role("button", name="Settings of the link").click()
    page.locator("#share-enabled input").uncheck()
    # What was changed and not yet saved stays when the tab is told its run once more, as at the load of a slow page.
    for tab in ("evaluate", "predict"):
        page.locator(f"#tab-{tab}-button").click()
    page.wait_for_timeout(1000)
    page.locator("#share-save").click()
    expect(page.locator("#share-address")).to_contain_text("It is switched off")
    visitor.locator("#public-texts textarea").fill("a great story")
    visitor.locator("#public-go").click()
    expect(visitor.locator("#public-answers")).to_contain_text("This model is switched off")
