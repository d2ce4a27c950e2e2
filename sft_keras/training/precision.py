"""`mixed_precision: auto`: bfloat16 where this machine multiplies matrices much faster in it, else 32-bit."""

from __future__ import annotations

import functools
import time
from typing import Any

from keras import ops

from sft_keras.backend import on_processor
from sft_keras.training.progress import ProgressSink

# The gain from which bfloat16 is taken, for it has fewer digits. On an accelerator nearly the whole step gains. On a
# processor much of the step is no product of matrices: 3 asks for matrix units, which vector instructions do not reach.
WORTHWHILE = {"accelerator": 1.3, "processor": 3.0}
# One product must outlast the call; the largest, 4096 x 4096, is for accelerators.
SECONDS_OF_A_PRODUCT, LARGEST = 0.005, 4096
REPEATS = 5


def choose_precision(sink: ProgressSink) -> str:
    """`bfloat16` or `none`, after a short measurement; float16 is never chosen, for it can overflow."""
    gain, needed = bfloat16_gain(), WORTHWHILE["processor" if on_processor() else "accelerator"]
    pays = gain >= needed
    name = "bfloat16" if pays else "32-bit"
    sink.event(
        "log",
        message=f"Precision: {name} (bfloat16 was measured {gain:.1f} x as fast here as 32-bit; "
        f"it is taken from {needed:.1f} x on).",
    )
    return "bfloat16" if pays else "none"


@functools.cache
def bfloat16_gain() -> float:
    """How many times as fast as in 32-bit matrices multiply in bfloat16; 0 where they cannot. Once a process."""
    size, seconds = 256, 0.0
    while seconds < SECONDS_OF_A_PRODUCT and size < LARGEST:
        size *= 2
        seconds = _seconds("float32", size)
    try:
        return seconds / _seconds("bfloat16", size)
    except Exception:  # backends refuse a number format in as many ways as there are backends
        return 0.0


def _seconds(dtype: str, size: int) -> float:
    """The best of a few products, the first left out."""
    matrix: Any = ops.cast(ops.full((size, size), 1 / size), dtype)
    # Time spent on a processor does not grow when other programs want it too.
    clock = time.process_time if on_processor() else time.perf_counter

    def product() -> float:
        began = clock()
        # Reading one number waits for the device.
        ops.convert_to_numpy(ops.cast(ops.matmul(matrix, matrix)[0, 0], "float32"))
        return clock() - began

    product()
    return min(product() for _ in range(REPEATS))
