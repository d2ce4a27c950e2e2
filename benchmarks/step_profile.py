"""Where the time of a training step goes: forward, dropout, backward, optimizer, and what `fit` adds.

    python benchmarks/step_profile.py --tokens 29          # a batch of short texts; 230 for long ones

One batch is computed again and again in ways that each do a little more; what is told is the difference between a way
and the one before it. Medians of interleaved turns in milliseconds, and pages of memory that the system handed out.

Beside them, the two limits of the machine, measured in the same run: how long the useful operations of the step would
take at the rate of matrices, and how long its bytes at the rate of copying. Bytes are counted over the graph of the
step, as if each operation read its inputs from memory and wrote its outputs there; caches make it less.
"""

from __future__ import annotations

import argparse
import contextlib
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

from training import training_flops

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROWS = 32
VOCABULARY = 6_000
"""Different tokens in some thousand short texts."""


def step_ways(tokens: int, settings: dict[str, Any], held: contextlib.ExitStack) -> dict[str, Callable[[], Any]]:
    """The ways, from the least to the whole step; the model keeps its quicker layers while `held` is open."""
    from sft_keras.backend import load_backend

    load_backend()  # as a training does, before anything else wakes TensorFlow up
    import numpy as np
    import tensorflow as tf

    from sft_keras.config import RunConfig
    from sft_keras.data.examples import Examples
    from sft_keras.preprocessing.token_rows import TokenRows
    from sft_keras.training.build import Recipe, build
    from sft_keras.training.progress import Silent
    from sft_keras.training.quick_layers import quick_layers

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

    held.enter_context(quick_layers(model))
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


# Operations that hand on what they are given, or only describe it.
FREE = {
    *(
        "Const",
        "Placeholder",
        "Reshape",
        "Identity",
        "ReadVariableOp",
        "Shape",
        "ShapeN",
        "ExpandDims",
        "Squeeze",
        "NoOp",
    ),
    *("StopGradient", "PreventGradient", "VarHandleOp", "IdentityN", "BroadcastGradientArgs", "VarIsInitializedOp"),
}


def step_bytes(update: Any) -> dict[str, int]:
    """Bytes that each kind of operation reads and writes in a step, the most first.

    Args:
        update: A `tf.function` without arguments, over inputs of known shapes.
    """
    found: dict[str, int] = {}
    for operation in _needed(update.get_concrete_function().graph):
        if operation.type in FREE:
            continue
        sizes = [_bytes(tensor) for tensor in (*operation.inputs, *operation.outputs)]
        total = sum(sizes)
        if operation.type.startswith("ResourceApplyAdam"):  # a variable and two moments, read and written
            total += 6 * max(sizes)
        found[operation.type] = found.get(operation.type, 0) + total
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _needed(graph: Any) -> list[Any]:
    """The operations that a graph cannot leave out: gradients that nobody asks for are never computed."""
    waiting = [*(tensor.op for tensor in graph.outputs), *graph.control_outputs]
    found = {}
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found[operation.name] = operation
            waiting += [*(tensor.op for tensor in operation.inputs), *operation.control_inputs]
    return list(found.values())


def _bytes(tensor: Any) -> int:
    if tensor.dtype.name in ("resource", "variant", "string") or not tensor.shape.is_fully_defined():
        return 0
    return int(tensor.shape.num_elements()) * int(tensor.dtype.size)


def matrix_rate(size: int = 1024) -> float:
    """Operations a second of a product of 32-bit matrices, the best of several."""
    import tensorflow as tf

    a, b = (tf.random.normal((size, size)) for _ in range(2))
    return 2 * size**3 / _quickest(lambda: tf.linalg.matmul(a, b).numpy())


def copy_rate(mebibytes: int = 256) -> float:
    """Bytes read and written a second when an array is copied that no cache holds, with all threads."""
    import tensorflow as tf

    values = tf.random.normal((mebibytes * 2**18,))
    return 2 * values.shape[0] * 4 / _quickest(lambda: (values + 1.0)[:1].numpy())


def _quickest(work: Callable[[], Any], times: int = 8) -> float:
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def measured(ways: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, list[float]], dict[str, list[int]]]:
    """Milliseconds and pages of each way in turns, after three turns that are not counted."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    faults: dict[str, list[int]] = {name: [] for name in ways}
    for turn in range(rounds + 3):
        for name, way in ways.items():
            pages, began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
            way()
            if turn >= 3:
                taken[name].append(1000 * (time.perf_counter() - began))
                faults[name].append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - pages)
    return taken, faults


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
    with contextlib.ExitStack() as held:
        ways = step_ways(given.tokens, settings, held)
        taken, faults = measured(ways, given.rounds)
        counted = step_bytes(ways["optimizer"])
    before = 0.0
    print(f"{ROWS} x {given.tokens} tokens, {given.rounds} rounds\n")
    print("| up to | ms | added | pages |\n| --- | --- | --- | --- |")
    found = {}
    for name in ways:
        milliseconds = statistics.median(taken[name])
        found[name] = milliseconds
        print(f"| {name} | {milliseconds:.1f} | {milliseconds - before:.1f} | {statistics.median(faults[name]):.0f} |")
        before = milliseconds
    flops = training_flops([given.tokens] * ROWS)
    total, matrices, copies = sum(counted.values()), matrix_rate(), copy_rate()
    most = ", ".join(f"{name} {size / 1e9:.2f}" for name, size in list(counted.items())[:8])
    print(f"\n{flops / 1e9:.1f} G operations at {matrices / 1e9:.0f} G/s: {1000 * flops / matrices:.0f} ms")
    print(f"{total / 1e9:.2f} GB at {copies / 1e9:.1f} GB/s: {1000 * total / copies:.0f} ms ({most})\n")
    limits = {"flops": flops, "flops_per_second": matrices, "bytes": total, "bytes_per_second": copies}
    print(json.dumps({**found, **limits}))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
