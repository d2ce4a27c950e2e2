"""The samples are what their packages hold, and failures on the way are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sft_keras.data import sample_sources
from sft_keras.data.checks import check_examples
from sft_keras.data.columns import choose_columns
from sft_keras.data.samples import SAMPLES, fetch_samples, is_available, load_sample, sample
from sft_keras.errors import DataError
from sft_keras.settings import Settings

COUNTS = {
    "bbc-news": {"sports": 511, "business": 510, "politics": 417, "tech": 401, "entertainment": 386},
    "movie-reviews": {"negative": 5076, "positive": 4996},
    "tweets": {"positive": 2345, "negative": 1087},
    "product-reviews": {"positive": 1750, "negative": 1235},
    "chinese-reviews": {"负面": 18575, "正面": 16548},
}


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_is_complete(name: str, sample_settings: Settings) -> None:
    table = load_sample(name, sample_settings)
    assert list(table.frame.columns) == ["text", "label"]
    assert table.frame["label"].value_counts().to_dict() == COUNTS[name]
    assert table.source == name
    assert not any("damaged" in note for note in table.notes)
    described = sample(name)
    assert all([described.title, described.task, described.source, described.licence])
    assert all(is_available(name, sample_settings) for name in SAMPLES)


def test_a_sample_passes_the_checks(sample_settings: Settings) -> None:
    table = load_sample("tweets", sample_settings)
    assert check_examples(table, choose_columns(table.frame), sample_settings).ok


def test_fetching_twice_does_nothing(sample_settings: Settings) -> None:
    said: list[str] = []
    assert len(fetch_samples(sample_settings, log=said.append)) == len(SAMPLES)
    assert said == []


def test_a_sample_that_is_not_there(settings: Settings) -> None:
    assert not is_available("tweets", settings)
    with pytest.raises(DataError) as caught:
        load_sample("tweets", settings)
    assert "sft-keras samples --download" in caught.value.fix
    with pytest.raises(DataError) as caught:
        load_sample("tweet", settings)
    assert 'Did you mean "tweets"?' in caught.value.fix


def test_pip_that_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "WARNING: x\nERROR: no network\n")

    monkeypatch.setattr(sample_sources.subprocess, "run", fail)
    with pytest.raises(DataError) as caught:
        fetch_samples(settings, ["tweets"], log=lambda _: None)
    assert "ERROR: no network" in caught.value.problem
    assert list(settings.samples_dir.iterdir()) == []


def test_a_package_that_was_changed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def forge(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        (Path(command[-1]) / "vaderSentiment-0.5.zip").write_bytes(b"other")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(sample_sources.subprocess, "run", forge)
    with pytest.raises(DataError, match="not the one that was checked"):
        fetch_samples(settings, ["tweets"], log=lambda _: None)
    assert not is_available("tweets", settings)


def test_a_package_that_is_not_installed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_sources.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DataError, match="not installed"):
        fetch_samples(settings, ["bbc-news"], log=lambda _: None)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot be written"):
        fetch_samples(Settings(data_dir=tmp_path / "file"), ["tweets"], log=lambda _: None)


def test_listing_samples_loads_nothing_heavy() -> None:
    program = "import sys, sft_keras.data.samples; print({'pandas', 'numpy', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
