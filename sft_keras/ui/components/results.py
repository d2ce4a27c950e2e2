"""How good a model is, as pieces of a page: rows with what the model said, thresholds, two runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sft_keras.services.space.decisions import told_down
from sft_keras.services.space.evaluation import ComparisonView, RowView, ThresholdView
from sft_keras.ui.components.html import Markup, callout, escaped, heading, joined, table, tag
from sft_keras.ui.texts import Catalogue

_MOST_CHARACTERS = 400
_LEFT, _TOP, _WIDE, _HIGH = 34.0, 8.0, 400.0, 190.0


def percent(share: float | None, say: Catalogue, *, decimals: int = 1) -> str:
    """A share in percent, as the language writes it."""
    return "–" if share is None else say("evaluate.percent", value=f"{100 * share:.{decimals}f}")


def edge(share: float, say: Catalogue) -> str:
    """A threshold in percent: rounded down, with as many decimals as tell it from 0 and 100 percent."""
    told, decimals = told_down(share)
    return percent(told, say, decimals=decimals)


def report_part(sections: Mapping[str, str], *names: str) -> Markup:
    """Sections of the report, whose HTML the service made and escaped, so that the report's style sheet holds."""
    made = Markup("".join(sections[name] for name in names))
    return tag("div", made, class_="r-report") if made else Markup("")


def row_list(rows: Sequence[RowView], say: Catalogue, *, with_labels: bool) -> Markup:
    """Texts with what the model said of them.

    Args:
        rows: The texts.
        say: The sentences.
        with_labels: Whether each row names both labels; not needed where all have the same.
    """

    def item(row: RowView) -> Markup:
        told = [say("evaluate.row_confidence", confidence=percent(row.confidence, say))]
        if with_labels:
            told = [
                say("evaluate.row_said", predicted=row.predicted),
                say("evaluate.row_truly", truth=row.truth),
                *told,
            ]
        text = row.text if len(row.text) <= _MOST_CHARACTERS else f"{row.text[:_MOST_CHARACTERS]}…"
        return tag("li", tag("blockquote", text, dir="auto"), tag("p", " · ".join(told), class_="s-subdued"))

    return tag("ol", *map(item, rows), class_="r-rows")


def cell_panel(rows: Sequence[RowView], say: Catalogue, *, truth: str, predicted: str, total: int) -> Markup:
    """The texts of a cell of the confusion matrix."""
    key = "evaluate.rows_right" if truth == predicted else "evaluate.rows_title"
    if not rows:
        note = say("evaluate.rows_none")
    elif len(rows) < total:
        note = say("evaluate.rows_shown", shown=f"{len(rows):,}", all=f"{total:,}")
    else:
        note = say("evaluate.rows_all_one") if total == 1 else say("evaluate.rows_all", all=f"{total:,}")
    title = heading(say(key, truth=truth, predicted=predicted), note, level=3)
    return tag("div", title, row_list(rows, say, with_labels=False), class_="r-panel", role="status")


def threshold_effect(view: ThresholdView, say: Catalogue) -> Markup:
    """What a threshold costs and brings, in a sentence."""
    rows = round(view.answered / view.coverage) if view.coverage else 0
    values = {
        "threshold": percent(view.threshold, say, decimals=0),
        "coverage": percent(view.coverage, say),
        "accuracy": percent(view.accuracy, say),
        "answered": f"{view.answered:,}",
        "rows": f"{rows:,}",
        "left": f"{rows - view.answered:,}",
    }
    key = "threshold_all" if view.coverage == 1 else "threshold_effect"
    return tag("p", say(f"evaluate.{key}", **values), class_="r-effect", aria_live="polite")


def threshold_nothing(threshold: float, rows: int, say: Catalogue) -> Markup:
    """Said where no text reaches the threshold."""
    told = say("evaluate.threshold_nothing", threshold=percent(threshold, say, decimals=0), rows=f"{rows:,}")
    return tag("p", told, class_="r-effect", aria_live="polite")


def threshold_picture(curve: Sequence[ThresholdView], chosen: ThresholdView, say: Catalogue) -> Markup:
    """Coverage and accuracy at each threshold, with the chosen one marked.

    Args:
        curve: From the lowest threshold to the highest.
        chosen: The one to mark.
        say: The sentences.
    """

    def x(share: float) -> float:
        return _LEFT + share * _WIDE

    def y(share: float) -> float:
        return _TOP + (1 - share) * _HIGH

    def line(values: Sequence[tuple[float, float | None]], name: str) -> Markup:
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in values if value is not None)
        return tag("polyline", points=points, class_=f"r-line r-{name}")

    def dot(value: float | None, name: str) -> Markup:
        return (
            Markup("")
            if value is None
            else tag("circle", cx=f"{x(chosen.threshold):.1f}", cy=f"{y(value):.1f}", r=5, class_=f"r-dot r-{name}")
        )

    grid = joined(
        joined(
            [
                tag("line", x1=x(0), x2=x(1), y1=f"{y(at):.1f}", y2=f"{y(at):.1f}", class_="r-grid"),
                tag("text", f"{100 * at:.0f}", x=_LEFT - 8, y=f"{y(at) + 4:.1f}", class_="r-tick", text_anchor="end"),
                tag("text", f"{100 * at:.0f}", x=f"{x(at):.1f}", y=_TOP + _HIGH + 18, class_="r-tick r-middle"),
            ]
        )
        for at in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    mark = f"{x(chosen.threshold):.1f}"
    drawing = tag(
        "svg",
        grid,
        tag("line", x1=mark, x2=mark, y1=y(1), y2=y(0), class_="r-mark"),
        line([(each.threshold, each.coverage) for each in curve], "coverage"),
        line([(each.threshold, each.accuracy) for each in curve], "accuracy"),
        dot(chosen.coverage, "coverage"),
        dot(chosen.accuracy, "accuracy"),
        viewBox=f"0 0 {_LEFT + _WIDE + 14:.0f} {_TOP + _HIGH + 24:.0f}",
        role="img",
        aria_label=say("evaluate.threshold_picture", threshold=percent(chosen.threshold, say, decimals=0)),
    )
    legend = tag(
        "figcaption",
        *(
            tag("span", tag("i", class_=f"r-{name}"), say(f"evaluate.threshold_{name}"), class_="r-key")
            for name in ("accuracy", "coverage")
        ),
        tag("span", f"% · {say('evaluate.threshold_axis')} →", class_="s-subdued"),
        class_="r-legend",
    )
    return tag("figure", legend, drawing, class_="r-threshold")


def comparison(view: ComparisonView, say: Catalogue, *, first: str, second: str) -> Markup:
    """Two runs on the same rows: what it means, then the figures."""
    clear = view.low > 0 or view.high < 0
    rows = [
        (say(f"evaluate.metric.{name}"), percent(view.first[name], say), percent(view.second[name], say))
        for name in view.first
        if name in view.second
    ]
    counts = [
        say("evaluate.compare_rows_one") if n == 1 else say("evaluate.compare_rows", count=f"{n:,}")
        for n in (view.only_first, view.only_second)
    ]
    made = table(
        [say("evaluate.compare_figure"), tag("bdi", first), tag("bdi", second)],
        [*rows, (say("evaluate.compare_only"), *counts)],
        caption=say("evaluate.compare_title"),
        numbers={1, 2},
    )
    return joined([callout("success" if clear else "info", escaped(view.verdict)), made])
