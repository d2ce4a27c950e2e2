"""Exported graphs: what is kept, what is left out, and that nothing of it can fail a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sft_keras.artifacts.bundle import GRAPH, file_sha256, read_bundle
from sft_keras.artifacts.export.base import EXPORTERS, Exporter, export_all
from sft_keras.artifacts.loading import load_model
from sft_keras.preprocessing.batches import Inputs
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services

REAL = EXPORTERS.get("onnx")
IDS = [np.array([2, 3, 4, 5], np.int32), np.array([3, 2], np.int32)]


class Spoilt(Exporter):
    """ONNX with something wrong."""

    name, file = "onnx", GRAPH

    def __init__(self, answer: Callable[[np.ndarray], np.ndarray], fails: bool = False) -> None:
        self.answer, self.fails = answer, fails

    def write(self, model: Any, path: Path) -> None:
        path.write_bytes(b"half")
        if self.fails:
            raise ValueError(f"cannot write {path}")
        REAL.write(model, path)

    def open(self, path: Path) -> Callable[[Inputs], np.ndarray]:
        run = REAL.open(path)
        return lambda inputs: self.answer(run(inputs))


def test_a_bundle_holds_the_graph_and_its_checksum(lstm_run: RunResult) -> None:
    folder = lstm_run.run.bundle
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["files"][GRAPH] == file_sha256(folder / GRAPH)
    told = manifest["exports"]["onnx"]
    assert told["file"] == GRAPH
    assert 0 <= told["largest_difference"] < 1e-4


def test_the_graph_names_its_inputs_and_free_dimensions(bert_run: RunResult) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(bert_run.run.bundle / GRAPH))
    assert {each.name for each in session.get_inputs()} == {"token_ids", "segment_ids", "padding_mask"}
    assert all(each.shape == ["batch", "length"] for each in session.get_inputs())
    (output,) = session.get_outputs()
    assert (output.name, output.shape) == ("logits", ["batch", 2])


@pytest.mark.parametrize(
    ("exporter", "reason"),
    [
        (Spoilt(lambda logits: logits + np.array([[0.1, 0]])), "differ from Keras's by up to 0.02"),
        (Spoilt(lambda logits: logits * np.nan), "differ from Keras's by up to nan"),
        (Spoilt(lambda logits: logits[:, :1]), "shape"),
        (Spoilt(lambda logits: logits, fails=True), "ValueError: cannot write model.onnx"),
    ],
)
def test_a_graph_that_fails_or_differs_is_left_out(
    exporter: Exporter, reason: str, lstm_run: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(read_bundle(lstm_run.run.bundle))
    monkeypatch.setitem(EXPORTERS._entries, "onnx", exporter)
    said: list[str] = []
    found = export_all(tmp_path, model, IDS, pad_id=0, max_length=16, tell=said.append)
    assert reason in found["onnx"]["reason"]
    assert len(said) == 1
    assert reason in said[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ids", [[], [np.array([], np.int32)]])
def test_without_a_text_to_compare_it_is_left_out(ids: list[np.ndarray], lstm_run: RunResult, tmp_path: Path) -> None:
    model = load_model(read_bundle(lstm_run.run.bundle))
    found = export_all(tmp_path, model, ids, pad_id=0, max_length=16)
    assert "no text" in found["onnx"]["reason"]


def test_too_little_memory_leaves_it_out(lstm_run: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=10))
    model = load_model(read_bundle(lstm_run.run.bundle))
    found = export_all(tmp_path, model, IDS, pad_id=0, max_length=16)
    assert "too little memory" in found["onnx"]["reason"]


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_leave_it_out_and_say_so(
    backend: str, lstm_run: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(read_bundle(lstm_run.run.bundle))
    monkeypatch.setattr("keras.config.backend", lambda: backend)
    found = export_all(tmp_path, model, IDS, pad_id=0, max_length=16)
    assert found["onnx"]["reason"] == f"it is written with the TensorFlow backend only; this run used {backend}"


def test_a_failed_export_does_not_fail_the_run(
    train_run: Callable[..., RunResult], services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such operation")

    monkeypatch.setattr("tf2onnx.convert.from_function", refuses)
    result = train_run({"model": {"backbone": "lstm"}, "training": {"epochs": 1}}, exports=True)
    assert result.run.status().state == "finished"
    bundle = read_bundle(result.run.bundle)
    assert not bundle.has_graph
    assert bundle.information["exports"] == {"onnx": {"reason": "RuntimeError: no such operation"}}
    assert "model.onnx is left out" in (result.run.path / "log.txt").read_text(encoding="utf-8")
    assert services.load(result.run.bundle).predict(["great"])[0].label


def test_a_bundle_of_an_earlier_version_is_read(copied_run: RunDirectory) -> None:
    manifest = copied_run.bundle / "manifest.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    del content["exports"], content["files"][GRAPH]
    manifest.write_text(json.dumps(content), encoding="utf-8")
    (copied_run.bundle / GRAPH).unlink()
    bundle = read_bundle(copied_run.bundle)
    assert not bundle.has_graph
