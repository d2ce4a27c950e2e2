"""From a file to examples: what people drop, good and bad, and what the page makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.app_process import App
from tests.conftest import sentences, write_csv
from tests.data.test_bad_input import REFUSED
from tests.data.test_reader_errors import CASES

# A text that runs as a program wherever it is put into a page as it is.
HOSTILE = "<img src=x onerror=window.hit=1><script>window.hit=1</script>"


def drop(page: Page, *, name: str, content: bytes) -> None:
    """Drops a file on the tab."""
    chooser = page.locator("#data-file input[type=file]")
    chooser.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": content})


def test_every_bad_file_is_refused_in_its_place_and_the_app_goes_on(new_page: Callable[..., Page]) -> None:
    """One page takes all of them, one after the other, and a good one in the end."""
    page = new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    bad = [(case, *CASES[case][:2]) for case in CASES] + [(case, *REFUSED[case][:2]) for case in REFUSED]
    message = page.locator("#data-message [role=alert]")
    for number, (case, name, content) in enumerate(bad):
        # By its contents, whatever the name: the page itself takes no other endings.
        suffix = ".csv" if name.endswith((".pdf", ".pkl", ".docx")) else name[name.index(".") :]
        if content == b"":
            continue  # browsers do not send an empty file
        drop(page, name=f"bad-{number}{suffix}", content=content)
        expect(message, case).to_contain_text(f"bad-{number}{suffix}")
        expect(message, case).not_to_contain_text("Traceback")
    expect(page.locator("#data-view")).to_be_hidden()
    drop(page, name="good.csv", content=b"text,label\n" + b"a fine day,good\na sad day,bad\n" * 8)
    expect(page.locator("#data-summary")).to_contain_text("good.csv")
    expect(message).to_have_count(0)
    assert failures == []


def test_a_file_that_is_dropped_at_once_waits_for_nothing(app: App, browser: Browser) -> None:
    """The server may be slow with what a page asks for first; its key is not among that."""
    page = browser.new_context(locale="en-GB").new_page()
    held: list[Route] = []
    page.route(re.compile("/gradio_api/(run/|queue/join)"), lambda route: held.append(route))
    page.goto(app.url)
    with page.expect_request(lambda asked: "queue/join" in asked.url and "early.csv" in (asked.post_data or "")):
        drop(page, name="early.csv", content=b"text,label\n" + b"a fine day,good\na sad day,bad\n" * 8)
    assert len(held) > 1
    page.unroute_all()  # which lets go of what was held
    expect(page.locator("#data-summary")).to_contain_text("early.csv")
    page.reload()  # and the key has stayed the same
    expect(page.locator("#data-summary")).to_contain_text("early.csv")
    page.context.close()


def test_what_is_in_a_file_is_shown_and_fixed_at_a_click(new_page: Callable[..., Page], tmp_path: Path) -> None:
    rows = sentences(60)
    path = write_csv(tmp_path / "notes.csv", [*rows, *rows[:5], ("", "good"), ("a lost one", "")])
    page = new_page()
    drop(page, name=path.name, content=path.read_bytes())
    expect(page.locator("#data-summary")).to_contain_text("67")
    expect(page.locator("#data-preview")).to_contain_text(rows[0][0])
    findings = page.locator("#data-findings")
    expect(findings).to_contain_text("Leave out rows without a text")
    findings.get_by_role("button", name="Leave out rows without a text").click()
    expect(findings).to_contain_text("Rows without a text are left out")
    page.reload()
    expect(page.locator("#data-findings")).to_contain_text("Rows without a text are left out")
    page.locator("#data-findings").get_by_role("button", name=re.compile("^Undo: Rows without a text")).first.click()
    expect(page.locator("#data-findings")).to_contain_text("Leave out rows without a text")


def test_a_sample_at_a_click(new_page: Callable[..., Page]) -> None:
    page = new_page()
    expect(page.locator("#data-sample input")).to_have_value(re.compile(".+"))
    page.locator("#data-sample-open").click()
    expect(page.locator("#data-summary")).to_contain_text("Usable rows")
    expect(page.locator("#data-charts").get_by_role("img", name="Histogram")).to_be_visible()


def test_html_in_texts_labels_and_file_names_is_text(new_page: Callable[..., Page]) -> None:
    rows = "".join(
        f'"{HOSTILE} {i}","<b onmouseover=window.hit=1>{"good" if i % 2 else "bad"}</b>"\n' for i in range(20)
    )
    page = new_page()
    drop(page, name="<img src=x onerror=window.hit=1>.csv", content=f"text,label\n{rows}".encode())
    expect(page.locator("#data-preview")).to_contain_text("<script>window.hit=1</script>")
    expect(page.locator("#data-charts")).to_contain_text("onmouseover")
    assert page.locator("#studio img[src=x], #studio b[onmouseover]").count() == 0
    assert page.evaluate("window.hit") is None


def test_a_second_browser_sees_nothing_of_the_first(new_page: Callable[..., Page]) -> None:
    first, second = new_page(), new_page()
    drop(first, name="mine.csv", content=b"text,label\n" + b"a fine day,good\na sad day,bad\n" * 8)
    expect(first.locator("#data-summary")).to_contain_text("mine.csv")
    expect(second.locator("#data-empty")).to_contain_text("Nothing here yet")
    second.reload()
    expect(second.locator("#data-empty")).to_contain_text("Nothing here yet")
    expect(second.locator("body")).not_to_contain_text("mine.csv")
    first.reload()
    expect(first.locator("#data-summary")).to_contain_text("mine.csv")


def test_the_page_finds_its_data_again_after_a_restart_of_the_server(new_page: Callable[..., Page], app: App) -> None:
    page = new_page()
    drop(page, name="kept.csv", content=b"text,label\n" + b"a fine day,good\na sad day,bad\n" * 8)
    expect(page.locator("#data-summary")).to_contain_text("kept.csv")
    app.restart()
    page.goto(app.url)
    expect(page.locator("#data-summary")).to_contain_text("kept.csv")


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_stands_out_of_the_page(width: int, new_page: Callable[..., Page]) -> None:
    page = new_page(viewport={"width": width, "height": 844})
    drop(page, name="wide.csv", content=b"text,label\n" + f"{'word ' * 100},{'label' * 20}\nshort,b\n".encode() * 8)
    expect(page.locator("#data-summary")).to_contain_text("wide.csv")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
