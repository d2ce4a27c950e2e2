"""The program that spoils files starts from valid ones, and a few of its files at every run of the tests."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest

from sft_keras.settings import Settings

SCRIPT = Path(__file__).parents[1] / "scripts" / "fuzz_reader.py"


@pytest.fixture(scope="module")
def fuzz_reader() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_reader", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_file_that_is_spoilt_was_valid(fuzz_reader: ModuleType, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, **fuzz_reader.LIMITS)
    for name, data in fuzz_reader.seeds().items():
        (tmp_path / name).write_bytes(data)
        assert fuzz_reader.outcome(tmp_path / name, settings) != "refused", name


def test_spoilt_files_get_a_clean_answer(fuzz_reader: ModuleType, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, **fuzz_reader.LIMITS)
    source, corpus = random.Random(5), fuzz_reader.seeds()
    answers = set()
    for _ in range(120):
        name = source.choice(sorted(corpus))
        path = tmp_path / name
        path.write_bytes(fuzz_reader.spoil(corpus[name], list(corpus.values()), source))
        answers.add(fuzz_reader.outcome(path, settings))
    assert answers == {"read", "refused", "read, not usable"}
