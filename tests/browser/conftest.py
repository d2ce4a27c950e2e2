"""A browser and the app that it looks at; what one finished training costs is paid once."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect, sync_playwright

from sft_keras.runs.speed import Speed, Subject, keep_speed
from sft_keras.services import Services, Space
from sft_keras.services.space.base import new_id
from sft_keras.settings import Settings
from tests.browser.app_process import App, until
from tests.conftest import sentences, write_csv

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
MISSING = (
    "NO BROWSER: the tests of the app in a browser are skipped. "
    "Install chromium (apt-get install chromium, or playwright install chromium)."
)
# The app is quick; a machine that runs other tests beside it may not be.
PATIENCE_MS = 45_000
OWNER_KEY = re.compile(r'"data":\s*\[\s*"([A-Za-z0-9_-]{43})"')
# Otherwise the app would measure it, in processes with Keras beside the tests.
SPEED = Speed(6.0, 4.0, 0.1, 0.001, 0.0002, 800.0, 0.5)
SMALL: dict[str, Any] = {
    "model": {"backbone": "lstm", "max_length": 32, "lstm_units": 8, "lstm_embedding_dim": 8, "dropout": 0.1},
    "optimizer": {"learning_rate": 0.02},
    "training": {"epochs": 3, "batch_size": 16},
    "evaluation": {"bootstrap_samples": 100},
}


def browser_path(playwright: Playwright) -> str | None:
    """Where a browser lies: the system's, or the one that Playwright installed."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    own = playwright.chromium.executable_path
    return found or (own if Path(own).exists() else None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a process."""
    with sync_playwright() as playwright:
        path = browser_path(playwright)
        if path is None:
            warnings.warn(MISSING, stacklevel=1)
            pytest.skip(MISSING)
        expect.set_options(timeout=PATIENCE_MS)
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def samples_dir() -> Path:
    """The folder of the samples, as `make setup` left it."""
    folder = Settings.from_environment().samples_dir
    if not folder.is_dir():
        pytest.skip("The samples are not on this machine: sft-keras samples --download.")
    return folder


@pytest.fixture(scope="session")
def new_app(tmp_path_factory: pytest.TempPathFactory, samples_dir: Path) -> Iterator[Callable[..., App]]:
    """Makes an app with a data directory of its own, with the samples in it; started by whoever made it."""
    made: list[App] = []

    def make(**environment: str) -> App:
        data_dir = tmp_path_factory.mktemp("app") / "data"
        shutil.copytree(samples_dir, data_dir / "samples", copy_function=link_or_copy)
        for backbone, trainable in itertools.product(("minilm", "lstm"), ("full", "head")):
            keep_speed(Settings(data_dir=data_dir), Subject(backbone, trainable), SPEED)
        made.append(App(data_dir, environment))
        return made[-1]

    yield make
    for app in made:
        app.end()


def link_or_copy(source: str, target: str) -> str:
    """A hard link where the system allows it: the samples are only read."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


@pytest.fixture(scope="session")
def app(new_app: Callable[..., App]) -> App:
    """The app that most tests share; they are different owners in it."""
    made = new_app(SFT_MAX_TRAININGS="2")
    made.start()
    return made


def ready(page: Page) -> None:
    """Waits until a page has its key and shows what belongs to it."""
    expect(page.locator("#data-start h2, #data-start h1").first).to_be_attached()


@pytest.fixture
def new_page(browser: Browser, app: App) -> Iterator[Callable[..., Page]]:
    """Opens a page in a browser context of its own, which stands for another person."""
    contexts: list[BrowserContext] = []

    def open_page(path: str = "/", *, url: str | None = None, **options: Any) -> Page:
        settings = {"locale": "en-GB", "viewport": {"width": 1280, "height": 900}, "accept_downloads": True, **options}
        context = browser.new_context(**settings)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"{url or app.url}{path}")
        if "model=" not in path:
            ready(page)
        return page

    yield open_page
    for context in contexts:
        context.close()


@dataclass(frozen=True)
class Person:
    """Somebody who uses the app: what their browser keeps, and what belongs to them."""

    key: str
    state: Any
    space: Space


@pytest.fixture(scope="session")
def new_person(browser: Browser) -> Callable[[App], Person]:
    """Opens the app once in a fresh browser, and reads the key that the page was given from what it sends."""

    def make(app: App) -> Person:
        context = browser.new_context(locale="en-GB")
        page = context.new_page()
        keys: list[str] = []

        def listen(request: Any) -> None:
            found = OWNER_KEY.search(request.post_data or "") if request.method == "POST" else None
            if found:
                keys.append(found[1])

        page.on("request", listen)
        page.goto(app.url)
        expect(page.locator("#data-start")).to_contain_text("Your examples")
        until("the page sends its key", lambda: keys or page.wait_for_timeout(50), 20)
        page.wait_for_function("localStorage.getItem('sft-keras-owner') !== null")
        state = context.storage_state()
        context.close()
        return Person(keys[0], state, Services(Settings(data_dir=app.data_dir)).space(keys[0]))

    return make


@pytest.fixture(scope="session")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 240 labelled sentences."""
    return write_csv(tmp_path_factory.mktemp("small") / "film notes.csv", sentences(240))


@pytest.fixture(scope="session")
def trainer(app: App, new_person: Callable[[App], Person], small_file: Path) -> tuple[Person, str]:
    """A person with one finished run, and its id; trained by the app's own queue."""
    person = new_person(app)
    dataset = person.space.add_upload(small_file, small_file.name)
    run = person.space.submit(dataset.id, SMALL, name="Film notes")
    until("the training ends", lambda: person.space.run(run).state not in ("queued", "running"), 180, 0.3)
    view = person.space.run(run)
    assert view.state == "finished", view.message
    return person, run


def copy_of(person: Person, run: str) -> str:
    """A copy of a run that a test may change: the folders are the truth."""
    place = person.space.place("runs", run)
    made = new_id()
    shutil.copytree(place, place.with_name(made), ignore=shutil.ignore_patterns("link.json"))
    return made


def choose(page: Page, place: str, option: re.Pattern[str]) -> None:
    """Takes an entry of a drop-down."""
    page.locator(f"{place} input").click()
    page.get_by_role("option", name=option).click()


def saved(page: Page, button: Locator, folder: Path) -> Path:
    """What a button downloads."""
    with page.expect_download(timeout=60_000) as coming:
        button.click()
    path = folder / coming.value.suggested_filename
    coming.value.save_as(path)
    return path
