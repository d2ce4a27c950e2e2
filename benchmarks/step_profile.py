"""Where the time of a training step goes: forward, dropout, backward, optimizer, and what `fit` adds.

    python benchmarks/step_profile.py --tokens 29          # a batch of short texts; 230 for long ones

One batch is computed again and again in ways that each do a little more; what is told is the difference between a way
and the one before it. Medians of interleaved turns in milliseconds, and pages of memory that the system handed out.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROWS = 32
VOCABULARY = 6_000
"""Different tokens in some thousand short texts."""


def step_ways(tokens: int, settings: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """The ways, from the least to the whole step."""
    import numpy as np
    import tensorflow as tf

    from sft_keras.config import RunConfig
    from sft_keras.data.examples import Examples
    from sft_keras.preprocessing.token_rows import TokenRows
    from sft_keras.training.build import Recipe, build
    from sft_keras.training.progress import Silent

    labels = ["no", "yes"] * (ROWS // 2)
    examples = Examples(["a text"] * ROWS, labels, None, np.arange(ROWS), "benchmark")
    rng = np.random.default_rng(0)
    words = rng.choice(np.arange(1_000, 28_000, dtype=np.int32), VOCABULARY, replace=False)
    recipe = replace(Recipe.of(RunConfig.parse(settings), examples, None, Silent()), ids=TokenRows.gather([[words]]))
    model = build(recipe).model
    ids = tf.constant(rng.choice(words, (ROWS, tokens)))
    full = {"token_ids": ids, "segment_ids": tf.zeros_like(ids), "padding_mask": tf.ones_like(ids)}
    inputs = {name: full[name] for name in model.input_order}
    target = tf.constant([0, 1] * (ROWS // 2), tf.int32)
    weights = tf.ones(ROWS)

    def loss(training: bool) -> Any:
        outputs = model(inputs, training=training)
        return model.compute_loss(inputs, target, outputs, weights, training=training)

    def gradients() -> Any:
        with tf.GradientTape() as tape:
            value = loss(training=True)
        return tape.gradient(value, [v.value for v in model.trainable_variables])

    def update() -> Any:
        model.optimizer.apply(gradients(), model.trainable_variables)
        return ()

    dataset = tf.data.Dataset.from_tensors((inputs, target, weights)).cache().repeat()
    iterator = iter(dataset)
    model.make_train_function()
    ways = {
        "forward": tf.function(lambda: loss(training=False)),
        "dropout": tf.function(lambda: loss(training=True)),
        "backward": tf.function(gradients),
        "optimizer": tf.function(update),
    }
    return {**ways, "fit": lambda: float(model.train_function(iterator)["loss"])}


def main() -> None:
    """Prints a table, and everything as JSON on the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=29)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--settings", type=json.loads, default={}, help="Settings of a run, JSON.")
    given = parser.parse_args()
    settings = {
        "model": {"backbone": "minilm", "max_length": 256},
        "training": {"mixed_precision": "none"},
        **given.settings,
    }
    ways = step_ways(given.tokens, settings)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    faults: dict[str, list[int]] = {name: [] for name in ways}
    for turn in range(given.rounds + 3):
        for name, way in ways.items():
            pages, began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
            way()
            if turn >= 3:
                taken[name].append(1000 * (time.perf_counter() - began))
                faults[name].append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - pages)
    before = 0.0
    print(f"{ROWS} x {given.tokens} tokens, {given.rounds} rounds\n")
    print("| up to | ms | added | pages |\n| --- | --- | --- | --- |")
    found = {}
    for name in ways:
        milliseconds = statistics.median(taken[name])
        found[name] = milliseconds
        print(f"| {name} | {milliseconds:.1f} | {milliseconds - before:.1f} | {statistics.median(faults[name]):.0f} |")
        before = milliseconds
    print(json.dumps(found))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
