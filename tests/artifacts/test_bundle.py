"""Bundles: what is in one, that it is all that is needed, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sft_keras.artifacts.bundle import FORMAT_VERSION, file_sha256, read_bundle
from sft_keras.errors import ArtifactError, SftError
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from tests.conftest import rehash, sentences

TEXTS = [text for text, _ in sentences(12, seed=3)]


def edit_manifest(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def spoil(bundle: Path) -> None:
        manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
        change(manifest)
        (bundle / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    return spoil


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def link_out(bundle: Path) -> None:
    outside = bundle.parent / "outside.json"
    (bundle / "labels.json").rename(outside)
    (bundle / "labels.json").symlink_to(outside)


def ring_of_links(bundle: Path) -> None:
    (bundle / "labels.json").unlink()
    (bundle / "labels.json").symlink_to("labels.json")


def write_and_rehash(name: str, text: str) -> Callable[[Path], None]:
    def spoil(bundle: Path) -> None:
        (bundle / name).write_text(text, encoding="utf-8")
        rehash(bundle)

    return spoil


def test_what_is_in_a_bundle(bert_run: RunResult) -> None:
    bundle = bert_run.run.bundle
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["format_version"] == FORMAT_VERSION
    assert manifest["data_fingerprint"] == bert_run.report["data_fingerprint"]
    assert "keras" in manifest["versions"]
    expected = {"model.keras", "tokenizer.json", "labels.json", "config.yaml", "README.md", "report.json"}
    assert expected <= set(manifest["files"])
    assert any(name.startswith("preset/") for name in manifest["files"])
    on_disk = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert on_disk == {*manifest["files"], "manifest.json"}
    for name, checksum in manifest["files"].items():
        assert file_sha256(bundle / name) == checksum
    read = read_bundle(bundle)
    assert read.labels.names == ("bad", "good")
    settled = {"mixed_precision": "none"}  # what `auto` came to
    asked = bert_run.run.config()
    assert read.config == asked.model_copy(update={"training": asked.training.model_copy(update=settled)})
    assert read.report == bert_run.report


def test_there_is_no_pickle_in_it(bert_run: RunResult, lstm_run: RunResult) -> None:
    for run in (bert_run.run, lstm_run.run):
        for path in run.bundle.rglob("*"):
            assert path.suffix not in {".pkl", ".pickle", ".npy", ".npz", ".joblib", ".pt", ".bin"}
        with zipfile.ZipFile(run.bundle / "model.keras") as archive:
            assert {Path(name).suffix for name in archive.namelist()} == {".json", ".h5"}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda b: (b / "model.keras").unlink(), "model.keras is missing"),
        (lambda b: (b / "README.md").unlink(), "README.md is missing"),
        (lambda b: flip_a_byte(b / "model.keras"), "model.keras was changed"),
        (lambda b: flip_a_byte(b / "report.json"), "report.json was changed"),
        (edit_manifest(lambda m: m.update(format_version=99)), "format version 99"),
        (lambda b: (b / "manifest.json").unlink(), "no manifest.json"),
        (lambda b: (b / "manifest.json").write_bytes(b"\xff\xfe\x00rubbish"), "manifest.json cannot be read"),
        (lambda b: (b / "manifest.json").write_text("[" * 100_000), "manifest.json cannot be read"),
        (lambda b: (b / "manifest.json").write_text("[]"), "manifest.json cannot be read"),
        (lambda b: (b / "manifest.json").write_text('{"format_version": "1", "files": {}}'), "cannot be read"),
        (edit_manifest(lambda m: m["files"].update({"../status.json": "0"})), "lies outside the bundle"),
        (edit_manifest(lambda m: m["files"].update({"/etc/passwd": "0"})), "lies outside the bundle"),
        (edit_manifest(lambda m: m["files"].update({"a\0b": "0"})), "cannot be read"),
        (edit_manifest(lambda m: m["files"].update({"x" * 5000: "0"})), "cannot be read"),
        (edit_manifest(lambda m: m["files"].update({"": "0"})), "is missing"),
        (edit_manifest(lambda m: m["files"].pop("labels.json")), "not listed in manifest.json"),
        (link_out, "lies outside the bundle"),
        (ring_of_links, "labels.json"),
        (write_and_rehash("labels.json", '{"good": 0}'), "labels.json cannot be read"),
        (write_and_rehash("report.json", "rubbish"), "cannot be read"),
        (write_and_rehash("config.yaml", "trainig: {}"), 'no setting "trainig"'),
    ],
)
def test_a_spoilt_bundle_is_refused(copied_run: RunDirectory, spoil: Callable[[Path], None], told: str) -> None:
    read_bundle(copied_run.bundle)
    spoil(copied_run.bundle)
    with pytest.raises(SftError) as caught:
        read_bundle(copied_run.bundle)
    error = caught.value
    assert told in str(error)
    assert str(copied_run.bundle) in error.where
    assert error.fix


def test_no_bundle_at_all(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="There is no bundle here"):
        read_bundle(tmp_path / "nothing")
    with pytest.raises(ArtifactError, match=r"no manifest\.json"):
        read_bundle(tmp_path)


def test_code_in_a_model_is_refused_and_not_run(
    copied_run: RunDirectory, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    monkeypatch.chdir(tmp_path)
    inputs = keras.Input((None,), dtype="int32", name="token_ids")
    evil = keras.layers.Lambda(lambda x: (open("was_run", "w").close(), x)[1])  # noqa: PTH123
    outputs = keras.ops.cast(evil(inputs), "float32")
    assert (tmp_path / "was_run").exists()
    keras.Model({"token_ids": inputs}, outputs).save(copied_run.bundle / "model.keras")
    (tmp_path / "was_run").unlink(missing_ok=True)
    rehash(copied_run.bundle)
    with pytest.raises(ArtifactError, match="Lambda") as caught:
        services.load(copied_run.bundle)
    assert "Get the bundle again from where it was made" in caught.value.fix
    assert not (tmp_path / "was_run").exists()


def test_a_function_named_by_a_model_is_not_called(copied_run: RunDirectory, services: Services) -> None:
    target = copied_run.bundle / "model.keras"
    with zipfile.ZipFile(target) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    evil = {
        "module": "builtins",
        "class_name": "function",
        "config": {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"},
        "registered_name": "function",
    }
    config = json.loads(files["config.json"])
    config["config"]["layers"][-1]["config"]["activation"] = evil
    files["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    rehash(copied_run.bundle)
    with pytest.raises(ArtifactError, match="no part of a text classifier"):
        services.load(copied_run.bundle)


def test_a_model_of_another_version_is_told_from_a_dangerous_one(copied_run: RunDirectory, services: Services) -> None:
    target = copied_run.bundle / "model.keras"
    with zipfile.ZipFile(target) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["config.json"] = files["config.json"].replace(b'"use_bias"', b'"use_a_bias_of_the_future"')
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    rehash(copied_run.bundle)
    with pytest.raises(ArtifactError, match="cannot be loaded") as caught:
        services.load(copied_run.bundle)
    assert "If you trust where the bundle comes from, install what it was made with: sft-keras" in caught.value.fix


def test_a_bundle_under_any_name(lstm_run: RunResult, services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "我的 模型 (final) #1"
    shutil.copytree(lstm_run.run.bundle, folder)
    (tmp_path / "link").symlink_to(folder)
    for path in (folder, tmp_path / "link"):
        assert services.load(path).predict(TEXTS) == services.load(lstm_run.run.bundle).predict(TEXTS)
    (folder / "a file that nobody listed.py").write_text("raise SystemExit", encoding="utf-8")
    assert services.load(folder).predict(TEXTS[:1])  # is not read


@pytest.mark.parametrize("names", [["good"], ["bad", "good", "other"]])
def test_labels_that_do_not_fit_the_model_are_refused(
    copied_run: RunDirectory, services: Services, names: list[str]
) -> None:
    write_and_rehash("labels.json", json.dumps(names))(copied_run.bundle)
    with pytest.raises(ArtifactError, match=r"does not fit labels\.json"):
        services.load(copied_run.bundle)


FRESH = """
import json, socket, sys
def no_network(*a, **k): raise OSError("no network")
socket.create_connection = socket.getaddrinfo = no_network
import sft_keras
texts, bundles, preset = json.loads(sys.argv[1])
answers = [[p.probabilities for p in sft_keras.load(b).predict(texts)] for b in bundles]
loaded = sorted(m for m in sys.modules if m.startswith("sft_keras."))
import keras_hub
backbone = keras_hub.models.Backbone.from_preset(preset)
tokenizer = keras_hub.models.Tokenizer.from_preset(preset)
weights = [float(abs(w.numpy()).sum()) for w in backbone.weights]
print(json.dumps({"answers": answers, "loaded": loaded, "weights": weights, "class": type(backbone).__name__,
                  "names": [w.path for w in backbone.weights], "tokenizer": type(tokenizer).__name__}))
