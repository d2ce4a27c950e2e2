"""The copy of a graph in 8-bit integers: how it is made, when it is kept, and who answers from it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from sft_keras.artifacts import eight_bit
from sft_keras.artifacts.bundle import EIGHT_BIT, GRAPH, MANIFEST, file_sha256, read_bundle
from sft_keras.artifacts.eight_bit import eight_bit_copy
from sft_keras.artifacts.loading import load_graph_tokenizer
from sft_keras.artifacts.model_card import model_card
from sft_keras.artifacts.onnx_file import open_session
from sft_keras.cli import app
from sft_keras.config import RunConfig
from sft_keras.errors import ArtifactError
from sft_keras.inference.graph import GraphPredictor
from sft_keras.inference.loading import quickest_predictor
from sft_keras.inference.pool import open_predictor
from sft_keras.preprocessing.token_rows import TokenRows
from sft_keras.runs.reports import report_page
from sft_keras.runs.worker import RunResult
from tests.conftest import sentences

TEXTS = [text for text, _ in sentences(40, seed=8)]


@pytest.fixture
def graph(bert_run: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The graph of a tiny model, which is not too small here."""
    monkeypatch.setattr(eight_bit, "SMALLEST", 0)
    return Path(shutil.copy(bert_run.run.bundle / GRAPH, tmp_path / GRAPH))


@pytest.fixture
def ids(bert_run: RunResult) -> TokenRows:
    return load_graph_tokenizer(read_bundle(bert_run.run.bundle)).encode(TEXTS, 16)


def answers(path: Path, ids: TokenRows) -> np.ndarray:
    return eight_bit._answers(path, list(ids), 0)


def test_every_product_with_weights_but_that_of_the_head_is_one_of_integers(graph: Path, ids: TokenRows) -> None:
    target = graph.with_name(EIGHT_BIT)
    told = eight_bit_copy(graph, target, ids, answers(graph, ids), pad_id=0)
    assert told["file"] == EIGHT_BIT
    assert told["rows"] == len(TEXTS)
    assert told["accuracy_of_graph"] == 1.0
    assert told["accuracy"] == told["agreement"] > 0.99
    made = onnx.load(str(target)).graph
    kinds = [node.op_type for node in made.node]
    before = [node.op_type for node in onnx.load(str(graph)).graph.node]
    assert "Gemm" not in kinds
    products = before.count("Gemm") + before.count("MatMul")
    assert kinds.count("MatMulInteger") == products - kinds.count("MatMul")
    assert kinds.count("MatMulInteger") == 2 * 6
    assert kinds.count("MatMul") == 2 * 2 + 1  # scores and values of two layers, and the head
    assert not list(graph.parent.glob("tmp*"))


def test_a_copy_that_loses_half_a_point_is_not_kept(
    graph: Path, ids: TokenRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = graph.with_name(EIGHT_BIT)
    truth = np.zeros(len(ids), np.int64)
    for wrong, kept in ((0, True), (1, False)):
        found = truth.copy()
        found[:wrong] = 1

        def answered(path: Path, *_: object, found: np.ndarray = found) -> np.ndarray:
            return found if path == target else truth

        monkeypatch.setattr(eight_bit, "_answers", answered)
        told = eight_bit_copy(graph, target, ids, truth, pad_id=0)
        assert ("file" in told) is kept
        assert target.exists() is kept
    assert "would fall from 100.0% to 97.5%" in told["reason"]


def test_it_is_left_out_where_it_cannot_be_judged_or_made(
    graph: Path, ids: TokenRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, truth = graph.with_name(EIGHT_BIT), np.zeros(len(ids), np.int64)
    assert "too few" in eight_bit_copy(graph, target, ids[:5], truth[:5], pad_id=0)["reason"]
    monkeypatch.setattr(eight_bit, "MOST_TOKENS", 30)
    assert "too few" in eight_bit_copy(graph, target, ids, truth, pad_id=0)["reason"]
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=10))
    assert "too little memory" in eight_bit_copy(graph, target, ids, truth, pad_id=0)["reason"]
    monkeypatch.undo()
    assert "too small" in eight_bit_copy(graph, target, ids, truth, pad_id=0)["reason"]
    monkeypatch.setattr(eight_bit, "SMALLEST", 0)
    graph.write_bytes(b"no graph")
    reason = eight_bit_copy(graph, target, ids, truth, pad_id=0)["reason"]
    assert str(graph.parent) not in reason
    assert not target.exists()


