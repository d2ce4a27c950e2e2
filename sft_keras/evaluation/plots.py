"""The pictures beside the report, drawn without a display and without matplotlib's global state.

Every picture is returned as the bytes of a PNG file; `report.write_report` writes them.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from sft_keras.evaluation.charts import (
    DEEP,
    GRID,
    INK,
    LIGHT,
    MIDDLE,
    MUTED,
    calm,
    draw_calibration,
    draw_curves,
    line_styles,
)
from sft_keras.evaluation.fonts import LATIN, font_families, short_name
from sft_keras.evaluation.metrics import CalibrationBin
from sft_keras.evaluation.wording import BASELINE_TITLES

if TYPE_CHECKING:
    from sft_keras.evaluation.report import Report

_DPI = 150
_SHADES = LinearSegmentedColormap.from_list(
    "shares", [(0.0, "#ffffff"), (0.05, "#d9e7f3"), (0.3, "#9cbfdd"), (0.65, "#3f78ad"), (1.0, "#1b4166")]
)
_COUNTED_CLASSES = 30
_TICKS = 100

_HEADLINES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "weighted_f1": "Weighted F1",
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
}


def draw_report(report: Report) -> dict[str, bytes]:
    """All pictures of a report, as PNG bytes by file name; without a history there is no `training_curves.png`."""
    ece = report.scores.metrics["ece"].value
    pictures = {
        "confusion_matrix.png": draw_confusion_matrix(report.scores.confusion_matrix, report.labels),
        "reliability.png": draw_reliability(report.scores.calibration, ece),
        "scores.png": draw_scores(report),
    }
    if report.history:
        pictures["training_curves.png"] = draw_training_curves(report.history)
    return pictures


def draw_confusion_matrix(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> bytes:
    """True classes in rows, predicted ones in columns, shaded by the share of the true class.

    Up to 30 classes the numbers of rows stand in the cells. Names in a script that no installed font has are
    replaced by numbers, which are the positions in the report's table of labels.

    Args:
        matrix: Numbers of rows, [true class][predicted class].
        names: The names of the classes, by index.
    """
    classes = len(names)
    families = font_families(names)
    ticks = range(0, classes, max(1, math.ceil(classes / _TICKS)))
    labels = [short_name(name) for name in names] if families else [str(i + 1) for i in range(classes)]
    shares = [[count / max(1, sum(row)) for count in row] for row in matrix]
    cell = 1.1 if classes <= 3 else 0.62 if classes <= 8 else 0.42 if classes <= 20 else 0.3 if classes <= 40 else 0.18
    side = min(max(cell * classes, 2.4), 16.0)
    font = 10.0 if classes <= 20 else 8.0 if classes <= 40 else 6.5
    figure = Figure(figsize=(side + 3.2, side + 2.6), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap=_SHADES, vmin=0.0, vmax=1.0, interpolation="nearest")
    level = max(map(len, labels)) * font * 0.7 < cell * 72
    tilt, side_of_tick = (0, "center") if level else (45, "right") if classes <= 20 else (90, "center")
    axes.set_xticks(ticks, [labels[i] for i in ticks], rotation=tilt)
    axes.set_yticks(ticks, [labels[i] for i in ticks])
    for text in axes.get_xticklabels():
        text.set(ha=side_of_tick, va="top", rotation_mode="anchor" if tilt == 45 else None)
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        text.set(fontsize=font, fontfamily=list(families or (LATIN,)), color=INK)
    if classes <= _COUNTED_CLASSES:
        for i, row in enumerate(matrix):
            for j, count in enumerate(row):
                if count or classes <= 8:
                    color = "white" if shares[i][j] > 0.55 else INK if count else LIGHT
                    size = (9.5 if classes <= 20 else 6.5) - (2.0 if count > 9999 else 0.0)
                    axes.text(j, i, f"{count}", ha="center", va="center", fontsize=size, color=color)
    axes.set_xticks([i + 0.5 for i in range(classes - 1)], minor=True)
    axes.set_yticks([i + 0.5 for i in range(classes - 1)], minor=True)
    axes.grid(which="minor", color=GRID, linewidth=0.8 if classes <= 40 else 0.4)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_color(GRID)
    axes.set_xlabel("Predicted label", color=INK, labelpad=8)
    axes.set_ylabel("True label", color=INK, labelpad=8)
    bar = figure.colorbar(
        image,
        ax=axes,
        aspect=28,
        pad=0.02,
        shrink=0.8 if classes <= 20 else 0.4,
        format=lambda v, _: f"{100 * v:.0f}%",
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=9, labelcolor=MUTED)
    bar.set_label("Share of the true label", color=MUTED, fontsize=9)
    if not families:
        figure.supxlabel("Numbers are positions in the report's table of labels.", fontsize=8.5, color=MUTED)
    _title(axes, "Confusion matrix")
    return _png(figure)


def draw_reliability(calibration: Sequence[CalibrationBin], ece: float | None) -> bytes:
    """Accuracy against confidence, and how many rows lie in each bin (Guo et al. 2017, figure 1).

    Args:
        calibration: The bins from low to high.
        ece: Expected calibration error, for the title.
    """
    figure = Figure(figsize=(6.0, 6.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    draw_calibration(upper, lower, calibration)
    upper.set(ylabel="Accuracy")
    upper.legend(frameon=False, fontsize=9, labelcolor=INK, loc="upper left")
    lower.set(xlabel="Confidence (highest probability)", ylabel="Rows")
    _title(upper, "Reliability" + ("" if ece is None else f"  ·  calibration error {ece:.3f}"))
    return _png(figure)


def draw_scores(report: Report) -> bytes:
    """The headline figures with their 95% intervals, the model above the baselines.

    Args:
        report: The report; figures that are undefined for all are left out.
    """
    series = [("Fine-tuned model", report.scores.metrics, DEEP, "o")]
    for (name, title), color, marker in zip(reversed(BASELINE_TITLES.items()), (MIDDLE, "#a3b1be"), "sD", strict=True):
        if name in report.baselines:
            series.append((title, report.baselines[name].metrics, color, marker))
    shown = [name for name in _HEADLINES if report.scores.metrics[name].value is not None]
    figure = Figure(figsize=(8.2, 1.9 + 0.62 * len(shown)), layout="constrained")
    axes = figure.add_subplot()
    step = 0.24
    for k, (title, metrics, color, marker) in enumerate(series):
        for i, name in enumerate(shown):
            metric, y = metrics[name], i + step * (k - (len(series) - 1) / 2)
            if metric.value is None:
                continue
            if metric.low is not None and metric.high is not None:
                axes.plot([metric.low, metric.high], [y, y], color=color, linewidth=2.4, alpha=0.55, clip_on=False)
            axes.plot(
                [metric.value], [y], marker, color=color, markersize=6, clip_on=False, label=title if i == 0 else None
            )
            axes.text(1.02, y, f"{metric.value:.3f}", va="center", fontsize=8.5, color=color if k < 2 else MUTED)
    axes.set_yticks(range(len(shown)), [_HEADLINES[name] for name in shown])
    axes.set(xlim=(0, 1.0), ylim=(len(shown) - 0.4, -0.6))
    calm(axes, axis="x")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("Score with 95% interval (1 is best)", color=INK)
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=9,
        labelcolor=INK,
    )
    rows = report.rows.get("test")
    _title(axes, "Scores on the test part" + (f"  ·  {rows:,} rows" if rows else ""), report.verdict)
    return _png(figure)


def draw_training_curves(history: Sequence[Mapping[str, Any]]) -> bytes:
    """The losses and the validation scores by epoch.

    Args:
        history: One mapping an epoch: `epoch`, the losses (`loss` or `…_loss`, with `val_` in front for the
            validation part) and validation scores (`val_…`). Values that are missing or no number leave a gap.
    """
    keys = list(dict.fromkeys(key for row in history for key in row))
    losses = [key for key in keys if key == "loss" or key.endswith("_loss")]
    if "sup_loss" not in keys and "task_loss" in keys:  # the total is then the task loss, line on line
        losses = [key for key in losses if key not in ("loss", "val_loss")]
    scores = [key for key in keys if key.startswith("val_") and not key.endswith("loss")]
    panels = [(title, each) for title, each in (("Loss", losses), ("Validation score", scores)) if each]
    figure = Figure(figsize=(5.2 * max(1, len(panels)), 4.0), layout="constrained")
    for place, (title, names) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1)
        styles = {name: {**style, "label": _readable(name)} for name, style in line_styles(names).items()}
        draw_curves(axes, history, styles)
        axes.set_xlabel("Epoch", color=INK)
        axes.legend(frameon=False, fontsize=9, labelcolor=INK)
        _title(axes, title)
    return _png(figure)


def _readable(key: str) -> str:
    name = key.removeprefix("val_")
    words = {"loss": "total loss", "sup_loss": "supervised loss"}.get(name, name.replace("_", " ").replace("f1", "F1"))
    text = words[:1].upper() + words[1:]
    return f"{text} (validation)" if key != name and name.endswith("loss") else text


def _title(axes: Any, title: str, subtitle: str = "") -> None:
    axes.set_title(title, loc="left", fontsize=12.5, fontweight="bold", color=INK, pad=12 + (26 if subtitle else 0))
    if subtitle:
        axes.annotate(
            textwrap.fill(subtitle, 100).replace("$", r"\$"),
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 8),
            textcoords="offset points",
            fontsize=8.5,
            color=MUTED,
            va="bottom",
        )


def _png(figure: Figure) -> bytes:
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, facecolor="white", bbox_inches="tight", pad_inches=0.25)
    return buffer.getvalue()
