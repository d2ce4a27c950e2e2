"""The whole way with the mouse, from a sample to a link that somebody else opens, and what can be downloaded."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Person, choose, saved
from tests.conftest import write_csv

TRAINED_MS = 150_000
FORMULA = "=HYPERLINK(1) a great film"


def test_from_a_sample_to_a_link(new_page: Callable[..., Page]) -> None:
    page = new_page()
    choose(page, "#data-sample", re.compile("product", re.IGNORECASE))
    page.locator("#data-sample-open").click()
    expect(page.locator("#data-summary")).to_contain_text("Usable rows")
    page.locator("#data-continue").click()

    # A tiny model, by the form.
    expect(page.locator("#train-recipes")).to_contain_text("Quick")
    choose(page, "#train-other-recipes", re.compile("Small and fast"))
    page.locator("#train-all").get_by_role("button", name="All settings").click()
    for field, value in (("training-epochs", "1"), ("model-lstm-units", "8"), ("evaluation-bootstrap-samples", "100")):
        page.locator(f"#field-{field} input").first.fill(value)
    page.locator("#train-name input, #train-name textarea").fill("Reviews, tiny")
    page.locator("#train-start").click()
    expect(page.locator("#train-state")).to_contain_text("Reviews, tiny")
    expect(page.locator("#train-state")).to_contain_text("The model is ready", timeout=TRAINED_MS)
    expect(page.locator("#runs-list")).to_contain_text("Finished")

    page.locator("#train-evaluate").click()
    expect(page.locator("#evaluate-summary")).to_contain_text("Accuracy")
    expect(page.locator("#evaluate-classes table")).to_be_visible()

    page.get_by_role("tab", name="Predict and share").click()
    page.locator("#predict-texts textarea").fill("I love it, works great\nawful, broke after a day")
    page.locator("#predict-go").click()
    expect(page.locator("#predict-answers")).to_contain_text("broke after a day")
    page.locator("#share-publish").click()
    address = page.locator("#share-address code").inner_text()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?model=[\w-]{16,}", address)

    visitor = new_page(address.partition("/?")[2].join(["/?", ""]))
    expect(visitor.locator("#public-head")).to_contain_text("Text classifier")
    expect(visitor.locator("#studio")).to_be_hidden()
    visitor.locator("#public-texts textarea").fill("I love it")
    visitor.locator("#public-go").click()
    expect(visitor.locator("#public-answers")).to_contain_text("%")


def test_downloads_open(trainer: tuple[Person, str], new_page: Callable[..., Page], tmp_path: Path) -> None:
    person, run = trainer
    page = new_page(f"/?run={run}&tab=evaluate", storage_state=person.state)
    report = saved(page, page.locator("#evaluate-download"), tmp_path)
    assert "<html" in report.read_text(encoding="utf-8")

    page.get_by_role("tab", name="Predict and share").click()
    page.locator("#predict-take").get_by_role("button", name="Download the model").click()
    with zipfile.ZipFile(saved(page, page.locator("#predict-bundle"), tmp_path)) as bundle:
        assert bundle.testzip() is None
        names = {Path(name).name for name in bundle.namelist()}
        assert {"model.keras", "labels.json", "manifest.json", "README.md"} <= names
    import onnx

    onnx.checker.check_model(onnx.load(saved(page, page.locator("#predict-onnx"), tmp_path)))


def test_a_file_comes_back_with_labels_and_without_formulas(
    trainer: tuple[Person, str], new_page: Callable[..., Page], tmp_path: Path
) -> None:
    """What a spreadsheet would run as a formula gets a mark in front."""
    person, run = trainer
    path = write_csv(
        tmp_path / "new ones.csv", [(FORMULA, "1"), ("a sad film", "2"), ("@SUM(1) lovely", "3")], ("text", "id")
    )
    page = new_page(f"/?run={run}&tab=predict", storage_state=person.state)
    page.locator("#predict-file-part").get_by_role("button", name="Sort a whole file").click()
    page.locator("#predict-file input[type=file]").set_input_files(path)
    expect(page.locator("#predict-file")).to_contain_text("new ones")
    page.locator("#predict-file-go").click()
    expect(page.locator("#predict-file-state")).to_contain_text("is ready")
    text = saved(page, page.locator("#predict-file-download"), tmp_path / "out").read_text(encoding="utf-8-sig")
    assert len(text.splitlines()) == 4
    assert f"'{FORMULA}" in text
    assert "'@SUM" in text
    assert not re.search(r"^[\"=@+-]*=", text, flags=re.MULTILINE)


def test_programs_call_it_with_a_key(trainer: tuple[Person, str], new_page: Callable[..., Page]) -> None:
    """A key is shown once; as soon as there is one, programs need it."""
    person, run = trainer
    link = person.space.publish(run)
    page = new_page(f"/?run={run}&tab=predict", storage_state=person.state)
    route = f"{page.url.partition('/?')[0]}/api/v1/models/{link.id}/predict"

    told: list[dict[str, Any]] = []

    def ask(**headers: str) -> int:
        body = json.dumps({"texts": ["a great film"]}).encode()
        request = urllib.request.Request(route, body, {"Content-Type": "application/json", **headers})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                assert json.load(answer)["predictions"][0]["label"] in ("good", "bad")
                return int(answer.status)
        except urllib.error.HTTPError as error:
            told.append(json.load(error))
            return error.code

    assert ask() == 200
    page.locator("#share-keys").get_by_role("button", name="API keys").click()
    page.locator("#share-key-name input, #share-key-name textarea").fill("my shop")
    page.locator("#share-key-add").click()
    expect(page.locator("#share-key-made")).to_contain_text("shown only now")
    key = page.locator("#share-key-made code").inner_text()
    assert ask() == 401
    assert ask(Authorization="Bearer wrong") == 401
    assert ask(Authorization=f"Bearer {key}") == 200
    person.space.unpublish(run)
    assert ask(Authorization=f"Bearer {key}") == 404
    assert all("error" in each for each in told)
