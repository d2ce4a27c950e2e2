"""Measures whether the diagnostics find what was planted: `python benchmarks/trust.py NAME …`.

Each `trust_NAME.py` beside this file is a measurement with a `main(arguments)`.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    known = sorted(file.stem.removeprefix("trust_") for file in Path(__file__).parent.glob("trust_*.py"))
    if len(sys.argv) < 2 or sys.argv[1] not in known:
        sys.exit(f"Give one of these: {', '.join(known)}")
    importlib.import_module(f"trust_{sys.argv[1]}").main(sys.argv[2:])
