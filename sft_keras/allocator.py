"""How the C library gives memory back to the system, set for work that asks for the same large blocks at each step.

glibc maps each large block anew and unmaps it when it is freed, so that the system has to clear every page of it again
at the next step: on virtual machines that can be a third of a training's time. What is told here is in `mallopt(3)`.
"""

from __future__ import annotations

import ctypes
import os
import sys

# The names that `mallopt(3)` gives to what can be set; the numbers are those of glibc's malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8
# Memory is asked for in steps of so many bytes.
TOP_PAD_BYTES = 64 * 2**20


def keep_freed_memory() -> bool:
    """Lets this process keep the memory that it frees, for what it asks for next; its peak stays what it needs at once.

    To be called before the threads of a backend start. Whoever has set glibc's allocator by the environment knows
    better, and is left alone.

    Returns:
        Whether it was done: False where the C library is not glibc, or the environment decides.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        return False
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 - musl has no such function
        mallopt = library.mallopt
    except (AttributeError, OSError):
        return False
    # One arena: the others consist of heaps of 64 MiB, which are unmapped when they are empty.
    wanted = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1), (M_TOP_PAD, TOP_PAD_BYTES), (M_ARENA_MAX, 1))
    return all(mallopt(name, value) == 1 for name, value in wanted)
