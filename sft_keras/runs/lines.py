"""Lines that a run adds to its files: whole ones, whatever was broken off before."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def append_line(path: Path, line: str) -> None:
    """Adds a line; half a line that a kill or a full disk left before it is closed first, and stays alone."""
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = f"\n{line}"
        file.write(f"{line}\n".encode("utf-8", "replace"))


def event_line(kind: str, values: Mapping[str, Any]) -> str:
    """An event as one line of strict JSON: a figure that is no number, such as a lost loss, is null."""
    plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
    return json.dumps({"event": kind, "time": round(time.time(), 3), **plain}, ensure_ascii=False, allow_nan=False)
