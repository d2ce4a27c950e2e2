"""Why an answer: the words for another label, and exactly."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Person, choose

KERAS_STARTS_MS = 90_000


def test_the_words_of_any_label_and_the_exact_ones(trainer: tuple[Person, str], new_page: Callable[..., Page]) -> None:
    person, run = trainer
    page = new_page(f"/?run={run}&tab=evaluate", storage_state=person.state)
    answers, why = page.locator("#predict-answers"), page.locator("#predict-why")
    expect(page.locator("#evaluate-summary")).to_contain_text("Accuracy")
    page.get_by_role("tab", name="Predict and share").click()
    expect(page.locator("#predict-head")).to_contain_text("Film notes")
    page.locator("#predict-texts textarea").fill("the film was great, really")
    expect(why).to_be_hidden()
    page.locator("#predict-go").click()
    expect(answers).to_contain_text("speaks for it")
    expect(why).to_be_visible()
    for label in ("good", "bad"):
        choose(page, "#predict-why-label", re.compile(label))
        expect(answers).to_contain_text(f"“{label}”")
    page.locator("#predict-why-exact").click()
    expect(answers).to_contain_text("integrated gradients", timeout=KERAS_STARTS_MS)
    expect(answers).to_contain_text("“bad”")
    expect(answers.locator(".a-similar table tbody tr")).to_have_count(5, timeout=KERAS_STARTS_MS)
    expect(answers).to_contain_text("most similar training examples")
