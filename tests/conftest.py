"""What the tests share: one import of Keras, tiny presets, a trained run, small data files."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from sft_keras.config import RunConfig
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from sft_keras.settings import Settings

WORDS = {
    "good": ["great", "lovely", "superb", "happy", "excellent"],
    "bad": ["awful", "boring", "sad", "terrible", "poor"],
}
FILLER = ["the", "film", "was", "really", "and", "story", "with", "an", "actor", "plot", "of", "scene"]
TINY = {
    "model": {"max_length": 16, "lstm_units": 8, "lstm_embedding_dim": 8, "lstm_bigram_buckets": 97, "dropout": 0.1},
    "optimizer": {"learning_rate": 0.02},
    "training": {"epochs": 2, "batch_size": 16},
    "evaluation": {"bootstrap_samples": 100},
}


def sentences(rows: int, seed: int = 0) -> list[tuple[str, str]]:
    """Sentences with one telling word each, and its label."""
    import random

    draw = random.Random(seed)
    result = []
    for index in range(rows):
        label = "good" if index % 2 else "bad"
        words = [*draw.sample(FILLER, 6), draw.choice(WORDS[label]), f"n{index}"]
        draw.shuffle(words)
        result.append((" ".join(words), label))
    return result


def write_csv(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("text", "label")) -> Path:
    """A CSV file with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    """Nested settings laid over each other, the later over the earlier."""
    result: dict[str, Any] = {}
    for part in parts:
        for section, values in part.items():
            result[section] = {**result.get(section, {}), **values}
    return result


# What takes longest begins first, so that no process is left with it alone at the end.
LONGEST = ("tests/browser/", "tests/integration/", "tests/training/", "tests/contracts/", "tests/modeling/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests in the order in which they begin."""

    def place(item: pytest.Item) -> int:
        return next((i for i, path in enumerate(LONGEST) if item.nodeid.startswith(path)), len(LONGEST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """TensorFlow runs graphs as they are: of a tiny model, to improve a graph takes longer than to run it a few times.

    Processes that tests start, and the web apps among them, do what they do everywhere.
    """
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None:
        tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One process runs all tests in a browser: two browsers with an app each would leave no core to others."""
    from xdist.scheduler import LoadFileScheduling

    class OneBrowser(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "browser" if nodeid.startswith(LONGEST[0]) else super()._split_scope(nodeid)

    return OneBrowser(config, log)


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    """The use cases over a data directory of their own."""
    return Services(Settings(data_dir=tmp_path_factory.mktemp("data_dir")))


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 120 labelled sentences."""
    return write_csv(tmp_path_factory.mktemp("labelled") / "labelled.csv", sentences(120))


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """What `model.backbone` says for a tiny member of a family: a randomly initialised preset folder, or a name."""
    from sft_keras.backend import load_backend
    from tests.tiny_presets import FACTORIES

    made: dict[str, str] = {}

    def make(family: str) -> str:
        if family not in FACTORIES:
            pytest.fail(f'There is no tiny preset of the family "{family}": add one to tests/tiny_presets.py.')
        if family not in made:
            load_backend()
            made[family] = FACTORIES[family](tmp_path_factory.mktemp("presets") / f"tiny_{family}")
        return made[family]

    return make


@pytest.fixture(scope="session")
def tiny_bert(tiny_backbone: Callable[[str], str]) -> Path:
    """A randomly initialised BERT with two narrow layers, as a KerasHub preset folder."""
    return Path(tiny_backbone("bert"))


@pytest.fixture(scope="session")
def train_run(services: Services, labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., RunResult]:
    """Trains a tiny run with the given settings, each time into a folder of its own.

    Without other forms of the model, which would take as long to make as the training, unless they are asked for.
    """

    def train(settings: dict[str, Any], data: Path = labelled, **options: Any) -> RunResult:
        out = tmp_path_factory.mktemp("runs") / "run"
        run = services.prepare(str(data), RunConfig.parse(merged(TINY, settings)), out=out)
        return services.start(run, **{"exports": False, **options})

    return train


@pytest.fixture(scope="session")
def lstm_run(train_run: Callable[..., RunResult]) -> RunResult:
    """A finished run with the LSTM."""
    return train_run({"model": {"backbone": "lstm"}, "training": {"epochs": 3}}, exports=True)


@pytest.fixture(scope="session")
def bert_run(train_run: Callable[..., RunResult], tiny_bert: Path) -> RunResult:
    """A finished run with the tiny BERT."""
    return train_run({"model": {"backbone": str(tiny_bert)}}, exports=True)


@pytest.fixture
def copied_run(lstm_run: RunResult, tmp_path: Path) -> RunDirectory:
    """A copy of a finished run that a test may spoil."""
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(lstm_run.run.path, folder)
    return RunDirectory(folder)


@pytest.fixture
def sft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """The command line in an empty folder, with a data directory of its own; see `tests.cli.commands`."""
    from tests.cli.commands import command_line

    monkeypatch.setenv("SFT_DATA_DIR", str(tmp_path / "data_dir"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return command_line(monkeypatch, capsys)


def rehash(bundle: Path) -> None:
    """Makes the manifest fit the files again, for tests of what lies behind the checksums."""
    from sft_keras.artifacts.bundle import MANIFEST, file_sha256

    manifest = json.loads((bundle / MANIFEST).read_text(encoding="utf-8"))
    manifest["files"] = {name: file_sha256(bundle / name) for name in manifest["files"]}
    (bundle / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
