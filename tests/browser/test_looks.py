"""Two languages, light and dark, a small screen, and what a screen reader or a keyboard needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from sft_keras.ui.texts import catalogue
from tests.browser.conftest import Person

TABS = {
    "data": "#data-start",
    "train": "#train-state",
    "evaluate": "#evaluate-summary",
    "predict": "#predict-texts",
}
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def link(trainer: tuple[Person, str]) -> Iterator[str]:
    """The path of a published model."""
    person, run = trainer
    yield f"/?model={person.space.publish(run).id}"
    person.space.unpublish(run)


def opened(trainer: tuple[Person, str], new_page: Callable[..., Page], **options: Any) -> Iterator[tuple[str, Page]]:
    """Each tab with a finished run in it, on one page."""
    person, run = trainer
    page = new_page(f"/?run={run}", storage_state=person.state, **options)
    for number, (name, place) in enumerate(TABS.items()):
        page.locator("#tabs").get_by_role("tab").nth(number).click()
        expect(page.locator(place)).to_be_visible()
        expect(page.locator(place)).not_to_be_empty()
        yield name, page


def serious(page: Page) -> list[str]:
    """The serious violations that axe finds, in words."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:150]} {each['nodes'][0].get('failureSummary', '')[:200]}"
        for each in found
        if each["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_violation_on_any_tab(
    scheme: str, trainer: tuple[Person, str], link: str, new_page: Callable[..., Page]
) -> None:
    problems: dict[str, list[str]] = {}
    for name, page in opened(trainer, new_page, color_scheme=scheme):
        assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
        problems[name] = serious(page)
    page = new_page(link, color_scheme=scheme)
    expect(page.locator("#public-texts")).to_be_visible()
    problems["public"] = serious(page)
    page = new_page(color_scheme=scheme)
    problems["empty"] = serious(page)
    assert {name: found for name, found in problems.items() if found} == {}


def test_nothing_scrolls_sideways_on_a_telephone(
    trainer: tuple[Person, str], link: str, new_page: Callable[..., Page]
) -> None:
    size = {"width": 390, "height": 844}
    wide: dict[str, int] = {}
    person, run = trainer
    for tab, place in TABS.items():
        page = new_page(f"/?run={run}&tab={tab}", storage_state=person.state, viewport=size)
        expect(page.locator(place)).to_be_attached()
        wide[tab] = page.evaluate("document.documentElement.scrollWidth")
    page = new_page(link, viewport=size)
    expect(page.locator("#public-texts")).to_be_visible()
    wide["public"] = page.evaluate("document.documentElement.scrollWidth")
    assert {name: width for name, width in wide.items() if width > size["width"]} == {}


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_the_tables_of_a_report_fit_on_a_laptop(
    locale: str, trainer: tuple[Person, str], new_page: Callable[..., Page]
) -> None:
    person, run = trainer
    size = {"width": 1280, "height": 860}
    page = new_page(f"/?run={run}&tab=evaluate", storage_state=person.state, viewport=size, locale=locale)
    expect(page.locator("#evaluate-classes table").first).to_be_visible()
    hidden = "each => [...each].map(box => box.scrollWidth - box.clientWidth)"
    assert max(page.locator("#evaluate-body .wide").evaluate_all(hidden)) <= 0


def test_everything_is_chinese_for_chinese_readers(
    trainer: tuple[Person, str], link: str, new_page: Callable[..., Page]
) -> None:
    """No sentence of the English catalogue is left over, and no key stands in place of a sentence."""
    chinese = catalogue("zh").sentences
    english = {
        text for key, text in catalogue("en").sentences.items() if chinese[key] != text and re.search(r"[a-z]{3}", text)
    }
    seen: dict[str, set[str]] = {}
    for name, page in opened(trainer, new_page, locale="zh-CN"):
        seen[name] = {line.strip() for line in page.locator("body").inner_text().splitlines()}
        assert any(re.search("[\u4e00-\u9fff]", line) for line in seen[name])
    page = new_page(link, locale="zh-TW")
    expect(page.locator("#public-texts")).to_be_visible()
    seen["public"] = {line.strip() for line in page.locator("body").inner_text().splitlines()}
    left = {name: lines & english for name, lines in seen.items() if lines & english}
    keys = {name: [line for line in lines if "sft_" in line] for name, lines in seen.items()}
    assert left == {}
    assert not any(keys.values()), keys


def test_other_languages_fall_back_to_english(new_page: Callable[..., Page]) -> None:
    page = new_page(locale="fr-FR")
    expect(page.get_by_role("tab", name="Data")).to_be_visible()


def test_the_way_to_a_training_needs_no_mouse(new_page: Callable[..., Page]) -> None:
    page = new_page()
    page.locator("#data-sample-open").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#data-summary")).to_contain_text("Usable rows")
    page.locator("#data-continue").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#train-recipes")).to_be_visible()
    page.locator("#train-recipe-balanced").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#train-recipe-balanced")).to_have_attribute("aria-checked", "true")
