"""Labels that look wrong, in a browser: looked at one by one, corrected, and a second training beside the first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.prepare import load_splits
from sft_keras.services import Services
from sft_keras.settings import Settings
from tests.browser.app_process import App, until
from tests.browser.conftest import SMALL, Person
from tests.conftest import sentences, write_csv

TRAINED_MS = 180_000


def test_a_person_corrects_labels_and_trains_again(
    app: App, new_person: Callable[[App], Person], new_page: Callable[..., Page], tmp_path: Path
) -> None:
    other = {"good": "bad", "bad": "good"}
    rows = [
        (f"{text} <i>x</i>", other[label] if i % 8 == 0 else label) for i, (text, label) in enumerate(sentences(240))
    ]
    person = new_person(app)
    space = person.space
    dataset = space.add_upload(write_csv(tmp_path / "slips.csv", rows), "slips.csv")
    first = space.submit(dataset.id, SMALL, name="First")
    until("the training ends", lambda: space.run(first).state == "finished", 180, 0.3)
    place = space.folder / "runs" / first
    Services(Settings(data_dir=app.data_dir)).diagnose(place, parts=["suspicious_labels"])

    page = new_page(f"/?run={first}&tab=evaluate", storage_state=person.state)
    card = page.locator("#evaluate-labels")
    expect(card).to_contain_text("Labels that look wrong", timeout=TRAINED_MS)
    assert page.locator("#evaluate-labels i").count() == 0
    items = page.locator("#evaluate-labels-list li")
    items.nth(0).get_by_role("button", name="Change to").click()
    expect(items.nth(0)).to_contain_text("Becomes")
    items.nth(1).get_by_role("button", name="Leave the row out").click()
    expect(items.nth(1)).to_contain_text("Left out")
    items.nth(2).get_by_role("button", name="The label is right").click()
    expect(items.nth(2)).to_contain_text("The label stays")
    items.nth(3).get_by_role("button", name="Another label").click()
    page.locator("#evaluate-labels-other input").click()
    page.get_by_role("option").first.click()
    expect(items.nth(3)).to_contain_text("Becomes")
    items.nth(1).get_by_role("button", name="Undo").click()
    expect(items.nth(1).get_by_role("button", name="Leave the row out")).to_be_visible()
    expect(page.locator("#evaluate-labels-sum")).to_contain_text("2 relabelled, 0 left out, 1 right")
    page.reload()
    expect(page.locator("#evaluate-labels-sum")).to_contain_text("2 relabelled, 0 left out, 1 right")
    if shots := os.environ.get("SFT_SHOTS"):
        card.screenshot(path=f"{shots}/labels.png")

    page.locator("#evaluate-labels-sum").get_by_role("button", name="Train again").click()
    expect(page.locator("#train-state")).to_contain_text("First, corrected")
    expect(page.locator("#train-state")).to_contain_text("The model is ready", timeout=TRAINED_MS)
    page.locator("#train-evaluate").click()
    expect(card).to_contain_text("What the corrections brought", timeout=TRAINED_MS)
    if shots:
        card.screenshot(path=f"{shots}/labels-after.png")
    second = next(view.id for view in space.runs() if view.name == "First, corrected")
    before, after = (load_splits(RunDirectory(space.folder / "runs" / run)) for run in (first, second))
    assert after.test is not None
    assert before.test is not None
    assert after.test.fingerprint() == before.test.fingerprint()
    assert after.train.fingerprint() + after.validation.fingerprint() != (
        before.train.fingerprint() + before.validation.fingerprint()
    )
