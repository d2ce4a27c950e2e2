"""ONNX, for ONNX Runtime in many languages; it is what the web app and the REST routes answer from."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.artifacts.export.base import EXPORTERS, Exporter, LeftOutError
from sft_keras.artifacts.onnx_file import open_session, session_logits
from sft_keras.preprocessing.batches import Inputs

OUTPUT = "logits"


class Onnx(Exporter):
    """Through tf2onnx, with handlers for the operations that it does not know."""

    name = "onnx"
    file = "model.onnx"

    def write(self, model: Any, path: Path) -> None:
        import keras

        backend = keras.config.backend()
        if backend != "tensorflow":
            raise LeftOutError(f"it is written with the TensorFlow backend only; this run used {backend}")
        import onnx

        with _quiet(), _without_copies(), _without_cudnn(model):
            graph, weights = _converted(model)
        _finish(graph, weights)
        onnx.save(graph, str(path))

    def open(self, path: Path) -> Callable[[Inputs], np.ndarray]:
        session = open_session(path)
        return lambda inputs: session_logits(session, inputs)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the converter's chatter out of the terminal; what matters is told by the comparison."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            logger.setLevel(level)


@contextlib.contextmanager
def _without_copies() -> Iterator[None]:
    """Keeps the converter from copying its graph before each of its steps; what it reads is only that this is set."""
    before = os.environ.get("TF2ONNX_CATCH_ERRORS")
    os.environ["TF2ONNX_CATCH_ERRORS"] = "FALSE"
    try:
        yield
    finally:
        os.environ.pop("TF2ONNX_CATCH_ERRORS")
        if before is not None:
            os.environ["TF2ONNX_CATCH_ERRORS"] = before


@contextlib.contextmanager
def _without_cudnn(model: Any) -> Iterator[None]:
    """On a GPU an LSTM is traced as one operation of cuDNN, which no other program knows."""
    changed = [
        (layer, layer.use_cudnn)
        for layer in model._flatten_layers(include_self=False)
        if getattr(layer, "use_cudnn", False)
    ]
    try:
        for layer, _ in changed:
            layer.use_cudnn = False
        yield
    finally:
        for layer, before in changed:
            layer.use_cudnn = before


def _converted(model: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """The model as a graph that takes its weights as inputs, and the weights by name.

    The converter goes over its graph some fifty times and writes it anew each time: with the weights in it, that takes
    minutes, and many times their memory.
    """
    import tensorflow as tf
    import tf2onnx

    from sft_keras.artifacts.export import _operations  # noqa: F401 - registers its handlers

    parameters = [*model.trainable_variables, *model.non_trainable_variables]
    weights = {
        f"weight_{index}": np.asarray(variable)
        for index, variable in enumerate(parameters)
        if str(variable.dtype) == "float32"  # the others are states of random numbers, which nothing reads here
    }
    specs = {name: tf.TensorSpec((None, *tensor.shape[1:]), tf.int32, name) for name, tensor in model.input.items()}
    specs |= {name: tf.TensorSpec(value.shape, tf.float32, name) for name, value in weights.items()}

    def classify(*values: Any) -> Any:
        given = dict(zip(specs, values, strict=True))
        states = [given.get(f"weight_{index}", variable.value) for index, variable in enumerate(parameters)]
        trainable = len(model.trainable_variables)
        inputs = {name: given[name] for name in model.input}
        return model.stateless_call(states[:trainable], states[trainable:], inputs, training=False)[0]

    function = tf.function(classify, autograph=False)
    graph, _ = tf2onnx.convert.from_function(function, input_signature=tuple(specs.values()))
    return graph, weights


def _finish(graph: Any, weights: dict[str, np.ndarray]) -> None:
    """Puts the weights in, and names the free dimensions and the output for programs that do not know us."""
    from onnx import numpy_helper

    inputs = list(graph.graph.input)
    del graph.graph.input[:]
    for value in inputs:
        if value.name in weights:
            graph.graph.initializer.append(numpy_helper.from_array(weights[value.name], value.name))
            continue
        for dimension, name in zip(value.type.tensor_type.shape.dim, ("batch", "length"), strict=True):
            if not dimension.HasField("dim_value"):
                dimension.dim_param = name
        graph.graph.input.append(value)
    (output,) = graph.graph.output
    before = output.name
    for node in graph.graph.node:
        node.output[:] = [OUTPUT if name == before else name for name in node.output]
        node.input[:] = [OUTPUT if name == before else name for name in node.input]
    output.name = OUTPUT
    for dimension in output.type.tensor_type.shape.dim[:1]:
        if not dimension.HasField("dim_value"):
            dimension.dim_param = "batch"


EXPORTERS.add("onnx", Onnx())
