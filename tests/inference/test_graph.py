"""The exported graph: the same answers as Keras, and nothing of Keras in the process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sft_keras.artifacts.bundle import GRAPH, read_bundle
from sft_keras.errors import ArtifactError
from sft_keras.inference.graph import GraphPredictor
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from tests.conftest import rehash, sentences

TEXTS = [text * (1 + index % 5) for index, (text, _) in enumerate(sentences(70, seed=1))] + ["", "  ", "味道 🎉"]
FRESH = """
import json, sys
from pathlib import Path
from sft_keras.services import Services
texts = json.loads(sys.argv[2])
predictor = Services().pool.predictor(Path(sys.argv[1]))
print(json.dumps([p.probabilities for p in predictor.predict(texts)]))
heavy = ("tensorflow", "keras", "keras_hub", "tf2onnx", "torch", "jax")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


@pytest.mark.parametrize("kind", ["lstm_run", "bert_run"])
def test_it_answers_as_keras_does(kind: str, request: pytest.FixtureRequest, services: Services) -> None:
    bundle = request.getfixturevalue(kind).run.bundle
    keras, graph = services.load(bundle), GraphPredictor(read_bundle(bundle))
    np.testing.assert_allclose(graph.logits(TEXTS), keras.logits(TEXTS), atol=1e-5)
    assert [p.label for p in graph.predict(TEXTS)] == [p.label for p in keras.predict(TEXTS)]
    assert [p.text for p in graph.predict_stream(iter(TEXTS), chunk=7)] == TEXTS
    assert graph.predict([""])[0].probabilities == {}


def test_a_process_that_predicts_has_no_keras(lstm_run: RunResult, services: Services) -> None:
    command = [sys.executable, "-c", FRESH, str(lstm_run.run.bundle), json.dumps(TEXTS[:3])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found, imported = map(json.loads, done.stdout.splitlines())
    assert imported == []
    expected = services.load(lstm_run.run.bundle).predict(TEXTS[:3])
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other.probabilities, abs=1e-5)


def spoilt(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def elsewhere(path: Path) -> None:
    import onnx

    model = onnx.load(str(path))
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    path.write_bytes(model.SerializeToString())


def no_classifier(path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, None])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None])]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", inputs, outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8), str(path))


@pytest.mark.parametrize(
    ("spoil", "told"), [(spoilt, "cannot be used"), (elsewhere, "other files"), (no_classifier, "does not take tokens")]
)
def test_a_graph_that_is_none_of_ours_is_refused(copied_run: RunDirectory, spoil: object, told: str) -> None:
    assert callable(spoil)
    spoil(copied_run.bundle / GRAPH)
    with pytest.raises(ArtifactError, match="was changed"):
        read_bundle(copied_run.bundle)
    rehash(copied_run.bundle)
    with pytest.raises(ArtifactError, match=told):
        GraphPredictor(read_bundle(copied_run.bundle))
