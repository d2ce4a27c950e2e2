"""What does not fit is refused with a sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import gradio as gr
import httpx
import pytest
from fastapi.testclient import TestClient
from gradio.routes import App
from starlette.middleware import Middleware

from sft_keras.services.uploads import Uploads
from sft_keras.settings import MIB, Settings
from sft_keras.ui import uploads as module
from sft_keras.ui.uploads import UploadLimit
from tests.ui.coroutines import awaited


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Uploads:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "tmp"))
    made = Uploads(Settings(data_dir=tmp_path, max_uploads_mib=2, max_upload_mib=1))
    made.take_in()
    return made


@pytest.fixture
def app(uploads: Uploads) -> App:
    with gr.Blocks() as demo:
        gr.File()
    demo.max_file_size = None  # as `launch` sets it
    return App.create_app(demo, app_kwargs={"middleware": [Middleware(UploadLimit, uploads=uploads)]})


@pytest.fixture
def client(app: App) -> TestClient:
    return TestClient(app)


def test_uploads_are_taken_until_there_is_no_room(client: TestClient, uploads: Uploads) -> None:
    def send(name: str, size: int, language: str = "en") -> tuple[int, str]:
        content = name.encode() * (size // len(name))
        answer = client.post(
            "/gradio_api/upload", files={"files": (name, content)}, headers={"accept-language": language}
        )
        return answer.status_code, answer.text

    assert send("a", MIB)[0] == 200
    status, said = send("b", MIB + 1)
    assert (status, said) == (507, "There are too many uploads on this server at the moment. Try again in an hour.")
    assert "过多" in send("b", MIB + 1, "zh-CN")[1]
    assert send("c", 1000)[0] == 200
    assert sorted(file.name for file in uploads.folder.rglob("*") if file.is_file()) == ["a", "c"]


def test_an_upload_that_hides_its_size_is_ended(app: App, uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that does not fit any more because of another that came meanwhile."""
    monkeypatch.setattr(module, "LOOK_BYTES", MIB // 4)

    async def parts() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(32):
            yield b"a" * (MIB // 8)
        yield b"\r\n--x--\r\n"

    async def send() -> httpx.Response:
        headers = {"content-type": "multipart/form-data; boundary=x"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
            return await client.post("/gradio_api/upload", content=parts(), headers=headers)

    answer = awaited(send())
    assert answer.status_code in (400, 413)
    assert "too many uploads" in answer.text
    assert not [file for file in uploads.folder.rglob("*") if file.is_file()]


def test_recordings_are_not_taken(client: TestClient) -> None:
    assert client.post("/gradio_api/process_recording", files={"video": ("a.mp4", b"0")}).status_code == 404