@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_gemm_becomes_the_same_product(turned: int, beta: float, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    weight, bias = draw.normal(size=(3, 4)).astype(np.float32), draw.normal(size=4).astype(np.float32)
    stored = np.ascontiguousarray(weight.T) if turned else weight
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=turned, beta=beta)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, n]) for name, n in (("x", 3), ("y", 4))]
    weights = [numpy_helper.from_array(stored, "w"), numpy_helper.from_array(bias, "b")]
    made = helper.make_graph([node], "g", ends[:1], ends[1:], weights)
    eight_bit._without_gemm(made)
    assert [each.op_type for each in made.node] == ["MatMul", "Add"][: 1 + int(beta)]
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    import onnxruntime

    x = draw.normal(size=(2, 3)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"x": x})[0], x @ weight + beta * bias, rtol=1e-5)


@pytest.fixture
def with_copy(bert_run: RunResult, graph: Path, ids: TokenRows, tmp_path: Path) -> Path:
    """A bundle that has the copy."""
    folder = tmp_path / "bundle"
    shutil.copytree(bert_run.run.bundle, folder)
    told = eight_bit_copy(folder / GRAPH, folder / EIGHT_BIT, ids, answers(graph, ids), pad_id=0)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["exports"]["onnx_int8"] = told
    manifest["files"][EIGHT_BIT] = file_sha256(folder / EIGHT_BIT)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_who_asks_for_it_is_answered_from_it(with_copy: Path) -> None:
    bundle = read_bundle(with_copy)
    exact = quickest_predictor(bundle).probabilities(TEXTS)
    quick = quickest_predictor(bundle, eight_bit=True).probabilities(TEXTS)
    assert 0 < np.abs(exact - quick).max() < 0.05
    pooled = open_predictor(with_copy, eight_bit=True)
    np.testing.assert_array_equal(pooled.predictor.probabilities(TEXTS), quick)
    assert pooled.size == (with_copy / EIGHT_BIT).stat().st_size
    np.testing.assert_array_equal(open_predictor(with_copy).predictor.probabilities(TEXTS), exact)
    one, other = (
        CliRunner().invoke(app, ["predict", str(with_copy), "--text", TEXTS[0], "--json", *more])
        for more in ([], ["--int8"])
    )
    assert json.loads(one.stdout)["confidence"] != json.loads(other.stdout)["confidence"]


def test_who_asks_for_one_that_is_not_there_is_told_why(bert_run: RunResult) -> None:
    with pytest.raises(ArtifactError, match="too small to gain by it") as caught:
        quickest_predictor(bert_run.run.bundle, eight_bit=True)
    assert caught.value.fix == "Leave out --int8."
    assert isinstance(open_predictor(bert_run.run.bundle, eight_bit=True).predictor, GraphPredictor)


def test_the_model_card_says_what_it_is_worth() -> None:
    told = {"file": EIGHT_BIT, "rows": 400, "accuracy": 0.851, "accuracy_of_graph": 0.854, "agreement": 0.99}
    parts = {"labels": ["a", "b"], "report": None, "information": {}}
    card = model_card(RunConfig(), **parts, exports={"onnx_int8": told})
    assert "On 400 validation rows its accuracy is 85.1% in place of 85.4%" in card
    assert EIGHT_BIT not in model_card(RunConfig(), **parts, exports={"onnx_int8": {"reason": "too small"}})


def test_the_copy_opens_as_any_graph_of_ours(with_copy: Path) -> None:
    assert {each.name for each in open_session(with_copy / EIGHT_BIT, 2).get_inputs()} >= {"token_ids"}


def test_the_report_says_what_the_copy_is_worth(
    train_run: Callable[..., RunResult], tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eight_bit, "SMALLEST", 0)
    monkeypatch.setattr(eight_bit, "MOST_LOST", 2.0)  # whatever so small a model loses
    monkeypatch.setattr(eight_bit, "FEWEST_ROWS", 1)
    result = train_run({"model": {"backbone": str(tiny_bert)}, "training": {"epochs": 1}}, exports=True)
    assert result.report is not None
    told = result.report["eight_bit"]
    assert told == read_bundle(result.run.bundle).information["exports"]["onnx_int8"]
    for folder in (result.run.report, result.run.bundle):
        assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == result.report
    page = (result.run.report / "report.html").read_text(encoding="utf-8")
    assert f"On {told['rows']} validation rows" in page
    assert f"在 {told['rows']} 行验证数据上" in page
    assert report_page(result.run.path) == page
