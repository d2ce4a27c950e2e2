"""Runs that nothing can lose: reloading, another person, stopping, going on, a restart, a kill."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.browser.app_process import App, until
from tests.browser.conftest import SMALL, Person, copy_of
from tests.conftest import merged

LONG = merged(SMALL, {"training": {"epochs": 1000, "patience": None}})
TRAINING_STARTS_MS = 90_000


def status(person: Person, run: str) -> dict[str, Any]:
    """What the run folder says."""
    found: dict[str, Any] = json.loads((person.space.place("runs", run) / "status.json").read_text(encoding="utf-8"))
    return found


def trained(person: Person, run: str, epochs: int) -> bool:
    """Whether so many epochs are done."""
    view = person.space.run(run)
    assert view.state in ("queued", "running"), f"{view.state}: {view.message}"
    return view.epoch >= epochs


@pytest.fixture
def long_run(app: App, new_person: Callable[[App], Person], small_file: Path) -> Iterator[tuple[Person, str]]:
    """A training that does not end by itself."""
    person = new_person(app)
    run = person.space.submit(person.space.add_upload(small_file, small_file.name).id, LONG, name="A long one")
    yield person, run
    person.space.delete(run)


def test_nothing_loses_a_training(long_run: tuple[Person, str], app: App, new_page: Callable[..., Page]) -> None:
    """One training goes through all of it, because starting TensorFlow takes ten seconds each time."""
    person, run = long_run
    page = new_page(f"/?run={run}&tab=train", storage_state=person.state)
    state, going = page.locator("#train-state"), page.locator("#train-progress")
    expect(state).to_contain_text("A long one")
    expect(going).to_contain_text("Training", timeout=TRAINING_STARTS_MS)
    expect(going.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"\d+"))
    expect(page.locator("#train-log")).to_contain_text("Phase: preparing")
    until("an epoch is done", lambda: trained(person, run, 1), 60)
    expect(page.locator("#train-losses")).to_be_visible(timeout=30_000)
    pid = status(person, run)["pid"]

    # A page that is loaded again finds it by itself.
    page.reload()
    expect(going).to_contain_text("Training")
    other = new_page(f"/?run={run}&tab=train")
    expect(other.locator("#runs-list")).to_be_attached()
    expect(other.locator("body")).not_to_contain_text("A long one")

    # The web server alone is restarted; the process of the training is the same, and the page knows it again.
    done = person.space.run(run).epoch
    app.restart()
    until("it goes on during the restart", lambda: trained(person, run, done + 1), 60)
    assert status(person, run)["pid"] == pid
    assert psutil.pid_exists(pid)
    page.goto(f"{app.url}/?tab=train")
    expect(state).to_contain_text("A long one")
    expect(going).to_contain_text("Training")

    # A kill, which nothing can catch, is told within half a minute.
    os.kill(pid, signal.SIGKILL)
    expect(state).to_contain_text("Interrupted", timeout=30_000)
    done = person.space.run(run).epoch
    page.locator("#train-resume").click()
    expect(going).to_contain_text("Training", timeout=TRAINING_STARTS_MS)
    until("it goes on behind where it was", lambda: trained(person, run, done + 1), 90)
    assert status(person, run)["pid"] != pid

    # Stopping keeps the best so far.
    page.locator("#train-stop").click()
    expect(state).to_contain_text("The best model so far was kept", timeout=60_000)
    expect(page.locator("#train-resume")).to_be_visible()
    expect(page.locator("#train-stop")).to_be_hidden()
    assert person.space.run(run).has_bundle


def test_a_run_is_renamed_and_deleted_with_a_question(
    app: App, trainer: tuple[Person, str], new_page: Callable[..., Page]
) -> None:
    person, original = trainer
    run = copy_of(person, original)
    page = new_page(f"/?run={run}&tab=train", storage_state=person.state)
    bar = page.locator("#runs-list")
    expect(page.locator("#train-state")).to_contain_text("The model is ready")
    chosen = bar.locator(".s-chosen")
    chosen.get_by_role("button", name="Rename").click()
    page.locator("#runs-name input, #runs-name textarea").fill("<b>New</b> name")
    page.locator("#runs-rename-save").click()
    expect(chosen).to_contain_text("<b>New</b> name")
    chosen.get_by_role("button", name="Delete:").click()
    expect(chosen).to_contain_text("Delete for good?")
    chosen.get_by_role("button", name="Cancel").click()
    expect(chosen).not_to_contain_text("Delete for good?")
    assert person.space.run(run).name == "<b>New</b> name"
    chosen.get_by_role("button", name="Delete:").click()
    expect(chosen).to_contain_text("Delete for good?")
    chosen.get_by_role("button", name="Yes, delete").click()
    expect(bar).not_to_contain_text("New</b> name")
    assert run not in {each.id for each in person.space.runs()}
    assert original in {each.id for each in person.space.runs()}


def test_a_run_of_somebody_else_cannot_be_opened(trainer: tuple[Person, str], new_page: Callable[..., Page]) -> None:
    _, run = trainer
    for tab in ("train", "evaluate", "predict"):
        page = new_page(f"/?run={run}&tab={tab}")
        expect(page.get_by_role("tab", name="Data")).to_be_visible()
        expect(page.locator("body")).not_to_contain_text("Film notes")
