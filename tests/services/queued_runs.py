"""Runs of an owner that wait: the settings of a small one, and its folder."""

from __future__ import annotations

from sft_keras.runs.directory import RunDirectory
from sft_keras.services import Space
from tests.conftest import TINY, merged

LSTM = merged(TINY, {"model": {"backbone": "lstm"}})


def folder_of(space: Space, run: str) -> RunDirectory:
    return RunDirectory(space.folder / "runs" / run)
