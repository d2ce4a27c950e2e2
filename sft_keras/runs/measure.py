"""Measures how fast this machine trains a backbone, in a few real steps: `python -m sft_keras.runs.measure`.

The steps are short, since they only have to tell the cost of a step from that of a token: a line through two
lengths. Memory is told by the largest amount that the process had after each.
"""

from __future__ import annotations

import os
import random
import string
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
import psutil
from filelock import Timeout

from sft_keras.backend import load_backend, on_processor
from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.errors import SftError
from sft_keras.runs.speed import CUT_OFF, Speed, Subject, is_training, keep_speed, measuring_lock
from sft_keras.settings import MIB, Settings
from sft_keras.training.progress import Silent

# What a start takes beside the processor's time, for reading files.
WAITING = 1.5
ROWS, LENGTHS, REPEATS = 8, (16, 96), 3


def main(subject: Subject, settings: Settings) -> None:
    """Measures, unless somebody else does, and keeps the result, also where it failed."""
    try:
        with measuring_lock(settings).acquire(timeout=1):
            busy = is_training(settings)
            # If this process is killed, for lack of memory perhaps, that is what is known.
            keep_speed(settings, subject, Speed(failed=CUT_OFF, measured=time.time()))
            try:
                speed = measure(subject)
            except SftError as error:
                speed = Speed(failed=error.problem)
            busy = busy or is_training(settings)
            keep_speed(settings, subject, replace(speed, busy=busy, measured=time.time()))
    except Timeout:
        return


def measure(subject: Subject) -> Speed:
    """The speed of a few steps of a training with the default settings.

    Raises:
        SftError: The backbone cannot be loaded or trained.
    """
    load_backend()
    from sft_keras.preprocessing.batches import fixed_length
    from sft_keras.training.build import Recipe, build
    from sft_keras.training.fitting import encoded

    head = subject.trainable == "head"
    model: dict[str, Any] = {"backbone": subject.backbone, "trainable": subject.trainable, "max_length": max(LENGTHS)}
    config = RunConfig.parse(
        {"model": {**model, "lora_rank": subject.lora_rank or None}, "training": {"mixed_precision": "none"}}
    )
    started = min(_age_seconds(), WAITING * time.process_time())
    began, own = time.perf_counter(), time.process_time()
    rows = _rows()
    recipe = Recipe.of(config, rows, None, Silent())
    recipe = replace(recipe, ids=recipe.tokenizer.encode(rows.texts, max(LENGTHS)))
    built = build(recipe)
    steps: list[tuple[int, float]] = []
    forwards: list[tuple[int, float]] = []
    memory: list[tuple[int, float]] = []
    built_in = 0.0
    for length in LENGTHS:
        ids = recipe.tokenizer.encode(rows.texts, length)
        inputs, targets, weights = encoded(rows, ids, recipe, built.model).batch(np.arange(ROWS))
        tokens = max(int(np.size(value)) for value in inputs.values())
        if not forwards:  # the first ones compile
            if not head:
                built.model.train_on_batch(inputs, targets, weights)
            built.model.predict_on_batch(inputs)
            built_in = min(time.perf_counter() - began, WAITING * (time.process_time() - own))
        if not head:
            steps.append((tokens, _time(lambda x=inputs, y=targets, w=weights: built.model.train_on_batch(x, y, w))))
        forwards.append((tokens, _time(lambda x=inputs: built.model.predict_on_batch(x))))
        memory.append((tokens, _peak_mib()))
    a_step, a_token = _line(steps) if steps else (0.0, 0.0)
    _, forward = _line(forwards)
    base, token_mib = _line(memory)
    return Speed(
        start_seconds=started,
        build_seconds=built_in,
        step_seconds=a_step,
        token_seconds=a_token,
        forward_seconds=forward,
        memory_mib=base,
        token_mib=token_mib,
        length=fixed_length(built.model) or 0,
    )


def _rows() -> Examples:
    """Rows that are longer than what is read of them."""
    draw = random.Random(0)  # noqa: S311 - no secret
    words = ["".join(draw.choices(string.ascii_lowercase, k=draw.randint(2, 8))) for _ in range(500)]
    texts = [" ".join(draw.choices(words, k=2 * max(LENGTHS))) for _ in range(ROWS)]
    return Examples(texts, ["ab"[row % 2] for row in range(ROWS)], None, np.arange(ROWS), "measurement")


def _time(work: Any) -> float:
    """Seconds of the fastest of a few repetitions, after one that compiles.

    This process comes last, so that on a machine that does something else it mostly waits. On processors its own time
    is therefore taken where that is less; it is that of all cores together, which a training has for itself as well.
    """
    work()
    seconds = []
    for _ in range(REPEATS):
        began, own = time.perf_counter(), time.process_time()
        work()
        spent, own = time.perf_counter() - began, time.process_time() - own
        seconds.append(min(spent, own) if on_processor() else spent)
    return min(seconds)


def _line(points: list[tuple[int, float]]) -> tuple[float, float]:
    """Where a line through the points begins, and its slope; neither below 0."""
    (first, low), (last, high) = points[0], points[-1]
    if first == last:  # a model that takes one length only
        return 0.0, low / first
    slope = max(0.0, (high - low) / (last - first))
    return max(0.0, low - slope * first), slope


def _peak_mib() -> float:
    found = psutil.Process().memory_info()
    return float(getattr(found, "peak_wset", 0) or _max_rss() or found.rss) / MIB


def _max_rss() -> float:
    if os.name == "nt":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)


def _age_seconds() -> float:
    """How long this process has run already."""
    return max(0.0, time.time() - psutil.Process().create_time())


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(19)
    main(Subject(sys.argv[1], sys.argv[2], int(sys.argv[3])), Settings.from_environment())
