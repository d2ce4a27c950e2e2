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


def test_another_process_reads_the_same_settings(tmp_path: Path) -> None:
    settings = Settings(tmp_path, max_trainings=2, max_queued=5, max_run_hours=7, allow_hub=True)
    assert Settings.from_environment(settings.environment()) == settings
    assert Settings.from_environment(Settings().environment()) == Settings()


@pytest.mark.parametrize(("value", "on"), [("", False), ("0", False), ("off", False), ("1", True), (" True ", True)])
def test_switches(value: str, on: bool) -> None:
    assert Settings.from_environment({"SFT_ALLOW_HUB": value}).allow_hub is on
    with pytest.raises(ConfigError, match="A switch is 1 or 0"):
        Settings.from_environment({"SFT_ALLOW_HUB": f"{value}x"})
