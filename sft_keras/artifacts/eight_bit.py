"""A copy of an exported graph that multiplies in 8-bit integers: a quarter of its size, and quicker on most processors.

Weights get one scale a column, and what they are multiplied by is scaled anew for each batch (dynamic quantization;
Jacob et al. 2018, https://arxiv.org/abs/1712.05877); the head stays as it is. Its answers are not exactly those of the
graph, and may depend a little on the texts of the same batch. So it is kept only where it tells validation rows nearly
as well, and used only where somebody asks for it.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.artifacts.export.base import LeftOutError, require_room
from sft_keras.artifacts.onnx_file import open_session, session_length, session_logits
from sft_keras.preprocessing.batches import pad_batch, sorted_batches

# Smaller graphs have little to gain, and a graph of two gigabytes cannot be saved in one file.
SMALLEST, LARGEST = 8 * 2**20, 2**31 - 2**20
# As a share of the validation rows.
MOST_LOST = 0.005
# Some seconds on two cores: a thousand short texts, or three hundred long ones.
MOST_TOKENS = 64_000
FEWEST_ROWS = 20
_BATCH = 32


def eight_bit_copy(
    graph: Path, target: Path, ids: Sequence[np.ndarray], truth: np.ndarray, *, pad_id: int
) -> dict[str, Any]:
    """Writes the copy, and keeps it if it loses less than half a point of accuracy.

    Args:
        graph: The graph, as `model.onnx`.
        target: Where to.
        ids: Token ids of validation rows in random order, int32 [tokens] each; the first 64,000 tokens are looked at.
        truth: Their class ids, int [rows].
        pad_id: What fills a batch.

    Returns:
        `file`, `rows`, `accuracy` and `accuracy_of_graph` on these, and the `agreement` of both; or the `reason` why
        there is none.
    """
    try:
        size = graph.stat().st_size
        if not SMALLEST <= size <= LARGEST:
            raise LeftOutError("the model is too small to gain by it" if size < SMALLEST else "the model is too large")
        require_room(size, target.parent)
        rows = _first(ids)
        if len(rows) < FEWEST_ROWS:
            raise LeftOutError("there are too few validation rows to compare it on")
        _quantize(graph, target)
        answers = [_answers(path, rows, pad_id) for path in (graph, target)]
        was, now = (float(np.mean(found == truth[: len(rows)])) for found in answers)
        if was - now >= MOST_LOST:
            raise LeftOutError(f"accuracy on {len(rows)} validation rows would fall from {was:.1%} to {now:.1%}")
    except Exception as error:  # whatever the library raises, the graph itself is fine
        with contextlib.suppress(OSError):
            target.unlink(missing_ok=True)
        reason = str(error) if isinstance(error, LeftOutError) else f"{type(error).__name__}: {error}"
        return {"reason": " ".join(reason.replace(f"{graph.parent}/", "").split())[:300]}
    return {
        "file": target.name,
        "rows": len(rows),
        "accuracy": now,
        "accuracy_of_graph": was,
        "agreement": float(np.mean(answers[0] == answers[1])),
    }


def _first(ids: Sequence[np.ndarray]) -> list[np.ndarray]:
    rows, tokens = [], 0
    for row in ids:
        tokens += len(row)
        if tokens > MOST_TOKENS:
            break
        rows.append(row)
    return rows


def _answers(path: Path, rows: Sequence[np.ndarray], pad_id: int) -> np.ndarray:
    """The likeliest class of each row, int [rows]."""
    session = open_session(path)
    length = session_length(session)
    found = np.zeros(len(rows), dtype=np.int64)
    for batch in sorted_batches(np.array([len(row) for row in rows]), _BATCH):
        inputs = pad_batch([rows[row] for row in batch], pad_id, length=length)
        found[batch] = session_logits(session, inputs).argmax(axis=1)
    return found


def _quantize(graph: Path, target: Path) -> None:
    import onnx
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory(dir=target.parent) as place, _quiet():
        # Weights that the graph would reshape at each call become constants.
        plain = Path(place) / "plain.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(plain)
        options.log_severity_level = 4
        onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        model = onnx.load(str(plain))
        _without_gemm(model.graph)
        onnx.save(model, str(plain))
        quantize_dynamic(
            str(plain),
            str(target),
            per_channel=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gather"],
            nodes_to_exclude=_last_products(model.graph),
            extra_options={"MatMulConstBOnly": True},
        )


def _without_gemm(graph: Any) -> None:
    """Writes `Gemm` as `MatMul` and `Add`, which is all that is quantized."""
    from onnx import helper, numpy_helper

    weights = {each.name: each for each in graph.initializer}
    nodes = []
    for node in graph.node:
        told = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        is_plain = not told.get("transA", 0) and told.get("alpha", 1.0) == 1.0 and told.get("beta", 1.0) in (0.0, 1.0)
        if node.op_type != "Gemm" or not is_plain or node.input[1] not in weights:
            nodes.append(node)
            continue
        left, right, *bias = node.input
        if told.get("transB", 0):
            right = f"{right}_turned"
            if right not in weights:
                turned = np.ascontiguousarray(numpy_helper.to_array(weights[node.input[1]]).T)
                weights[right] = numpy_helper.from_array(turned, right)
                graph.initializer.append(weights[right])
        added = bias and bias[0] and told.get("beta", 1.0) == 1.0
        (result,) = node.output
        product = f"{result}_product" if added else result
        nodes.append(helper.make_node("MatMul", [left, right], [product], name=node.name))
        if added:
            nodes.append(helper.make_node("Add", [product, bias[0]], [result], name=f"{node.name}_bias"))
    del graph.node[:]
    graph.node.extend(nodes)


def _last_products(graph: Any) -> list[str]:
    """The products that the outputs come from with no other one between: those of the head.

    They cost nothing, and what a head is given (vectors of several layers, scaled by a regression) may be of very
    different sizes, which one scale for all does not hold.
    """
    makers = {name: node for node in graph.node for name in node.output}
    found, seen, waiting = [], set(), [each.name for each in graph.output]
    while waiting:
        node = makers.get(waiting.pop())
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if node.op_type == "MatMul":
            found.append(node.name)
        else:
            waiting.extend(node.input)
    return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the library from advising on the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
