"""What mistakes cost, in a browser: said once, kept, and used for a file that is sorted afterwards."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Person, copy_of, saved
from tests.conftest import sentences, write_csv


def test_costs_are_said_once_and_decide_in_a_sorted_file(
    trainer: tuple[Person, str], new_page: Callable[..., Page], tmp_path: Path
) -> None:
    person, run = trainer
    run = copy_of(person, run)
    page = new_page(f"/?run={run}&tab=evaluate", storage_state=person.state)
    expect(page.locator("#evaluate-summary")).to_contain_text("Accuracy")
    page.locator("#evaluate-costs").get_by_role("button", name="What do mistakes cost?").click()
    # A person who costs nothing is asked about everything.
    page.locator("#evaluate-costs-price input").fill("0")
    page.locator("#evaluate-costs-go").click()
    result = page.locator("#evaluate-costs-result")
    expect(result).to_contain_text("everything to a person")
    expect(result).to_contain_text("The costs are kept with the training.")
    page.locator("#evaluate-wanted input").fill("50")
    page.locator("#evaluate-wanted-go").click()
    expect(page.locator("#evaluate-wanted-effect")).not_to_be_empty()

    page = new_page(f"/?run={run}&tab=predict", storage_state=person.state)
    page.locator("#predict-file-part").get_by_role("button", name="Sort a whole file").click()
    file = write_csv(tmp_path / "new.csv", [(text, "") for text, _ in sentences(5)], ("text", "note"))
    page.locator("#predict-file input[type=file]").set_input_files(str(file))
    page.locator("#predict-file-go").click()
    expect(page.locator("#predict-file-state")).to_contain_text("The column “decision”")
    found = saved(page, page.locator("#predict-file-download"), tmp_path)
    with found.open(encoding="utf-8-sig", newline="") as told:
        assert {row["decision"] for row in csv.DictReader(told)} == {"(a person)"}
