"""The page as a whole."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import typing
from collections import Counter
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from sft_keras.errors import ConfigError, SftError
from sft_keras.services import Services
from sft_keras.services.accounts import account_line
from sft_keras.services.space.base import new_key
from sft_keras.settings import Settings
from sft_keras.ui.app import build_ui, launch

ROOT = Path(__file__).parents[2]


def test_the_web_process_loads_neither_tensorflow_nor_keras(tmp_path: Path) -> None:
    program = (
        "import sys; from sft_keras.services import Services; from sft_keras.settings import Settings;"
        "from pathlib import Path; from sft_keras.ui.app import build_ui;"
        "build_ui(Services(Settings(data_dir=Path(sys.argv[1]))));"
        "print([n for n in ('tensorflow', 'keras', 'keras_hub', 'torch', 'jax') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


def test_no_event_is_part_of_a_public_api_and_ids_are_unique(tmp_path: Path) -> None:
    demo = build_ui(Services(Settings(data_dir=tmp_path)))
    public = [fn.name for fn in demo.fns.values() if fn.api_visibility == "public" and fn.fn is not None]
    ids = Counter(block.elem_id for block in demo.blocks.values() if getattr(block, "elem_id", None))
    assert public == []
    assert [name for name, count in ids.items() if count > 1] == []


def test_every_handler_is_given_the_request_that_it_asks_for(tmp_path: Path) -> None:
    """Gradio reads annotations when the program runs: one it cannot resolve costs the handler its request."""
    demo = build_ui(Services(Settings(data_dir=tmp_path)))
    for fn in demo.fns.values():
        if fn.fn is not None:
            typing.get_type_hints(inspect.unwrap(fn.fn))


def test_no_two_listeners_of_one_event_call_each_other_without_end(tmp_path: Path) -> None:
    """One that waits for its turn ("always_last") makes Gradio tell all listeners of the event once more."""
    demo = build_ui(Services(Settings(data_dir=tmp_path)))
    waiting = Counter(target for fn in demo.fns.values() if fn.trigger_mode == "always_last" for target in fn.targets)
    assert [target for target, count in waiting.items() if count > 1] == []
    heard = Counter(target for fn in demo.fns.values() for target in fn.targets)
    assert [target for target in waiting if target[1] == "change" and heard[target] > 1] == []


def test_only_another_run_clears_what_was_asked_about_this_one(tmp_path: Path) -> None:
    demo = build_ui(Services(Settings(data_dir=tmp_path)))
    asked = {"evaluate-comparison", "evaluate-file-result"}
    run = next(b for b in demo.blocks.values() if getattr(b, "storage_key", "") == "sft-keras-run")
    writers = {"clear": 0, "compare": 0, "score": 0}
    for fn in demo.fns.values():
        if asked & {getattr(block, "elem_id", None) for block in fn.outputs}:
            writers[str(fn.name)] += 1
            if fn.name == "clear":
                assert fn.targets == [(run._id, "change")]
    assert writers == {"clear": 1, "compare": 1, "score": 1}


def test_no_handler_of_the_studio_shows_a_traceback(tmp_path: Path) -> None:
    """Those that are given the key of a page are guarded: a failure becomes a message."""
    demo = build_ui(Services(Settings(data_dir=tmp_path)))
    owner = next(b for b in demo.blocks.values() if getattr(b, "storage_key", "") == "sft-keras-owner")
    asked = [fn for fn in demo.fns.values() if fn.fn and owner in fn.inputs]
    assert [fn.name for fn in asked if not hasattr(fn.fn, "__wrapped__")] == []


def test_sharing_needs_a_login(tmp_path: Path) -> None:
    services = Services(Settings(data_dir=tmp_path))
    with pytest.raises(ConfigError, match="Without a login"):
        launch(build_ui(services), services, share=True)


def test_a_port_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_PORT", "web")
    services = Services(Settings(data_dir=tmp_path))
    monkeypatch.setattr(services, "attend", lambda: None)
    with pytest.raises(ConfigError, match="A port"):
        launch(build_ui(services), services)


def test_a_launched_app_fetches_no_address_and_keeps_no_uploads_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it listens; what that does is tested beside `no_downloads`."""
    told: list[str] = []
    monkeypatch.setattr("sft_keras.ui.app.forbid_downloads", lambda: told.append("forbidden"))
    monkeypatch.setattr(gr.Blocks, "launch", lambda *_, **__: told.append("launched") or (None, "", ""))
    monkeypatch.setattr(gr.Blocks, "block_thread", lambda _: None)
    services = Services(Settings(data_dir=tmp_path))
    monkeypatch.setattr(services, "attend", lambda: None)
    left = services.uploads.folder / "ab" / "of an earlier process.csv"
    left.parent.mkdir(parents=True)
    left.write_text("a,b")
    os.utime(left, (1, 1))
    launch(build_ui(services), services)
    assert told == ["forbidden", "launched"]
    assert not left.exists()


