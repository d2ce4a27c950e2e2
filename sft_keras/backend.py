"""Loads Keras once, with the backend that is set and without its start-up chatter."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Drops what native code writes to standard error: TensorFlow logs there before its log level applies."""
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, ValueError, AttributeError):  # no standard error to silence
        yield
        return
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a file
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def load_backend() -> None:
    """Imports Keras and KerasHub; takes seconds the first time and nothing after that.

    `KERAS_BACKEND` is TensorFlow unless the environment says otherwise; it must be set before Keras is imported.
    """
    if "keras_hub" in sys.modules:
        return
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_stderr():
        import keras_hub  # noqa: F401

        if os.environ["KERAS_BACKEND"] == "tensorflow":
            import tensorflow as tf

            tf.constant(0)  # the first operation logs once more
            tf.get_logger().setLevel("ERROR")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says, in the words of NumPy, TensorFlow, JAX or torch, that memory ran out."""
    words = f"{type(error).__name__} {error}".lower()
    return isinstance(error, MemoryError) or any(
        sign in words
        for sign in (
            "memoryerror",  # raised while a batch was made, and wrapped by tf.data
            "resourceexhausted",
            "resource_exhausted",
            "out of memory",
            "outofmemory",
            "oom when allocating",
            "bad_alloc",
        )
    )
