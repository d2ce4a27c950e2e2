"""Sessions: who holds one, and when it ends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from sft_keras.services import Services
from sft_keras.services.accounts import account_line
from sft_keras.services.sessions import LONGEST, SECONDS
from sft_keras.settings import Settings

WORD = "correct horse"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.txt"
    write(path, account_line("小王", "four good words"), account_line("ann", WORD))
    return path


@pytest.fixture
def services(tmp_path: Path, file: Path) -> Services:
    return Services(Settings(data_dir=tmp_path / "data", auth=file))


def write(file: Path, *lines: str) -> None:
    before = file.stat().st_mtime if file.exists() else 1000
    file.write_text("\n".join(lines), encoding="utf-8")
    os.utime(file, (before + 10, before + 10))


def test_the_right_password_gives_a_session_that_outlives_the_server(services: Services) -> None:
    session = services.sessions.enter(" ann ", WORD)
    assert services.sessions.user(session) == "ann"
    assert Services(services.settings).sessions.user(session) == "ann"
    assert services.sessions.user(services.sessions.enter("小王", "four good words")) == "小王"


@pytest.mark.parametrize(
    ("name", "password"), [("ann", "wrong"), ("bob", WORD), ("", ""), ("ann", ""), ("a" * 5000, WORD)]
)
def test_a_wrong_password_gives_none(name: str, password: str, services: Services) -> None:
    assert services.sessions.enter(name, password) == ""


def test_guessing_is_slowed_down(services: Services) -> None:
    for number in range(10):
        services.sessions.enter("ann", f"guess {number}")
    assert services.sessions.enter("ann", WORD) == ""


@pytest.mark.parametrize("session", ["", "user:ann", "x.y.z", "a" * (LONGEST + 1), None, 7, ["ann"], {"name": "ann"}])
def test_what_is_no_session(session: Any, services: Services) -> None:
    assert services.sessions.user(session) == ""


def test_nobody_else_can_sign_one(services: Services) -> None:
    session = services.sessions.enter("ann", WORD)
    claims, rest = session.split(".", 1)
    mark = services.sessions._mark("小王")
    for secret in ("guess", services.browser_secret):
        assert services.sessions.user(URLSafeTimedSerializer(secret, salt="session").dumps(["小王", mark])) == ""
    for salt in ("download", "itsdangerous"):
        forged = URLSafeTimedSerializer(services.secret, salt=salt).dumps(["小王", mark])
        assert services.sessions.user(forged) == ""
    assert services.sessions.user(f"{claims[:-2]}AA.{rest}") == ""
    assert services.sessions.user(session[:-1]) == ""
    for odd in ("ann", [], ["ann"], {"ann": 1}, ["ann", None], None):
        assert services.sessions.user(URLSafeTimedSerializer(services.secret, salt="session").dumps(odd)) == ""


def test_it_ends_after_thirty_days(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    session = services.sessions.enter("ann", WORD)
    now = TimestampSigner("x").get_timestamp()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: now + SECONDS - 60)
    assert services.sessions.user(session) == "ann"
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: now + SECONDS + 60)
    assert services.sessions.user(session) == ""


def test_it_ends_with_the_account_and_with_its_password(services: Services, file: Path) -> None:
    session = services.sessions.enter("ann", WORD)
    write(file, account_line("ann", WORD))
    # The same password with another salt: whoever set it anew meant to end what there was.
    assert services.sessions.user(session) == ""
    session = services.sessions.enter("ann", WORD)
    assert services.sessions.user(session) == "ann"
    write(file, account_line("bob", WORD))
    assert services.sessions.user(session) == ""
    file.unlink()
    assert services.sessions.user(session) == ""
    assert services.accounts.required


def test_what_every_browser_is_told_signs_nothing(services: Services) -> None:
    assert services.browser_secret != services.secret
    assert services.secret not in services.browser_secret
    assert services.browser_secret == Services(services.settings).browser_secret
