"""Loads Keras once, with the backend that is set and without its start-up chatter."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator

from sft_keras.allocator import keep_freed_memory
from sft_keras.errors import ConfigError, did_you_mean

# The backends of Keras that can train, with the packages that decide a result; the first is the default.
BACKENDS = {"tensorflow": ("tensorflow",), "jax": ("jax", "jaxlib"), "torch": ("torch",)}


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


def backend_name() -> str:
    """The backend in use, or to be used: that of Keras if it is loaded, else `KERAS_BACKEND`, else TensorFlow.

    Raises:
        ConfigError: `KERAS_BACKEND` is none that can train, or its package is not installed.
    """
    if "keras" in sys.modules:
        return str(sys.modules["keras"].config.backend())
    name = os.environ.get("KERAS_BACKEND") or next(iter(BACKENDS))
    where = "environment variable KERAS_BACKEND"
    if name not in BACKENDS:
        raise ConfigError(
            f'The backend must be one of {", ".join(BACKENDS)}. Received: "{name[:40]}"',
            where=where,
            fix=did_you_mean(name, BACKENDS),
        )
    if importlib.util.find_spec(name) is None:
        others = [other for other in BACKENDS if importlib.util.find_spec(other)]
        installed = f", or set KERAS_BACKEND={others[0]}, which is installed" if others else ""
        raise ConfigError(
            f'The backend "{name}" is not installed.', where=where, fix=f"Install it: pip install {name}{installed}."
        )
    return name


def load_backend() -> None:
    """Imports Keras and KerasHub; takes seconds the first time and nothing after that.

    `KERAS_BACKEND` is TensorFlow unless the environment says otherwise; it must be set before Keras is imported.

    Raises:
        ConfigError: See `backend_name`.
    """
    if "keras_hub" in sys.modules:
        return
    os.environ["KERAS_BACKEND"] = backend_name()
    keep_freed_memory()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_stderr():
        import keras_hub  # noqa: F401

        if os.environ["KERAS_BACKEND"] == "tensorflow":
            import tensorflow as tf

            tf.constant(0)  # the first operation logs once more
            tf.get_logger().setLevel("ERROR")


def on_processor() -> bool:
    """Whether the backend, which is loaded, sees no accelerator."""
    if backend_name() == "torch":  # of whose devices Keras has no list
        import torch

        return not torch.accelerator.is_available()
    import keras

    return all(str(device).lower().startswith("cpu") for device in keras.distribution.list_devices())


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
            "can't allocate memory",
            "bad_alloc",
        )
    )
