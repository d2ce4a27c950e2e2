"""Takes the pictures in `docs/images/` from the real app: `make screenshots`.

A real MiniLM is trained on a real sample in a data directory of its own, which takes some minutes. The browser is the
system's Chromium; the pictures are reduced to 256 colours.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402 - the project lies beside

from sft_keras.services import Services, Space  # noqa: E402
from sft_keras.settings import Settings  # noqa: E402
from tests.browser.app_process import App, until  # noqa: E402
from tests.browser.conftest import ARGUMENTS, MISSING, OWNER_KEY, browser_path  # noqa: E402

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 200_000
SAMPLE = "movie-reviews"
TITLE = "Film reviews"
TEXTS = (
    "A warm, funny and beautifully acted story that stays with you.\n"
    "Two hours of dull dialogue and a plot that goes nowhere.\n"
    "The jokes are old, yet the cast makes them work."
)
# Enough rows and epochs for a model that is better than TF-IDF, in some minutes on two cores.
SETTINGS: dict[str, Any] = {
    "data": {"max_rows": 2400},
    "model": {"backbone": "minilm", "max_length": 48},
    "training": {"epochs": 3, "batch_size": 32},
    "optimizer": {"learning_rate": 1e-4},
}
PATIENCE_MS = 120_000


def save(page: Page, name: str) -> None:
    """Writes a picture of what the page shows now, in few colours.

    Raises:
        SystemExit: It is larger than a page of documents should load.
    """
    page.mouse.move(0, 0)
    page.wait_for_timeout(600)  # charts fade in, and no event tells when they are done
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{name}.png"
    picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB", flush=True)
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path.name} has more than {MOST_BYTES // 1000} kB")


def open_page(browser: Browser, url: str, **options: Any) -> Page:
    """A page of a size that fits a document."""
    context = browser.new_context(**{"locale": "en-GB", "viewport": {"width": 1280, "height": 860}, **options})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(url)
    return page


def take_sample(browser: Browser, app: App) -> tuple[Space, Any]:
    """Takes the sample with the mouse; what belongs to that browser, and what it keeps."""
    page = open_page(browser, app.url)
    keys: list[str] = []

    def listen(request: Any) -> None:
        found = OWNER_KEY.search(request.post_data or "") if request.method == "POST" else None
        keys.extend(found.groups() if found else ())

    page.on("request", listen)
    expect(page.locator("#data-start h2")).to_be_visible()
    page.locator("#data-sample input").click()
    page.get_by_role("option", name="film reviews").click()
    page.locator("#data-sample-open").click()
    expect(page.locator("#data-summary")).to_contain_text("Usable rows")
    save(page, "data")
    state = page.context.storage_state()
    page.context.close()
    return Services(Settings(data_dir=app.data_dir)).space(keys[-1]), state


def pictures(browser: Browser, app: App) -> None:
    """All pictures, in the order of the work."""
    space, state = take_sample(browser, app)
    run = space.submit(space.datasets()[0].id, SETTINGS, name=TITLE)

    def view(tab: str, **options: Any) -> Page:
        return open_page(browser, f"{app.url}/?run={run}&tab={tab}", storage_state=state, **options)

    page = view("train")

    def well_under_way() -> bool:
        page.wait_for_timeout(500)
        now = space.run(run)
        if now.state not in ("queued", "running"):
            raise SystemExit(f"The training is {now.state}: {now.message}")
        return now.steps > 0 and now.step > 0.6 * now.steps

    until("more than half of the steps", well_under_way, 900)
    expect(page.locator("#train-losses")).to_be_visible()
    save(page, "train")
    until("the training ends", lambda: page.wait_for_timeout(500) or space.run(run).state == "finished", 600)
    page.context.close()

    page = view("evaluate")
    expect(page.locator("#evaluate-summary")).to_contain_text("Accuracy")
    save(page, "evaluate")
    for name, options in (
        ("dark", {"color_scheme": "dark", "locale": "en-GB"}),
        ("chinese", {"locale": "zh-CN"}),
    ):
        page = view("evaluate", **options)
        expect(page.locator("#evaluate-summary table, #evaluate-summary figure").first).to_be_attached()
        save(page, name)

    page = view("predict")
    page.wait_for_timeout(3000)  # a page that is still loading is no picture
    page.locator("#predict-texts textarea").fill(TEXTS)
    page.locator("#predict-go").click()
    expect(page.locator("#predict-answers")).to_contain_text("Words that mattered")
    save(page, "predict")
    expect(page.locator("#predict-answers")).to_contain_text("Words that mattered", timeout=1000)

    page = open_page(browser, f"{app.url}/?model={space.publish(run, title=TITLE).id}")
    page.locator("#public-texts textarea").fill(TEXTS)
    page.locator("#public-go").click()
    expect(page.locator("#public-answers")).to_contain_text("%")
    save(page, "share")


def main() -> int:
    """Makes the pictures; 0 if all of them could be made."""
    samples = Settings.from_environment().samples_dir
    if not (samples / f"{SAMPLE}.jsonl").is_file():
        print(f"The sample is missing: sft-keras samples --download {SAMPLE}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = browser_path(playwright)
        if path is None:
            print(MISSING, file=sys.stderr)
            return 2
        shutil.copytree(samples, Path(folder) / "data" / "samples")
        threads = str(os.cpu_count() or 1)
        app = App(Path(folder) / "data", {"OMP_NUM_THREADS": threads, "TF_NUM_INTRAOP_THREADS": threads})
        try:
            expect.set_options(timeout=PATIENCE_MS)
            app.start()
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            pictures(browser, app)
            browser.close()
        finally:
            app.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
