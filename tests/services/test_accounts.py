"""Accounts: who may log in, and how fast one may guess."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sft_keras.cli import app
from sft_keras.errors import ConfigError
from sft_keras.services import Services, owner_key_for_user
from sft_keras.services.accounts import account_line, read_accounts
from sft_keras.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.txt"
    lines = ["# of the shop", account_line("小王", "four good words"), "", account_line("ann", "correct horse")]
    path.write_text("\n".join(lines), encoding="utf-8-sig")
    return path


@pytest.fixture
def services(tmp_path: Path, file: Path) -> Services:
    return Services(Settings(data_dir=tmp_path / "data", auth=file))


def test_who_may_log_in(services):
    check = services.accounts.check
    assert services.accounts.enabled
    assert check("小王", "four good words")
    assert check("ann", "correct horse")
    for name, password in (("ann", "four good words"), ("bob", "x"), ("", ""), ("ann", ""), ("# of the shop", "")):
        assert not check(name, password)


def test_nobody_logs_in_without_accounts(tmp_path):
    accounts = Services(Settings(data_dir=tmp_path)).accounts
    assert not accounts.enabled
    assert not accounts.check("a", "b")


def test_guessing_is_slowed_down_for_that_account_only(services):
    for i in range(10):
        assert not services.accounts.check("ann", f"guess {i}")
    assert not services.accounts.check("ann", "correct horse")
    assert services.accounts.check("小王", "four good words")


def test_one_client_cannot_try_every_name(services, monkeypatch):
    """Nor does it cost a hash each time."""
    for i in range(20):
        assert not services.accounts.check(f"name{i}", "x" * 300, client="1.2.3.4")
    monkeypatch.setattr(services.passwords, "fits", lambda *_, **__: pytest.fail("hashed"))
    assert not services.accounts.check("ann", "correct horse", client="1.2.3.4")
    monkeypatch.undo()
    assert services.accounts.check("ann", "correct horse", client="5.6.7.8")


def test_who_has_logged_in_is_not_kept_out_by_those_who_guess_elsewhere(services):
    assert services.accounts.check("ann", "correct horse", client="home")
    for i in range(10):
        assert not services.accounts.check("ann", f"guess {i}", client=f"10.0.0.{i}")
    assert services.accounts.check("ann", "correct horse", client="home")
    assert not services.accounts.check("ann", "guess", client="home")
    assert not services.accounts.check("ann", "correct horse", client="elsewhere")


def test_a_changed_file_holds_at_once(services, file):
    assert services.accounts.check("ann", "correct horse")
    file.write_text(account_line("bob", "another good one"))
    os.utime(file, (1, 1))
    assert not services.accounts.check("ann", "correct horse")
    assert services.accounts.check("bob", "another good one")


@pytest.mark.parametrize(
    "text", ["", "# nobody\n", "ann:secret123\n", "ann\n", ":$argon2id$x\n", "ann:$argon2id$v=19\n"]
)
def test_files_that_are_no_accounts(text, tmp_path):
    with pytest.raises(ConfigError) as error:
        read_accounts(text, tmp_path / "accounts.txt")
    assert "secret123" not in str(error.value)


def test_a_name_stands_once_and_a_file_must_be_there(services, file, caplog):
    line = account_line("ann", "correct horse")
    with pytest.raises(ConfigError, match="twice"):
        read_accounts(f"{line}\n{line}", file)
    file.unlink()
    assert not services.accounts.check("ann", "correct horse")
    assert "No such file" in caplog.text
    with pytest.raises(ConfigError, match="No such file"):
        assert services.accounts.enabled
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        assert services.accounts.enabled


def test_the_command_prints_a_line_that_works(tmp_path):
    done = CliRunner().invoke(app, ["hash-password", "ann"], input="correct horse\ncorrect horse\n")
    assert done.exit_code == 0
    line = done.stdout.strip()
    assert "correct horse" not in line
    (tmp_path / "a.txt").write_text(line)
    services = Services(Settings.from_environment({"SFT_DATA_DIR": str(tmp_path), "SFT_AUTH": str(tmp_path / "a.txt")}))
    assert services.accounts.check("ann", "correct horse")


@pytest.mark.parametrize(("name", "password"), [("a:b", "long enough"), ("", "long enough"), ("#a", "long enough")])
def test_names_that_no_line_can_hold(name, password):
    with pytest.raises(ConfigError, match="name"):
        account_line(name, password)
    with pytest.raises(ConfigError, match="from 8"):
        account_line("ann", "short")


def test_the_owner_of_an_account(services):
    assert services.space(owner_key_for_user("小王")).owner_id == services.space("user:小王").owner_id
    assert services.space("user:小王").owner_id != services.space("user:ann").owner_id
