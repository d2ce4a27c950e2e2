"""Nobody makes the server fetch an address."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from gradio import processing_utils, route_utils, routes, static_server
from gradio.blocks import Block
from gradio.routes import App

from sft_keras.ui.no_downloads import forbid_downloads
from tests.ui.coroutines import awaited

ADDRESS = "https://example.com/large.csv"
FETCHING = (
    "async_ssrf_protected_download",
    "async_ssrf_protected_get",
    "save_url_to_cache",
    "ssrf_protected_download",
    "unsafe_download",
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses for which Gradio's own way to the network was taken, which is not left open."""
    addresses: list[str] = []

    async def get(url: str, *_: Any, **__: Any) -> None:
        addresses.append(url)
        raise OSError("no network in tests")

    monkeypatch.setattr("safehttpx.get", get)
    monkeypatch.setattr("safehttpx.async_validate_url", get)
    for module in (route_utils, routes, static_server):  # put back afterwards
        monkeypatch.setattr(module, "secure_url_stream_response", module.secure_url_stream_response)
    for name in FETCHING:
        monkeypatch.setattr(processing_utils, name, getattr(processing_utils, name))
    forbid_downloads()
    return addresses


def test_every_function_that_fetches_refuses(asked: list[str]) -> None:
    for name in FETCHING:
        function = getattr(processing_utils, name)

        async def called(function: Any = function) -> None:
            found = function(ADDRESS, "cache")
            if inspect.isawaitable(found):
                await found

        with pytest.raises(gr.Error, match="fetches no address"):
            awaited(called())
    assert asked == []


def test_the_functions_are_those_that_gradio_calls(asked: list[str]) -> None:
    moving = inspect.getsource(Block.async_move_resource_to_block_cache)
    assert "processing_utils.async_ssrf_protected_download(" in moving
    with pytest.raises(gr.Error, match="fetches no address"):
        awaited(gr.File(render=False).async_move_resource_to_block_cache(ADDRESS))
    assert asked == []


def test_an_address_in_place_of_an_upload_is_never_asked_for(asked: list[str], tmp_path: Path) -> None:
    seen: list[object] = []
    with gr.Blocks() as demo:
        file = gr.File()
        file.upload(seen.append, file, None, queue=False, api_name="take")
    client = TestClient(App.create_app(demo), raise_server_exceptions=False)
    for address in (ADDRESS, "http://127.0.0.1:9/x.csv", "https://huggingface.co/x.csv"):
        payload = {"path": address, "meta": {"_type": "gradio.FileData"}}
        assert client.post("/gradio_api/run/take", json={"data": [payload]}).status_code == 500
        assert client.get(f"/gradio_api/file={address}").status_code == 403
    assert seen == []
    assert asked == []
