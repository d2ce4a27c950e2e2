"""A bundle is trained further: on new rows, with new labels, and without the bundle once that is done."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sft_keras.artifacts.further import bundle_named, config_from, fingerprint
from sft_keras.config import RunConfig
from sft_keras.errors import ArtifactError, ConfigError
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from tests.conftest import FILLER, TINY, merged, rehash, sentences, write_csv

STILL = {"optimizer": {"learning_rate": 1e-12, "weight_decay": 0}, "training": {"epochs": 1}}
BEGUN = ("lstm_run", "vectors_run", "bert_run")
QUICK = {"evaluation": {"baselines": False}}
TEXTS = [text for text, _ in sentences(20, seed=9)]


@dataclass(frozen=True)
class Further:
    """A run from a copy of a bundle that is gone by now."""

    result: RunResult
    before: np.ndarray
    bundle: Path


def rows_with_mixed(rows: int, seed: int) -> list[tuple[str, str]]:
    """Rows of a label that is known and of one that is new; "bad" does not occur."""
    known = [row for row in sentences(2 * rows, seed) if row[1] == "good"]
    return [row if i % 2 else (f"{FILLER[i % 12]} so so middling n{i}", "mixed") for i, row in enumerate(known)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("further") / "more.csv", rows_with_mixed(60, seed=4))


@pytest.fixture(scope="module")
def vectors_run(train_run: Callable[..., RunResult], tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A run with word vectors of a width of their own, whose file is gone by now."""
    path = tmp_path_factory.mktemp("vectors") / "vectors.txt"
    path.write_text("great 1 0 0 0 1\nawful 0 1 0 1 0\n", encoding="utf-8")
    run = train_run(merged(QUICK, {"model": {"backbone": "lstm", "word_vectors": str(path)}}))
    path.unlink()
    return run


@pytest.fixture(scope="module")
def all_further(
    request: pytest.FixtureRequest, services: Services, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Further]:
    """By the run that each began from."""
    return {
        name: train_further(request.getfixturevalue(name), services, data, tmp_path_factory.mktemp("further"))
        for name in BEGUN
    }


@pytest.fixture(params=BEGUN)
def further(request: pytest.FixtureRequest, all_further: dict[str, Further]) -> Further:
    """Each of them."""
    return all_further[request.param]


def train_further(begun: RunResult, services: Services, data: Path, folder: Path) -> Further:
    """Trains further with steps too small to change anything, and scores on a file with an old label too."""
    old = folder / "old"
    shutil.copytree(begun.run.bundle, old)
    before = services.load(old).logits(TEXTS)
    test = write_csv(folder / "test.csv", [*rows_with_mixed(20, seed=6), *sentences(10, seed=7)])
    config = RunConfig.parse(merged(QUICK, STILL, {"model": {"backbone": str(old)}}))
    run = services.prepare(str(data), config, out=folder / "run", test=str(test))
    bundle = folder / "kept"
    shutil.copytree(old, bundle)
    result = services.start(run, exports=False)
    shutil.rmtree(old)
    return Further(result, before, bundle)


def test_old_rows_of_the_head_are_kept_and_new_ones_begin(further: Further, services: Services) -> None:
    predictor = services.load(further.result.run.path)
    assert predictor.labels.names == ("bad", "good", "mixed")
    after = predictor.logits(TEXTS)
    assert after[:, :2] == pytest.approx(further.before, abs=1e-5)
    assert np.abs(after[:, 2]).max() > 0
    tokenizers = [folder / "tokenizer.json" for folder in (further.bundle, further.result.run.bundle)]
    assert tokenizers[0].read_bytes() == tokenizers[1].read_bytes()


def test_what_is_recorded(further: Further) -> None:
    new, old = (RunConfig.from_yaml(f / "config.yaml").model for f in (further.result.run.bundle, further.bundle))
    sha = fingerprint(bundle_named(str(further.bundle)))
    assert new.bundle_sha256 == sha
    assert Path(new.backbone).is_absolute()
    assert (new.max_length, new.lstm_units, new.word_vectors) == (old.max_length, old.lstm_units, old.word_vectors)
    manifests = [json.loads((f / "manifest.json").read_text()) for f in (further.result.run.bundle, further.bundle)]
    assert manifests[0]["backbone"] == manifests[1]["backbone"]
    assert manifests[0]["family"] == manifests[1]["family"]
    assert manifests[0]["trained_from"] == sha
    assert sha in (further.result.run.bundle / "README.md").read_text(encoding="utf-8")


def test_labels_without_rows_are_scored_and_told(further: Further) -> None:
    report = further.result.report
    assert report["labels"] == ["bad", "good", "mixed"]
    assert {row["label"]: row["support"] for row in report["per_class"]}["bad"] == 5
    assert any("no training row: bad" in note for note in report["notes"])


