"""Operations of TensorFlow that tf2onnx does not know, put together from those that ONNX has."""

from __future__ import annotations

from typing import Any

import numpy as np
from tf2onnx.handler import tf_op

TOKENS = ("token_ids", "segment_ids", "padding_mask")


@tf_op("Erfc")
class Erfc:
    """1 - erf(x), which the exact GELU uses (RoBERTa, XLM-R, DistilBERT, DeBERTa)."""

    @classmethod
    def version_9(cls, ctx: Any, node: Any, **kwargs: Any) -> None:
        """Replaces the node."""
        del kwargs
        shapes, dtypes = node.output_shapes, node.output_dtypes
        outputs, name = list(node.output), node.name
        erf = ctx.make_node("Erf", list(node.input), shapes=shapes, dtypes=dtypes)
        one = ctx.make_const(f"{name}_one", np.array(1, dtype=np.float32))
        ctx.remove_node(name)
        ctx.make_node("Sub", [one.output[0], erf.output[0]], name=name, outputs=outputs, shapes=shapes, dtypes=dtypes)


@tf_op(["Complex", "FFT2D"])
class Unconverted:
    """Left as it is: it goes when nothing asks for it any more, and the graph is refused if something does."""

    @classmethod
    def version_9(cls, ctx: Any, node: Any, **kwargs: Any) -> None:
        """Does nothing."""
        del ctx, node, kwargs


@tf_op("Real")
class RealOfTransform:
    """The real part of a two-dimensional Fourier transform of real numbers (FNet), as products of matrices.

    With C and S the cosines and sines along one dimension, it is C_rows·x·C_columns − S_rows·x·S_columns.
    """

    @classmethod
    def version_9(cls, ctx: Any, node: Any, **kwargs: Any) -> None:
        """Replaces the node if it is such a transform; else it stays, and the graph is refused."""
        del kwargs
        transform = node.inputs[0]
        complex_input = transform.inputs[0] if transform.type == "FFT2D" else None
        if complex_input is None or complex_input.type != "Complex":
            return
        values = complex_input.input[0]
        # The shape of a node forgets the length; the inputs of the model know it if it is fixed.
        inputs = [each for each in ctx.get_nodes() if each.is_graph_input() and each.name in TOKENS]
        lengths = {ctx.get_shape(each.output[0])[1] for each in inputs} - {-1}
        width = (ctx.get_shape(values) or [-1])[-1]
        if len(lengths) != 1 or width < 1:
            return
        shapes, dtypes = node.output_shapes, node.output_dtypes
        outputs, name = list(node.output), node.name
        ctx.remove_node(name)
        parts = []
        for part in ("cos", "sin"):
            rows, columns = (_matrix(ctx, part, size) for size in (*lengths, width))
            inner = ctx.make_node("MatMul", [rows, values], shapes=shapes, dtypes=dtypes)
            parts.append(ctx.make_node("MatMul", [inner.output[0], columns], shapes=shapes, dtypes=dtypes).output[0])
        ctx.make_node("Sub", parts, name=name, outputs=outputs, shapes=shapes, dtypes=dtypes)


def _matrix(ctx: Any, part: str, size: int) -> str:
    """The cosines or sines of a transform over so many numbers, one constant for all layers."""
    name = f"fourier_{part}_{size}"
    node = ctx.get_node_by_name(name)
    if node is None:
        # Reduced before it becomes an angle, which is then exact.
        turns = np.outer(np.arange(size), np.arange(size)) % size / size
        node = ctx.make_const(name, getattr(np, part)(2 * np.pi * turns).astype(np.float32))
    return str(node.output[0])
