"""Paths and limits come from the environment, checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from sft_keras.errors import ConfigError
from sft_keras.settings import Settings


def test_defaults_and_paths() -> None:
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert settings.samples_dir == settings.data_dir / "samples"
    assert settings.runs_dir == settings.data_dir / "runs"
    assert settings.max_file_bytes == 512 * 1024 * 1024


def test_values_from_the_environment(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "SFT_DATA_DIR": str(tmp_path),
            "SFT_MAX_FILE_MIB": "1",
            "SFT_MAX_ROWS": " 20 ",
            "SFT_MAX_TEXT_CHARACTERS": "300",
            "SFT_MAX_CLASSES": "",
        }
    )
    assert settings == Settings(tmp_path, 1, 20, 300, 1000)
    assert Settings.from_environment({"SFT_DATA_DIR": "~/x"}).data_dir == Path.home() / "x"


@pytest.mark.parametrize("name", ["SFT_MAX_FILE_MIB", "SFT_MAX_ROWS", "SFT_MAX_TEXT_CHARACTERS", "SFT_MAX_CLASSES"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many"])
def test_bad_limit(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_environment({name: value})
    assert f'"{value}"' in caught.value.problem
    assert name in caught.value.where
