"""The axes of the curves and of the reliability diagram, and these two as SVG for a page.

`plots` sets them into pictures with titles and legends. On a page, words are the page's matter: the SVG holds
numerals only, and takes its colours and its font from the style sheet, so that it follows a dark screen.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sft_keras.evaluation.metrics import CalibrationBin

INK, MUTED, GRID = "#22303c", "#6b7a88", "#e4e9ee"
DEEP, MIDDLE, LIGHT = "#1f4e79", "#5b8fbf", "#b9d1e6"
EDGE, SHADES = "#c5ced6", (DEEP, MIDDLE, "#8a9bb0", "#2f9aa0", "#94c5c8", "#c3cdd8")
# Stand-ins for variables of the style sheet, which matplotlib does not take as colours.
_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    EDGE: "edge",
    DEEP: "deep",
    MIDDLE: "middle",
    LIGHT: "light",
    "#2f9aa0": "teal",
    "#8a9bb0": "muted",
    "#ffffff": "paper",
    "#e69f00": "c1",
    "#56b4e9": "c2",
    "#009e73": "c3",
    "#d55e00": "c4",
    "#0072b2": "c5",
    "#cc79a7": "c6",
    "#b8a800": "c7",
    "#7a5195": "c8",
}
CLASS_COLORS = tuple(color for color, name in _VARIABLES.items() if re.fullmatch("c[0-9]", name))
"""For classes: those of Okabe and Ito (2008) and two more, told apart by colour-blind people too; c1 to c8 on pages."""
_PAGE_SERIES = {"loss": DEEP, "task_loss": MIDDLE, "sup_loss": "#2f9aa0", "val_macro_f1": DEEP, "val_accuracy": MIDDLE}


@dataclass(frozen=True)
class Curve:
    """A line of a chart on a page, for the legend: the name of the figure, its style sheet colour, whether dashed."""

    name: str
    color: str
    dashed: bool


def page_curves(history: Sequence[Mapping[str, Any]]) -> tuple[tuple[Curve, ...], tuple[Curve, ...]]:
    """Which losses and which validation scores a page shows of a training.

    Without supervised terms the total is the task loss, line on line, and is left out.

    Args:
        history: The figures of each epoch.
    """
    keys = {key for row in history for key in row}
    losses = ("loss", "task_loss", "sup_loss") if "sup_loss" in keys else ("task_loss",)
    wanted = ((*losses, "val_task_loss"), ("val_macro_f1", "val_accuracy"))
    first, second = (
        tuple(
            Curve(name, _VARIABLES[_PAGE_SERIES[name.replace("val_task", "task")]], name == "val_task_loss")
            for name in names
            if name in keys
        )
        for names in wanted
    )
    return first, second


def curves_svg(history: Sequence[Mapping[str, Any]], curves: Sequence[Curve], *, best_epoch: int) -> str:
    """Figures by epoch as SVG; the best epoch is marked by an upright line.

    Args:
        history: The figures of each epoch.
        curves: Which of them.
        best_epoch: The epoch that was kept.
    """
    color = {variable: value for value, variable in reversed(_VARIABLES.items())}
    figure = Figure(figsize=(4.4, 2.7), layout="constrained")
    axes = figure.add_subplot()
    axes.axvline(best_epoch, color=EDGE, linewidth=1.2, linestyle=(0, (2, 2)), clip_on=False)
    styles = {curve.name: _style(color[curve.color], dashed=curve.dashed) for curve in curves}
    draw_curves(axes, history, styles, clip=False)
    return as_svg(figure)


def reliability_svg(calibration: Sequence[CalibrationBin]) -> str:
    """The reliability diagram as SVG; see `draw_calibration`."""
    figure = Figure(figsize=(4.4, 4.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.4, 1])
    draw_calibration(upper, lower, calibration, clip=False)
    return as_svg(figure)


def with_own_ids(svg: str, prefix: str) -> str:
    """The picture with ids of its own, so that it can stand on a page beside a copy or another picture."""
    return re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{prefix}-", svg)


def draw_calibration(upper: Any, lower: Any, calibration: Sequence[CalibrationBin], *, clip: bool = True) -> None:
    """Accuracy against confidence, and how many rows lie in each bin (Guo et al. 2017, figure 1).

    Args:
        upper: The axes for accuracy.
        lower: The axes for numbers of rows.
        calibration: The bins from low to high.
        clip: Whether lines end at the border of the axes.
    """
    filled = [part for part in calibration if part.count]
    width = 1 / len(calibration)
    middles = [(part.low + part.high) / 2 for part in filled]
    upper.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label="Perfectly calibrated")
    upper.bar(middles, [p.accuracy for p in filled], width * 0.92, color=LIGHT, label="Accuracy", clip_on=clip)
    upper.plot(
        [p.confidence for p in filled],
        [p.accuracy for p in filled],
        color=DEEP,
        marker="o",
        markersize=5,
        linewidth=1.5,
        label="Accuracy at mean confidence",
        clip_on=clip,
    )
    upper.set(xlim=(0, 1), ylim=(0, 1.02))
    lower.bar(middles, [p.count for p in filled], width * 0.92, color=MIDDLE, clip_on=clip)
    lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    calm(upper)
    calm(lower)
    lower.tick_params(axis="x", pad=7)


def draw_curves(
    axes: Any, history: Sequence[Mapping[str, Any]], styles: Mapping[str, Mapping[str, Any]], *, clip: bool = True
) -> None:
    """Figures by epoch; what is missing or no number leaves a gap.

    Args:
        axes: Where to draw.
        history: The figures of each epoch.
        styles: How each figure is drawn, by its name.
        clip: Whether lines end at the border of the axes.
    """
    epochs = [number(row.get("epoch", i + 1)) for i, row in enumerate(history)]
    for name, style in styles.items():
        axes.plot(
            epochs, [number(row.get(name)) for row in history], markersize=4, linewidth=1.8, clip_on=clip, **style
        )
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    if len(epochs) == 1 and math.isfinite(epochs[0]):
        axes.set_xlim(epochs[0] - 1, epochs[0] + 1)
    if any(name.endswith("loss") for name in styles):
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    calm(axes)


def line_styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Shades from deep to light; a validation loss is dashed in the shade of its training loss."""
    training = [name for name in names if name.removeprefix("val_") == name or name.removeprefix("val_") not in names]
    color = {name: SHADES[i % len(SHADES)] for i, name in enumerate(training)}
    return {
        name: _style(color[name] if name in color else color[name.removeprefix("val_")], dashed=name not in color)
        for name in names
    }


def number(value: Any) -> float:
    """A figure as it is drawn: nan for what is missing or no number."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else math.nan


def calm(axes: Any, *, axis: str = "both") -> None:
    """A light grid, no frame above and to the right, no tick marks."""
    axes.grid(axis=axis, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(EDGE)
    axes.tick_params(length=0, labelsize=9.5, labelcolor=INK)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)


def _style(color: str, *, dashed: bool) -> dict[str, Any]:
    style: dict[str, Any] = {"color": color, "marker": "o"}
    return {**style, "linestyle": (0, (4, 2)), "mfc": "white"} if dashed else style


def as_svg(figure: Figure) -> str:
    """The picture without the XML head, with the page's colours and font, and with no id that is not referred to."""
    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    # These two can only be set for all of matplotlib; a PNG that another thread writes meanwhile does not read them.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "sft-keras"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text)
    text = re.sub(r"'DejaVu Sans'[^;\"]*", "inherit", text)
    for value, variable in _VARIABLES.items():
        text = text.replace(f": {value}", f": var(--{variable})")
    return text
