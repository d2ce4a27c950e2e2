"""What a client that is no browser may try."""

from __future__ import annotations

import io
import json
import threading
import urllib.request
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client
from playwright.sync_api import Page, expect

from sft_keras.errors import SftError
from sft_keras.services.uploads import Uploads
from sft_keras.settings import Settings
from tests.browser.app_process import App, status_of
from tests.browser.conftest import Person
from tests.browser.test_data_tab import drop
from tests.conftest import sentences, write_csv


class Forger:
    """Calls the page's own handlers as a program can, with whatever it likes in place of what a browser holds."""

    def __init__(self, app: App) -> None:
        self.url = app.url
        with urllib.request.urlopen(f"{app.url}/config", timeout=10) as answer:  # noqa: S310
            self.config = json.load(answer)

    def call(self, elem_id: str, event: str, *data: Any) -> dict[str, Any]:
        """What a handler of a component answers."""
        component = next(each["id"] for each in self.config["components"] if each["props"].get("elem_id") == elem_id)
        handler = next(each["id"] for each in self.config["dependencies"] if [component, event] in each["targets"])
        asked = {"data": data, "fn_index": handler, "session_hash": f"forged{handler}"}
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/gradio_api/queue/join", json.dumps(asked).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
        stream = f"{self.url}/gradio_api/queue/data?session_hash=forged{handler}"
        with urllib.request.urlopen(stream, timeout=30) as events:  # noqa: S310
            for line in events:
                if line.startswith(b"data:"):
                    message: dict[str, Any] = json.loads(line[5:])
                    if message["msg"] == "process_completed":
                        return message
        raise AssertionError("no answer")


@pytest.fixture(scope="module")
def forger(app: App) -> Forger:
    return Forger(app)


def test_a_local_path_in_place_of_an_upload_gets_nothing(
    app: App, forger: Forger, new_person: Callable[[App], Person], tmp_path: Path
) -> None:
    """Gradio reads any path of the server unless the app was started by `launch`."""
    secret = write_csv(tmp_path / "secret.csv", sentences(40))
    person = new_person(app)
    for path in (secret, app.data_dir / "secret.key", Path("/etc/passwd")):
        file = {"path": str(path), "orig_name": "mine.csv", "meta": {"_type": "gradio.FileData"}}
        answer = forger.call("data-file", "upload", person.key, file)
        assert not answer["success"] or "mine.csv" not in json.dumps(answer["output"])
        assert person.space.datasets() == []


def test_uploads_lie_in_a_folder_of_the_app(app: App) -> None:
    environment = {"GRADIO_TEMP_DIR": app.variables["GRADIO_TEMP_DIR"]}
    folder = Uploads(Settings(data_dir=app.data_dir), environment).folder
    answer = httpx.post(f"{app.url}/gradio_api/upload", files={"files": ("a.csv", b"a,b\n")})
    (place,) = map(Path, answer.json())
    assert place.is_relative_to(folder)
    assert place.is_file()
    assert httpx.post(f"{app.url}/gradio_api/process_recording", files={"video": ("a.mp4", b"0")}).status_code == 404


def test_an_address_in_place_of_an_upload_is_not_fetched(
    app: App, forger: Forger, new_person: Callable[[App], Person]
) -> None:
    asked: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/data.csv"
        file = {"path": address, "url": address, "meta": {"_type": "gradio.FileData"}}
        person = new_person(app)
        answer = forger.call("data-file", "upload", person.key, file)
        assert not answer["success"]
        assert "fetches no address" in json.dumps(answer)
        assert status_of(f"{app.url}/gradio_api/file={address}") == 403
        server.shutdown()
    assert asked == []


def test_a_client_finds_nothing_to_call(app: App) -> None:
    client = Client(app.url, verbose=False)
    assert client.view_api(return_format="dict", print_info=False)["named_endpoints"] == {}


def test_files_of_the_server_are_not_served(app: App, trainer: tuple[Person, str]) -> None:
    person, run = trainer
    place = person.space.place("runs", run)
    for path in ("/etc/passwd", app.data_dir / "secret.key", place / "config.yaml", place / "bundle" / "model.onnx"):
        assert Path(path).exists()
        assert status_of(f"{app.url}/gradio_api/file={path}") in (403, 404)
    assert status_of(f"{app.url}/gradio_api/file={app.data_dir}/../data/secret.key") in (403, 404)


def test_what_belongs_to_another_is_refused(
    app: App, forger: Forger, trainer: tuple[Person, str], new_person: Callable[[App], Person]
) -> None:
    """The id of a run is in the address of the page, so others may know it; that must not help them."""
    _, run = trainer
    other = new_person(app)
    for elem_id, data in (
        ("evaluate-download", (other.key, run, False)),
        ("predict-bundle", (other.key, run, "")),
        ("predict-onnx", (other.key, run, "")),
        ("predict-go", (other.key, run, "a great film")),
        ("share-publish", (other.key, run)),
        ("train-stop", (other.key, run)),
    ):
        answer = json.dumps(forger.call(elem_id, "click", *data))
        assert '"success": false' in answer or "There is no such run" in answer, elem_id
    for ask in (other.space.report, other.space.run, other.space.bundle_zip, other.space.publish, other.space.delete):
        with pytest.raises(SftError, match="no such run"):
            ask(run)


@pytest.mark.parametrize("ticket", ["x", "../../secret.key", "WyJvd25lcnMiXQ.aaaa.bbbb"])
def test_a_forged_ticket_opens_no_file(ticket: str, app: App) -> None:
    assert status_of(f"{app.url}/api/v1/downloads/{urllib.request.quote(ticket, safe='')}") in (403, 404)


def test_an_archive_that_unpacks_to_too_much_is_refused(new_page: Callable[..., Page]) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"text,label\n" + b"x" * (101 * 2**20))
    page = new_page()
    drop(page, name="bomb.zip", content=stream.getvalue())
    expect(page.locator("#data-message [role=alert]")).to_contain_text("larger than the limit")
