"""Predictions by the peer, `transformers.pipeline`: `python peer_prediction.py work.json`, by the peer's interpreter.

`benchmarks/prediction.py` writes the work and reads the line of JSON that is printed last. The classifier on top has
random weights: what it answers is not looked at, and what it costs is the same.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import torch
import transformers


def main(work: dict[str, Any]) -> None:
    """Predicts all texts in batches, then some one by one."""
    torch.set_num_threads(work["threads"])
    classify = transformers.pipeline("text-classification", model=work["weights"], device="cpu")
    # The texts are sorted by length as a person would do who knows: the pipeline itself takes them as they come.
    texts = sorted(work["texts"], key=len) if work["sorted"] else work["texts"]
    options = {"batch_size": 32, "truncation": True, "max_length": work["max_length"]}
    classify(texts[:64], **options)
    began = time.perf_counter()
    classify(texts, **options)
    seconds = time.perf_counter() - began
    single = []
    for text in work["texts"][: work["single"]]:
        began = time.perf_counter()
        classify(text, truncation=True, max_length=work["max_length"])
        single.append(time.perf_counter() - began)
    found = {
        "texts_per_second": len(texts) / seconds,
        "single_ms": 1000 * statistics.median(single),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
