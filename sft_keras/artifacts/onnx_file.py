"""Opens an exported graph with ONNX Runtime, after a look at what it asks for."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.errors import ArtifactError
from sft_keras.preprocessing.batches import Inputs

# How a graph says that a weight lies in another file, as protocol buffers write it: our graphs hold their own.
_ELSEWHERE = b"\n\x08location\x12"
_INPUTS = {"token_ids", "segment_ids", "padding_mask"}


def threads() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_session(path: Path, classes: int | None = None, *, alone: bool = False) -> Any:
    """An ONNX Runtime session over a `model.onnx`.

    Args:
        path: The file; its checksum was compared before.
        classes: How many logits a text it must give; not checked if None.
        alone: Whether this process does nothing else. Its threads then spin while they wait, which is quicker, and
            would take the cores from a training beside them.

    Raises:
        ArtifactError: It cannot be read, asks for other files, or is no classifier of tokens.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if alone else "0")
    options.enable_mem_pattern = False  # which is for inputs of one shape
    options.log_severity_level = 4
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(_ELSEWHERE) >= 0:
                raise _unusable(path, "it keeps weights in other files")
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except ArtifactError:
        raise
    except Exception as error:  # the native library raises many kinds
        raise _unusable(path, (str(error).splitlines() or [type(error).__name__])[0][:300]) from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    names = {each.name for each in inputs}
    fits = len(outputs) == 1 and {"token_ids"} <= names <= _INPUTS and all(len(each.shape) == 2 for each in inputs)
    if not fits or (classes is not None and outputs[0].shape[-1] not in (classes, None)):
        raise _unusable(path, "it does not take tokens and give one number for each label")
    return session


def session_length(session: Any) -> int | None:
    """The only length that a graph takes; None if any will do."""
    (length,) = {each.shape[1] for each in session.get_inputs() if each.name == "token_ids"}
    return length if isinstance(length, int) else None


def session_logits(session: Any, inputs: Inputs) -> np.ndarray:
    """float32 logits of shape [batch, classes]; a graph is given what it asks for, and no input that it lost."""
    logits: np.ndarray = session.run(None, {each.name: inputs[each.name] for each in session.get_inputs()})[0]
    return logits


def _unusable(path: Path, why: str) -> ArtifactError:
    return ArtifactError(
        f"The exported graph cannot be used: {why}.",
        where=str(path),
        fix="Copy the bundle again from where it was made, or train anew.",
    )
