"""Whether the system killed a training for lack of memory.

Linux asks for no less when memory runs out: it kills a process, which raises nothing and writes nothing. But it counts
such kills. So a training notes the count as it begins, and takes the note away at any end that it lives to see.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

NOTE = "memory-kills.json"
# Kills inside of containers count here too (Linux, mm/oom_kill.c).
COUNTERS, BOOT = Path("/proc/vmstat"), Path("/proc/sys/kernel/random/boot_id")


def memory_kills() -> tuple[str, int] | None:
    """How many processes this machine has killed for lack of memory, since which start; None if it does not tell."""
    try:
        counters = dict(line.split() for line in COUNTERS.read_text(encoding="ascii").splitlines())
        return BOOT.read_text(encoding="ascii").strip(), int(counters["oom_kill"])
    except (OSError, ValueError, KeyError):
        return None


@contextlib.contextmanager
def noted(folder: Path) -> Iterator[None]:
    """Within it, the folder says that a training is under way, and how many kills there were before."""
    note, kills = folder / NOTE, memory_kills()
    if kills:
        with contextlib.suppress(OSError):  # a full disk is told by whoever writes what matters
            note.write_text(json.dumps(kills), encoding="ascii")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            note.unlink(missing_ok=True)


def was_killed(folder: Path) -> bool:
    """Whether a training in this folder met no end of its own, and the machine killed for lack of memory meanwhile.

    True is also said of one that something else ended while another process was killed for memory.
    """
    try:
        boot, kills = json.loads((folder / NOTE).read_text(encoding="ascii"))
    except (OSError, ValueError, TypeError):
        return False
    now = memory_kills()
    return now is not None and now[0] == boot and isinstance(kills, int) and now[1] > kills
