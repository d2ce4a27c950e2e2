"""Whether more labelled rows would help: the score at parts of the training rows, and what twice as many may give.

The error is extrapolated by the power law err(n) = a + b·n^-c (Viering and Loog 2021, https://arxiv.org/abs/2103.10948).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Column, Picture, Sentence, Table, percent, points
from sft_keras.diagnostics.charts import learning_curve_svg
from sft_keras.diagnostics.draws import stratified_rows
from sft_keras.diagnostics.quick_head import fit_quick, quick_probabilities

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

SHARES, DRAWS = (0.12, 0.25, 0.5, 1.0), 5
FEWEST_ROWS, FEWEST_TESTED = 60, 20
FUTURE = (2, 4)
REFITS = 200
WIDEST = 0.15
"""An interval of the extrapolation that is wider says nothing, and is not shown."""
FLAT = 0.02
"""A gain by twice the rows that stays below this is called little."""
SUPPORT, SLOPE, GAIN, MOST_TIMES = 5, 0.03, 0.05, 2
"""A class needs so many test rows and so much gain by the last doubling; it is said what gives so much F1, if that is
at most so many times the rows that it has."""
MOST_CLASSES = 10


def examine(subject: Subject) -> Facts:
    """Fits the quick classifier on parts of the training rows, and scores it on the test rows."""
    from sklearn.metrics import accuracy_score, f1_score

    labels, truth = subject.truth("train"), subject.truth("test")
    if len(labels) < FEWEST_ROWS or len(truth) < FEWEST_TESTED:
        raise NotApplicable("too_few", rows=FEWEST_ROWS, tested=FEWEST_TESTED)
    if subject.training_rows > len(labels):
        raise NotApplicable("too_many", rows=f"{subject.training_rows:,}", most=f"{len(labels):,}")
    classes = len(subject.labels)
    features, tested = subject.quick("train"), subject.quick("test")
    rng = np.random.default_rng(subject.seed)
    steps: list[dict[str, Any]] = []
    by_class: dict[float, np.ndarray] = {}
    fits = len(SHARES[:-1]) * DRAWS + 1
    hits: list[np.ndarray] = []
    done = 0
    for share in SHARES:
        found = []
        for _ in range(1 if share == 1.0 else DRAWS):
            rows = np.arange(len(labels)) if share == 1.0 else stratified_rows(labels, round(share * len(labels)), rng)
            model = fit_quick(features[rows], labels[rows])
            predicted = quick_probabilities(model, tested, classes).argmax(axis=1)
            f1 = f1_score(truth, predicted, average=None, labels=np.arange(classes), zero_division=0)
            macro = float(f1[np.unique(truth)].mean())
            found.append((len(rows), float(accuracy_score(truth, predicted)), macro, f1))
            hits.append(predicted == truth)
            done += 1
            subject.tell(done / fits)
        by_class[share] = np.mean([each[3] for each in found], axis=0)
        accuracies = [each[1] for each in found]
        steps.append(
            {
                "rows": float(np.mean([each[0] for each in found])),
                "accuracy": float(np.mean(accuracies)),
                "macro_f1": float(np.mean([each[2] for each in found])),
                "draws": accuracies,
            }
        )
    sizes = [each["rows"] for each in steps for _ in each["draws"]]
    future = extrapolate(sizes, np.array(hits), subject.seed)
    counts = np.bincount(labels, minlength=classes)
    return {
        "by": "frozen" if subject.quick_is_frozen else "tfidf",
        "tested": len(truth),
        "steps": steps,
        "future": future,
        "classes": _gaining(subject.labels.names, counts, np.bincount(truth, minlength=classes), by_class),
    }


def power_law(rows: np.ndarray, floor: float, height: float, slope: float) -> np.ndarray:
    """The error at a number of rows: floor + height · rows^-slope."""
    return np.asarray(floor + height * np.power(rows, -slope))


def extrapolate(rows: Sequence[float], hits: np.ndarray, seed: int) -> list[dict[str, float]]:
    """The accuracy at twice and four times the rows, with a 95% interval.

    The interval is that of fits to test rows that are drawn anew, the same for all: the luck of the test and, by a draw
    of the trainings at each size, that of the training rows. It knows nothing of other laws than this one.

    Args:
        rows: The number of training rows of each training, rising.
        hits: bool [trainings, test rows], whether each answer is right.
        seed: Fixes the draws.

    Returns:
        `rows`, `accuracy`, `low` and `high` for each; nothing where the law does not fit or tells too little.
    """
    from scipy.optimize import OptimizeWarning, curve_fit

    numbers = np.asarray(rows, dtype=float)
    accuracies = hits.mean(axis=1)
    sizes = [np.flatnonzero(numbers.round() == size) for size in np.unique(numbers.round())]
    scale = numbers.max()

    def fit(errors: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)
            found, _ = curve_fit(
                power_law,
                numbers / scale,
                errors,
                p0=(0.5 * errors.min(), max(errors.min() * 0.5, 1e-3), 0.5),
                bounds=((0, 0, 0.05), (1, 1, 2)),
                maxfev=2000,
            )
        return np.asarray(found)

    at = np.array([factor * scale for factor in FUTURE])
    try:
        middle = fit(1 - accuracies)
        rng = np.random.default_rng(seed)
        refits = []
        for _ in range(REFITS):
            trainings = np.concatenate([rng.choice(each, len(each)) for each in sizes])
            tested = rng.integers(0, hits.shape[1], hits.shape[1])
            refits.append(1 - power_law(at / scale, *fit(1 - hits[np.ix_(trainings, tested)].mean(axis=1))))
    except (RuntimeError, ValueError):  # no law was found
        return []
    expected = 1 - power_law(at / scale, *middle)
    low, high = np.percentile(np.array(refits), [2.5, 97.5], axis=0)
    if (high - low).max() > WIDEST:
        return []
    return [
        {"rows": float(n), "accuracy": float(value), "low": float(bottom), "high": float(top)}
        for n, value, bottom, top in zip(at, expected, low, high, strict=True)
    ]


def more_rows(rows: int, gain_by_doubling: float, wanted: float = GAIN) -> int:
    """How many rows more a class needs for a gain, if each doubling goes on to give as much; rounded up to tens.

    Example:
        >>> more_rows(40, 0.05)
        40
    """
    further = rows * (2 ** min(wanted / gain_by_doubling, 2.0) - 1)
    return max(10, int(np.ceil(further / 10)) * 10)


def _gaining(
    names: Sequence[str], counts: np.ndarray, support: np.ndarray, by_class: Mapping[float, np.ndarray]
) -> list[dict[str, Any]]:
    """The classes whose F1 still rises with more rows, those with the largest rise first."""
    half, full = by_class[0.5], by_class[1.0]
    gains = full - half
    order = [i for i in np.argsort(-gains) if support[i] >= SUPPORT and gains[i] >= SLOPE and full[i] < 1 - SLOPE]
    found = [
        {
            "label": names[i],
            "rows": int(counts[i]),
            "half": float(half[i]),
            "full": float(full[i]),
            "more": more_rows(int(counts[i]), float(gains[i])),
        }
        for i in order
    ]
    return [each for each in found if each["more"] <= MOST_TIMES * each["rows"]][:MOST_CLASSES]


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """What twice the rows would bring, the curve, and which classes to label more of."""
    steps, future, classes = facts["steps"], facts["future"], facts["classes"]
    blocks: list[Block] = []
    last, before = steps[-1], steps[-2]
    gain = last["accuracy"] - before["accuracy"]
    if future:
        twice = future[0]
        rising, flat = twice["low"] > last["accuracy"], twice["high"] < last["accuracy"] + FLAT
        text = words(
            f"learning_curve.{'rising' if rising else 'flat' if flat else 'open'}",
            rows=f"{round(twice['rows']):,}",
            now=percent(words, last["accuracy"]),
            then=percent(words, twice["accuracy"]),
            low=f"{100 * twice['low']:.1f}",
            high=f"{100 * twice['high']:.1f}",
        )
        blocks.append(Sentence(text))
    else:
        blocks.append(Sentence(words("learning_curve.unknown", gain=points(words, gain))))
    if classes:
        first = classes[0]
        text = words("learning_curve.label_more", label=first["label"], more=first["more"], rows=first["rows"])
        blocks.append(Sentence(text))
    spread = [(max(step["draws"]) - min(step["draws"])) / 2 for step in steps]
    picture = learning_curve_svg(
        [step["rows"] for step in steps],
        [step["accuracy"] for step in steps],
        spread=spread,
        future=[(each["rows"], each["accuracy"], each["low"], each["high"]) for each in future],
    )
    legend = [("deep", words("learning_curve.measured"))]
    if future:
        legend.append(("middle", words("learning_curve.expected")))
    blocks.append(Picture(picture, words("learning_curve.picture"), legend))
    if classes:
        columns = [
            Column(words("learning_curve.class"), "label"),
            Column(words("learning_curve.rows"), "number"),
            Column(words("learning_curve.half"), "number"),
            Column(words("learning_curve.full"), "number"),
            Column(words("learning_curve.more"), "number"),
        ]
        rows = [
            (
                each["label"],
                f"{each['rows']:,}",
                percent(words, each["half"]),
                percent(words, each["full"]),
                f"{each['more']:,}",
            )
            for each in classes
        ]
        blocks.append(Table(columns, rows, title=words("learning_curve.classes")))
    how = words(f"learning_curve.by_{facts['by']}")
    blocks.append(Sentence(words("learning_curve.how", by=how, tested=facts["tested"], draws=DRAWS), "how"))
    return blocks


PARTS.add("learning_curve", Part(40, examine, present))
