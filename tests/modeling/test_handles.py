"""A folder or a handle goes to the family that its config.json declares; without a network the answer is quick."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import huggingface_hub
import huggingface_hub.constants
import kagglehub.cache
import pytest
from kagglehub.handle import parse_model_handle

from sft_keras.errors import ConfigError
from sft_keras.modeling.backbones.base import FAMILIES, resolve_backbone

DECLARED = [(name, architecture) for name, family in FAMILIES.items() for architecture in family.architectures]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], list[str]]]:
    """Puts an answer in the place of the Hugging Face Hub; gives the addresses that were asked for."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    asked: list[str] = []

    def answer_with(response: Any) -> list[str]:
        def handle(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("config.json"):  # the library asks for other things too, once a process
                asked.append(str(request.url))
            if isinstance(response, Exception):
                raise response
            return httpx.Response(response[0], content=response[1], request=request)

        huggingface_hub.set_client_factory(lambda: httpx.Client(transport=httpx.MockTransport(handle)))
        return asked

    yield answer_with
    huggingface_hub.set_client_factory(lambda: httpx.Client(follow_redirects=True))


def declaration(architecture: str) -> dict[str, str]:
    """The config.json of KerasHub, or of Hugging Face."""
    return {"class_name" if architecture.endswith("Backbone") else "model_type": architecture}


@pytest.mark.parametrize(("family", "architecture"), DECLARED)
def test_a_folder_and_a_handle_go_to_their_family(
    family: str, architecture: str, tmp_path: Path, hub: Callable[[Any], list[str]]
) -> None:
    content = json.dumps(declaration(architecture))
    (tmp_path / "config.json").write_text(content, encoding="utf-8")
    assert resolve_backbone(str(tmp_path)).family.name == family
    asked = hub((200, content.encode()))
    found = resolve_backbone("hf://someone/something")
    assert (found.family.name, found.location.handle) == (family, "hf://someone/something")
    assert asked == ["https://huggingface.co/someone/something/resolve/main/config.json"]


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (httpx.ConnectError("no route to the hub"), "no route to the hub"),
        ((404, b"Not Found"), "could not be looked up"),
        ((200, b"<html>"), "no readable config.json"),
        ((200, b'{"model_type": "t5"}'), "not supported. Received: t5"),
        ((200, b"{}"), "none declared"),
    ],
)
def test_a_handle_that_cannot_be_used_is_told_after_one_request(
    response: Any, message: str, hub: Callable[[Any], list[str]]
) -> None:
    asked = hub(response)
    with pytest.raises(ConfigError) as caught:
        resolve_backbone("hf://someone/something")
    assert message in str(caught.value)
    assert len(asked) == 1


def test_a_handle_in_the_cache_needs_no_network(tmp_path: Path, hub: Callable[[Any], list[str]]) -> None:
    asked = hub(httpx.ConnectError("no network"))
    kept = tmp_path / "cache" / "models--someone--something"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("abc", encoding="utf-8")
    (kept / "snapshots" / "abc").mkdir(parents=True)
    (kept / "snapshots" / "abc" / "config.json").write_text('{"model_type": "roberta"}', encoding="utf-8")
    assert resolve_backbone("hf://someone/something").family.name == "roberta"
    assert asked == []


def test_a_kaggle_handle_goes_to_its_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    kept = tmp_path / "models" / "someone" / "thing" / "keras" / "small" / "1"
    kept.mkdir(parents=True)
    (kept / "config.json").write_text('{"class_name": "FNetBackbone"}', encoding="utf-8")
    kagglehub.cache.Cache().mark_as_complete(parse_model_handle("someone/thing/keras/small/1"), "config.json")
    assert resolve_backbone("kaggle://someone/thing/keras/small/1").family.name == "f_net"
    with pytest.raises(ConfigError, match="could not be looked up"):
        resolve_backbone("kaggle://no-handle")
