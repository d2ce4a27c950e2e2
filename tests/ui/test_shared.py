"""Whose page it is, and how a handler fails."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from sft_keras.errors import ConfigError, DataError
from sft_keras.services import Services
from sft_keras.services.accounts import account_line
from sft_keras.services.space.base import new_key
from sft_keras.settings import Settings
from sft_keras.ui.shared import guarded, hugging_face_user, known, space_of, told
from sft_keras.ui.texts import Texts, catalogue


def asked(language: str = "en", session: dict[str, Any] | None = None) -> gr.Request:
    request = gr.Request(username="ann")
    request.request = SimpleNamespace(
        headers={"accept-language": language}, scope={"session": session or {}}, query_params={}
    )
    return request


def hugging_face(**more: Any) -> dict[str, Any]:
    return {"oauth_info": {"userinfo": {"sub": "ann", "preferred_username": "Ann"}, **more}}


@pytest.fixture
def guarded_services(tmp_path: Path) -> Services:
    """Use cases with two accounts."""
    file = tmp_path / "accounts.txt"
    file.write_text(account_line("ann", "correct horse") + "\n" + account_line("ben", "another horse"))
    return Services(Settings(data_dir=tmp_path / "data", auth=file))


def test_two_browsers_have_nothing_in_common() -> None:
    services = Services()
    first, second = (space_of(services, new_key(), asked()) for _ in range(2))
    assert first.folder != second.folder


def test_with_accounts_only_a_session_opens_anything(guarded_services: Services) -> None:
    services = guarded_services
    ann, ben = services.sessions.enter("ann", "correct horse"), services.sessions.enter("ben", "another horse")
    assert space_of(services, ann, asked()).owner_id == services.space("user:ann").owner_id
    assert space_of(services, ben, asked()).owner_id == services.space("user:ben").owner_id
    for key in (new_key(), "user:ann", "", None, 7, ann[:-2], ann + "x"):
        with pytest.raises(ConfigError, match="not signed in"):
            space_of(services, key, asked())  # type: ignore[arg-type]  # what a program may send


def test_with_accounts_a_login_at_hugging_face_opens_nothing(
    guarded_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTH_CLIENT_ID", "x")
    with pytest.raises(ConfigError, match="not signed in"):
        space_of(guarded_services, new_key(), asked(session=hugging_face()))


def test_a_broken_file_of_accounts_opens_nothing(guarded_services: Services) -> None:
    assert guarded_services.settings.auth
    guarded_services.settings.auth.write_text("what is this")
    os.utime(guarded_services.settings.auth, (1, 1))
    with pytest.raises(ConfigError, match="not signed in"):
        space_of(guarded_services, new_key(), asked())


def test_a_browser_cannot_claim_to_be_a_login() -> None:
    with pytest.raises(ConfigError):
        space_of(Services(), "user:ann", asked())


@pytest.mark.parametrize("key", ["", None, "short", "../../etc", 7, {"a": 1}])
def test_no_page_without_a_key(key: Any) -> None:
    with pytest.raises(ConfigError):
        space_of(Services(), key, asked())


def test_where_hugging_face_asks_for_a_login_the_key_of_a_browser_is_not_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services, key = Services(), new_key()
    session = hugging_face(expires_at=time.time() + 60)
    assert space_of(services, key, asked(session=session)).owner_id == services.space(key).owner_id
    monkeypatch.setenv("OAUTH_CLIENT_ID", "x")
    found = space_of(services, key, asked(session=session))
    assert found.owner_id == services.space("user:hf:ann").owner_id
    assert hugging_face_user(asked(session=session), shown=True) == "Ann"
    assert known("", asked(session=session))
    assert not known("", asked())
    for other in ({}, hugging_face(expires_at=time.time() - 1), {"oauth_info": {"userinfo": {"sub": 7}}}):
        with pytest.raises(ConfigError, match="not signed in"):
            space_of(services, key, asked(session=other))


def test_a_mistake_of_the_person_is_told_as_it_is() -> None:
    error = DataError("The file is empty.", where="a.csv", fix="Choose another.")
    assert told(error, catalogue("en")) == "The file is empty. (a.csv) Choose another."


def test_what_nobody_foresaw_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    def handler(request: gr.Request) -> None:
        raise ValueError("secret-detail")

    with pytest.raises(gr.Error) as caught:
        guarded(Texts(), handler)(asked(language="zh-CN"))
    message = str(caught.value)
    number = message.split("编号 ")[1].split(" ")[0]
    assert "secret-detail" not in message
    assert number in caplog.text
    assert "secret-detail" in caplog.text


def test_a_generator_fails_in_the_same_way() -> None:
    def handler(request: gr.Request) -> Any:
        yield 1
        raise DataError("No.")

    made = guarded(Texts(), handler)(asked())
    assert next(made) == 1
    with pytest.raises(gr.Error, match=r"No\."):
        next(made)