def test_all_load_in_a_fresh_process_without_the_old_bundles(
    all_further: dict[str, Further], services: Services
) -> None:
    bundles = [str(further.result.run.bundle) for further in all_further.values()]
    program = f"""
import json, sft_keras
print(json.dumps([sft_keras.load(bundle).logits({TEXTS!r}).tolist() for bundle in {bundles!r}]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for bundle, logits in zip(bundles, json.loads(done.stdout), strict=True):
        assert np.array(logits) == pytest.approx(services.load(Path(bundle)).logits(TEXTS), abs=1e-5)


@pytest.mark.parametrize("kind", ["lstm_run", "bert_run"])
def test_resumed_is_as_unbroken_to_the_bit(
    request: pytest.FixtureRequest, services: Services, data: Path, tmp_path: Path, kind: str
) -> None:
    begun = request.getfixturevalue(kind).run.bundle
    settings = merged(
        QUICK, {"model": {"backbone": str(begun)}, "training": {"epochs": 2, "batch_size": 16, "patience": None}}
    )
    config = RunConfig.parse(settings)
    runs = [services.prepare(str(data), config, out=tmp_path / name) for name in ("unbroken", "broken")]
    services.start(runs[0], exports=False)
    steps = iter([False, True])
    assert not services.start(runs[1], should_stop=lambda: next(steps, False), exports=False).complete
    services.start(RunDirectory.open(runs[1].path), exports=False)
    first, second = (services.load(run.path).logits(TEXTS) for run in runs)
    assert (first == second).all()


def test_a_changed_or_lost_bundle_is_refused_when_a_run_is_resumed(
    copied_run: RunDirectory, services: Services, data: Path, tmp_path: Path
) -> None:
    config = RunConfig.parse({"model": {"backbone": str(copied_run.path)}})
    run = services.prepare(str(data), config, out=tmp_path / "run")
    assert run.config().model.backbone == str(copied_run.bundle.resolve())
    card = copied_run.bundle / "README.md"
    card.write_text("changed", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"began from cannot be used.*was changed"):
        services.start(run)
    rehash(copied_run.bundle)
    with pytest.raises(ArtifactError, match="began from was changed") as caught:
        services.start(run)
    assert "Put it back" in caught.value.fix
    shutil.rmtree(copied_run.bundle)
    with pytest.raises(ArtifactError, match="no bundle here"):
        services.start(run)
    with pytest.raises(ArtifactError):  # a run that has no bundle
        services.prepare(str(data), config, out=tmp_path / "other")


def test_settings_follow_the_bundle(lstm_run: RunResult) -> None:
    bundle = bundle_named(str(lstm_run.run.path))
    assert bundle is not None
    asked = RunConfig.parse({"model": {"backbone": "x", "max_length": 99, "dropout": 0.3}, "training": {"epochs": 9}})
    config = config_from(bundle, asked)
    assert config.model.pooling == "mean_max"
    assert (config.model.max_length, config.model.dropout, config.training.epochs) == (99, 0.3, 9)
    assert config_from(bundle, config) == config
    assert config_from(bundle, RunConfig()).model.max_length == TINY["model"]["max_length"]
    for name, value in (("lstm_units", 64), ("pooling", "mean"), ("word_vectors", "x.txt")):
        with pytest.raises(ConfigError, match=f"model.{name}"):
            config_from(bundle, RunConfig.parse({"model": {name: value}}))
    with pytest.raises(ConfigError, match="not the one"):
        config_from(bundle, RunConfig.parse({"model": {"bundle_sha256": "0" * 64}}))


def test_a_fingerprint_is_for_bundles(services: Services, data: Path, tmp_path: Path) -> None:
    config = RunConfig.parse({"model": {"backbone": "lstm", "bundle_sha256": "0" * 64}})
    with pytest.raises(ConfigError, match="is for bundles"):
        services.prepare(str(data), config, out=tmp_path / "run")


def test_a_bundle_that_does_not_fit_its_settings_is_refused(
    copied_run: RunDirectory, services: Services, data: Path, tmp_path: Path
) -> None:
    path = copied_run.bundle / "config.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("lstm_units: 8", "lstm_units: 9"), encoding="utf-8")
    rehash(copied_run.bundle)
    config = RunConfig.parse({"model": {"backbone": str(copied_run.path)}})
    run = services.prepare(str(data), config, out=tmp_path / "run")
    with pytest.raises(ArtifactError, match="backbone of the bundle does not fit"):
        services.start(run)
    assert not list(run.checkpoints.glob("epoch-*"))


def test_a_family_that_is_not_known(copied_run: RunDirectory, services: Services, data: Path, tmp_path: Path) -> None:
    path = copied_run.bundle / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"family": "lstm"', '"family": "gru"'), encoding="utf-8")
    config = RunConfig.parse({"model": {"backbone": str(copied_run.path)}})
    with pytest.raises(ArtifactError, match='no backbone family "gru"'):
        services.prepare(str(data), config, out=tmp_path / "run")
