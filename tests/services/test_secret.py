"""The secret of an installation is made once, for its user only, and outlives a restart."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sft_keras.errors import ConfigError
from sft_keras.services import Services
from sft_keras.services.secret import installation_secret
from sft_keras.settings import Settings


def test_it_is_made_once(tmp_path):
    first = Services(Settings(data_dir=tmp_path / "new")).secret
    assert Services(Settings(data_dir=tmp_path / "new")).secret == first
    assert len(first) >= 32
    path = tmp_path / "new" / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["secret.key"]
    assert Services(Settings(data_dir=tmp_path / "other")).secret != first


def test_processes_that_start_together_agree(tmp_path):
    program = f"""
from pathlib import Path
from sft_keras.services.secret import installation_secret
print(installation_secret(Path({str(tmp_path)!r})))
"""
    started = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert len({process.communicate()[0] for process in started}) == 1


def test_without_hard_links(tmp_path, monkeypatch):
    def refuse(*_args):
        raise PermissionError

    monkeypatch.setattr("sft_keras.services.secret.os.link", refuse)
    assert installation_secret(tmp_path) == installation_secret(tmp_path)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 60])
def test_a_damaged_secret_is_told(tmp_path, content):
    (tmp_path / "secret.key").write_bytes(content)
    with pytest.raises(ConfigError, match="secret"):
        installation_secret(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_writable(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError):
        installation_secret(tmp_path)


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be read or made"):
        installation_secret(tmp_path / "file" / Path("x"))