"""


def test_a_bundle_works_in_a_fresh_process_when_all_else_is_gone(
    train_run: Callable[..., RunResult], tiny_bert: Path, lstm_run: RunResult, services: Services, tmp_path: Path
) -> None:
    preset = tmp_path / "the preset it came from"
    shutil.copytree(tiny_bert, preset)
    bert = train_run({"model": {"backbone": str(preset)}})
    copies, expected = [], []
    for run in (lstm_run.run, bert.run):
        copy = tmp_path / f"copy of {run.config().model.backbone.rpartition('/')[2]}"
        shutil.copytree(run.bundle, copy)
        copies.append(str(copy))
        expected.append([prediction.probabilities for prediction in services.load(run.bundle).predict(TEXTS)])
    trained = services.load(bert.run.bundle)._model.get_layer("backbone")
    by_name = {w.path: float(np.abs(np.asarray(w)).sum()) for w in trained.weights}
    shutil.rmtree(preset)
    shutil.rmtree(bert.run.path)
    arguments = json.dumps([TEXTS, copies, f"{copies[1]}/preset"])
    environment = {**os.environ, "SFT_DATA_DIR": str(tmp_path / "none"), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", FRESH, arguments], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    fresh = json.loads(done.stdout.splitlines()[-1])
    for answers, known in zip(fresh["answers"], expected, strict=True):
        for answer, probabilities in zip(answers, known, strict=True):
            assert answer == pytest.approx(probabilities, abs=1e-6)
    assert not {"sft_keras.training.trainer", "sft_keras.losses.objective"} & set(fresh["loaded"])
    assert (fresh["class"], fresh["tokenizer"]) == ("BertBackbone", "BertTokenizer")
    weights = dict(zip(fresh["names"], fresh["weights"], strict=True))
    shared = set(weights) & set(by_name)
    assert len(shared) > 20
    for name in shared:
        assert weights[name] == pytest.approx(by_name[name], rel=1e-5), name
    import keras_hub

    before = keras_hub.models.Backbone.from_preset(str(tiny_bert))
    untrained = {w.path: float(np.abs(np.asarray(w)).sum()) for w in before.weights}
    moved = [name for name in shared if weights[name] != pytest.approx(untrained[name], rel=1e-5)]
    assert len(moved) > 10  # it is the fine-tuned backbone, not the one from before
