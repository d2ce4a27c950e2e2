"""Shared by the tests of the data layer: limits, the awkward files, and the samples."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from sft_keras.data.examples import Examples
from sft_keras.data.samples import fetch_samples
from sft_keras.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "home")


@pytest.fixture(scope="session")
def awkward() -> Path:
    """Real files that went wrong elsewhere; they lie beside the repository and are not part of it."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("SFT_SHARED_DATA", beside)) / "raw"
    if not folder.is_dir():
        pytest.skip("The awkward files are not on this machine (SFT_SHARED_DATA).")
    return folder


@pytest.fixture(scope="session")
def sample_settings() -> Settings:
    """The installation's own settings, with all samples fetched."""
    settings = Settings.from_environment()
    fetch_samples(settings, log=lambda _: None)
    return settings


def examples_of(texts: list[str], labels: list[str], weights: list[float] | None = None) -> Examples:
    """Examples as if from a file."""
    return Examples(
        texts=texts,
        labels=labels,
        weights=None if weights is None else np.array(weights, dtype=np.float32),
        rows=np.arange(1, len(texts) + 1),
        source="memory",
    )
