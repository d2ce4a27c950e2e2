"""The pictures of the diagnostics as SVG for a page: numerals only, colours of the style sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from sft_keras.evaluation.charts import CLASS_COLORS, DEEP, LIGHT, MIDDLE, MUTED, as_svg, calm


def learning_curve_svg(
    rows: Sequence[float],
    scores: Sequence[float],
    *,
    spread: Sequence[float],
    future: Sequence[tuple[float, float, float, float]] = (),
) -> str:
    """A score by the number of training rows, on a logarithmic axis.

    Args:
        rows: Numbers of rows.
        scores: Mean score at each, 0 to 1.
        spread: Half the range of the draws at each.
        future: Rows, expected score, and the ends of its interval, for what is extrapolated.
    """
    figure = Figure(figsize=(4.4, 2.7), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log", base=2)
    axes.errorbar(rows, scores, yerr=spread, color=DEEP, marker="o", markersize=5, linewidth=1.8, capsize=3)
    if future:
        at, middle, low, high = (np.array(column) for column in zip(*future, strict=True))
        start = [rows[-1], scores[-1]]
        axes.fill_between([start[0], *at], [start[1], *low], [start[1], *high], color=LIGHT, alpha=0.6, linewidth=0)
        axes.plot([start[0], *at], [start[1], *middle], color=MIDDLE, linestyle=(0, (4, 2)), marker="o", mfc="white")
    ticks = [*rows, *(each[0] for each in future)]
    axes.set_xticks(ticks, [f"{round(tick):,}" for tick in ticks])
    axes.minorticks_off()
    calm(axes)
    return as_svg(figure)


def map_svg(points: Sequence[Sequence[float]], classes: Sequence[int]) -> str:
    """Points of a plane, coloured by class.

    Args:
        points: [rows, 2].
        classes: [rows], 0 to 7 for the colours c1 to c8, -1 for grey.
    """
    figure = Figure(figsize=(4.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    places, numbers = np.asarray(points, dtype=float).reshape(-1, 2), np.asarray(classes)
    for number in np.unique(numbers):
        chosen = places[numbers == number]
        color = MUTED if number < 0 else CLASS_COLORS[number]
        axes.scatter(chosen[:, 0], chosen[:, 1], s=9, color=color, alpha=0.75, linewidths=0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return as_svg(figure)
