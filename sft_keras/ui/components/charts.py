"""Charts as HTML: they follow the theme, need no script, and are read out as the figures that they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sft_keras.ui.components.html import Markup, tag

_MOST_BARS = 24


def class_bars(counts: Mapping[str, int], *, caption: str, label: str, rows: str, more: str) -> Markup:
    """How many rows each label has, most frequent first.

    Args:
        counts: Rows by label.
        caption: What the chart shows.
        label: Title of the column of labels.
        rows: Title of the column of counts.
        more: Said of the labels that are too many to show, if there are any: with its number filled in.
    """
    shown = sorted(counts.items(), key=lambda item: -item[1])[:_MOST_BARS]
    most = max(counts.values(), default=0) or 1
    total = sum(counts.values()) or 1
    body = (
        tag(
            "tr",
            tag("th", name, scope="row", title=name),
            tag(
                "td",
                tag("div", class_="s-bar-fill", style=f"width:{max(100 * count / most, 0.5):.1f}%"),
                class_="s-track",
            ),
            tag("td", f"{count:,}", class_="s-number"),
            tag("td", f"{count / total:.0%}" if count / total >= 0.01 else "<1%", class_="s-number s-subdued"),
        )
        for name, count in shown
    )
    head = tag("tr", tag("th", label), tag("th"), tag("th", rows), tag("th", "%"), class_="s-hidden")
    rest = tag("p", more, class_="s-subdued") if len(counts) > _MOST_BARS else Markup("")
    chart = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body), class_="s-bars")
    return tag("div", chart, rest)


def hidden_classes(counts: Mapping[str, int]) -> int:
    """How many labels `class_bars` leaves out."""
    return max(0, len(counts) - _MOST_BARS)


def histogram(
    edges: Sequence[float], counts: Sequence[int], *, caption: str, summary: str, limit: float | None, limit_label: str
) -> Markup:
    """How long the texts are, with the length marked at which the model stops reading.

    Args:
        edges: Edges of the bins, one more than counts.
        counts: Texts in each bin.
        caption: What the chart shows, with the unit.
        summary: The same in a sentence, for those who do not see it.
        limit: Where the mark goes; None for no mark.
        limit_label: What the mark says.
    """
    if not counts:
        return Markup("")
    most = max(counts) or 1
    low, high = edges[0], edges[-1]
    bars = (
        tag(
            "div",
            class_="s-column" + (" s-beyond" if limit is not None and edges[i] >= limit else ""),
            style=f"height:{100 * count / most:.1f}%",
            title=f"{edges[i]:,.0f}-{edges[i + 1]:,.0f}: {count:,}",
        )
        for i, count in enumerate(counts)
    )
    mark = Markup("")
    if limit is not None and low < limit < high:
        place = 100 * (limit - low) / (high - low)
        side = "s-left" if place > 50 else "s-right"
        mark = tag("div", tag("span", limit_label), class_=f"s-limit {side}", style=f"left:{place:.1f}%")
    middle = low + (high - low) / 2
    axis = tag("div", *(tag("span", f"{value:,.0f}") for value in (low, middle, high)), class_="s-axis")
    plot = tag("div", *bars, mark, class_="s-columns", role="img", aria_label=summary)
    return tag("figure", tag("figcaption", caption), plot, axis, class_="s-histogram")
