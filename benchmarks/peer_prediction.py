"""Predictions by the peer, `transformers.pipeline`: `python peer_prediction.py work.json`, by the peer's interpreter.

`benchmarks/prediction.py` writes the work and reads the line of JSON that is printed last. The classifier on top has
random weights: what it answers is not looked at, and what it costs is the same.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import torch
import transformers
from turns import timed_answers


def main(work: dict[str, Any]) -> None:
    """Predicts all texts in batches, then some one by one."""
    torch.set_num_threads(work["threads"])
    classify = transformers.pipeline("text-classification", model=work["weights"], device="cpu")
    # The texts are sorted by length as a person would do who knows: the pipeline itself takes them as they come.
    texts = sorted(work["texts"], key=len) if work["sorted"] else work["texts"]
    cut = {"truncation": True, "max_length": work["max_length"]}
    found = timed_answers(
        lambda some: classify(some, batch_size=32, **cut), lambda text: classify(text, **cut), texts, work["single"]
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