def test_the_page_tells_nobody_what_the_server_signs_with(tmp_path: Path) -> None:
    """Gradio sends the secret of a BrowserState to every visitor."""
    services = Services(Settings(data_dir=tmp_path))
    config = json.dumps(build_ui(services).get_config_file(), default=str)
    assert services.browser_secret in config
    assert services.secret not in config


def test_without_a_session_no_handler_does_anything_for_an_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every handler that is given the key of a page is called with keys that a program may send."""
    file = tmp_path / "accounts.txt"
    file.write_text(account_line("ann", "correct horse"))
    services = Services(Settings(data_dir=tmp_path / "data", auth=file))
    demo = build_ui(services)
    opened: list[str] = []
    monkeypatch.setattr(services, "space", opened.append)
    owner = next(b for b in demo.blocks.values() if getattr(b, "storage_key", "") == "sft-keras-session")
    asked = [fn for fn in demo.fns.values() if fn.fn and owner in fn.inputs]
    assert len(asked) > 40
    for fn in asked:
        for key in ("user:ann", new_key(), "forged.session.text"):
            given = [key if each is owner else sample(each) for each in fn.inputs]
            call(fn.fn, given)
    assert opened == []
    call(next(fn.fn for fn in asked if fn.name == "restore"), [services.sessions.enter("ann", "correct horse"), ""])
    assert opened == ["user:ann"]


def sample(component: Any) -> Any:
    """What a program may send for a component, so that a handler does not give up early."""
    return {"file": "missing.csv", "slider": 10, "number": 1, "checkbox": True}.get(
        component.get_block_name(),
        {"validation_fraction": 0.1, "test_fraction": 0.1}
        if "split" in str(getattr(component, "storage_key", ""))
        else "0123456789abcdef",
    )


def call(function: Any, given: list[Any]) -> None:
    """Calls a handler as Gradio does, with a request and an event where it takes them; a refusal is an answer."""
    request = gr.Request(headers={"accept-language": "en"}, query_params={})
    event = gr.EventData(None, {"action": "delete", "value": "0123456789abcdef"})
    names = inspect.signature(function).parameters.values()
    extra = {"Request": request, "EventData": event}
    given = list(given)
    made = [
        extra.get(str(each.annotation).split(".")[-1]) or (given.pop(0) if given else None)
        for each in names
        if each.kind is not inspect.Parameter.VAR_POSITIONAL
    ]
    try:
        found = function(*made, *given)
        if inspect.isgenerator(found):
            list(found)
    except (gr.Error, SftError):
        pass


def test_a_visitors_file_is_not_read_before_the_link_lets_them_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services(Settings(data_dir=tmp_path))
    demo = build_ui(services)
    read: list[str] = []
    monkeypatch.setattr(services, "read_texts", lambda _path, name: read.append(name) or ["a text"])
    many = next(fn.fn for fn in demo.fns.values() if fn.fn and fn.name == "predict_many")
    assert next(fn.concurrency_limit for fn in demo.fns.values() if fn.name == "predict_many") == 1
    given: Any = gr.Request(headers={"accept-language": "en"}, query_params={"model": "0" * 32})
    shown = list(many("", "texts.csv", "", given))
    assert read == []
    assert "There is no model here" in str(shown)
