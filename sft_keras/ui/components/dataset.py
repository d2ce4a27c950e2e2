"""What is in a dataset, as pieces of a page."""

from __future__ import annotations

from sft_keras.services.space.datasets import DatasetInfo, DatasetView, FoundView
from sft_keras.ui.components.charts import class_bars, hidden_classes, histogram
from sft_keras.ui.components.html import (
    Markup,
    badge,
    button,
    callout,
    empty,
    heading,
    joined,
    stats,
    table,
    tag,
)
from sft_keras.ui.components.words import ago
from sft_keras.ui.texts import Catalogue

_SHOWN_ROWS = 10
_SEVERITIES = ("error", "warning", "info")


def dataset_list(datasets: list[DatasetInfo], chosen: str, asking: str, say: Catalogue) -> Markup:
    """One's datasets, to choose from.

    Args:
        datasets: Newest first.
        chosen: Id of the one that is shown.
        asking: Id of the one that is to be deleted, if that is meant.
        say: The catalogue of the reader.
    """
    if not datasets:
        return Markup("")
    return joined(
        [
            heading(say("data.yours"), level=3),
            tag("ul", *(_item(d, chosen, asking, say) for d in datasets), class_="s-list"),
        ]
    )


def _item(info: DatasetInfo, chosen: str, asking: str, say: Catalogue) -> Markup:
    about = [say("data.chosen_sample" if info.source == "sample" else "data.chosen_file"), ago(info.created, say)]
    if info.fixes:
        about.append(say("data.fixes_on", count=len(info.fixes)))
    name = joined([tag("strong", info.name), tag("span", " · ".join(about), class_="s-subdued")])
    choose = tag(
        "button",
        name,
        type="button",
        class_="s-button s-choose",
        data_action="choose",
        data_value=info.id,
        aria_pressed=str(info.id == chosen).lower(),
    )
    if info.id == asking:
        more = joined(
            [
                tag("span", say("shell.delete_sure"), class_="s-subdued"),
                button(say("shell.delete_yes"), "delete", info.id, kind="danger"),
                button(say("shell.cancel"), "keep", info.id, kind="link"),
            ]
        )
    else:
        label = f"{say('shell.delete')}: {info.name}"
        more = button(say("shell.delete"), "ask", info.id, kind="link", aria_label=label)
    return tag("li", choose, more, class_="s-item s-chosen" if info.id == chosen else "s-item")


def nothing_chosen(say: Catalogue) -> Markup:
    """What stands where a dataset would be."""
    return empty(say("data.empty"), say("data.empty_next"))


def summary(view: DatasetView, say: Catalogue) -> Markup:
    """The name and the headline figures."""
    left = view.rows - view.usable_rows
    note = say("data.usable_part", left=f"{left:,}") if left > 0 else say("data.usable_all")
    tiles: list[tuple[object, ...]] = [
        (say("data.rows"), f"{view.rows:,}"),
        (say("data.usable"), f"{view.usable_rows:,}", note),
        (say("data.classes"), f"{len(view.class_counts):,}"),
    ]
    if view.lengths.cut is not None:
        part = view.lengths.cut / max(1, sum(view.lengths.counts))
        percent = "<1%" if 0 < part < 0.01 else f"{part:.0%}"
        tiles.append((say("data.longest"), percent, say("data.longest_note", limit=view.lengths.limit)))
    return joined([heading(view.info.name), tag("div", stats(tiles), style="margin-top:12px")])


def preview(view: DatasetView, say: Catalogue) -> Markup:
    """The first rows, with the columns marked that are used."""
    uses = {view.text_column: say("data.as_text"), view.label_column: say("data.as_label")}
    marked = {i: uses[name] for i, name in enumerate(view.header) if name in uses}
    notes = tag("ul", *(tag("li", note) for note in (*view.notes, *view.reasons)))
    details = tag("details", tag("summary", say("data.notes")), notes, class_="s-details")
    shown = table(view.header, view.preview, caption=say("data.preview"), marked=marked)
    return joined([shown, details if view.notes or view.reasons else ""])


def charts(view: DatasetView, say: Catalogue) -> Markup:
    """Rows by label, and how long the texts are."""
    if not view.class_counts:
        return Markup("")
    bars = class_bars(
        view.class_counts,
        caption=say("data.chart_classes"),
        label=say("data.label"),
        rows=say("data.rows"),
        more=say("data.more_classes", count=hidden_classes(view.class_counts)),
    )
    return tag("div", bars, _lengths(view, say), class_="s-two")


def _lengths(view: DatasetView, say: Catalogue) -> Markup:
    lengths = view.lengths
    if not lengths.counts or not any(lengths.counts):
        return Markup("")
    common = max(range(len(lengths.counts)), key=lambda i: lengths.counts[i])
    tokens = lengths.unit == "tokens"
    return histogram(
        lengths.edges,
        lengths.counts,
        caption=say(f"data.chart_lengths_{'tokens' if tokens else 'characters'}"),
        summary=say(
            "data.chart_lengths_summary",
            low=f"{lengths.edges[0]:,.0f}",
            high=f"{lengths.edges[-1]:,.0f}",
            common_low=f"{lengths.edges[common]:,.0f}",
            common_high=f"{lengths.edges[common + 1]:,.0f}",
        ),
        limit=lengths.limit if tokens else None,
        limit_label=say("data.limit", limit=lengths.limit),
    )


def findings(view: DatasetView, say: Catalogue) -> Markup:
    """What was found, worst first, with a button for each fix, and what was fixed already."""
    ordered = sorted(view.findings, key=lambda f: _SEVERITIES.index(f.severity) if f.severity in _SEVERITIES else 9)
    open_fixes = [f for f in ordered if f.fixable and f.code not in view.info.fixes]
    action = button(say("data.fix_all"), "fix_all") if len({f.code for f in open_fixes}) > 1 else Markup("")
    parts: list[object] = [tag("div", heading(say("data.findings_title")), action, class_="s-row s-between")]
    if not view.ok:
        parts.append(callout("error", say("data.findings_stop")))
    if not ordered:
        parts.append(callout("success", say("data.findings_none"), say("data.findings_none_why")))
    parts += [_finding(found, view.info.fixes, say) for found in ordered]
    if view.info.fixes:
        parts.append(_fixes(view.info.fixes, say))
    return tag("div", *parts, class_="s-stack")


def _finding(found: FoundView, fixes: tuple[str, ...], say: Catalogue) -> Markup:
    rows = ", ".join(f"{row:,}" for row in found.rows[:_SHOWN_ROWS])
    where = [say(f"data.findings_rows{'_more' if len(found.rows) >= _SHOWN_ROWS else ''}", rows=rows)] if rows else []
    if found.part in ("validation", "test"):
        where.append(say(f"data.findings_{found.part}"))
    told = tag(
        "div",
        tag("p", found.message, class_="s-callout-title"),
        tag("p", found.consequence),
        tag("p", " · ".join(where), class_="s-small") if where else "",
    )
    fix: object = ""
    if found.fixable and found.code not in fixes:
        fix = button(say.named("data", f"fix_{found.code}"), "fix", found.code)
    mark = tag("span", class_="s-callout-mark", aria_hidden="true")
    kind = found.severity if found.severity in _SEVERITIES else "info"
    word = badge(say(f"shell.severity_{kind}"), kind)
    body = tag("div", word, tag("div", told, fix, class_="s-finding"))
    return tag("div", mark, body, class_=f"s-callout s-{kind}")


def _fixes(fixes: tuple[str, ...], say: Catalogue) -> Markup:
    items = (
        tag(
            "li",
            tag("span", say.named("data", f"fixed_{code}")),
            button(
                say("data.fix_undo"),
                "undo",
                code,
                kind="link",
                aria_label=f"{say('data.fix_undo')}: {say.named('data', f'fixed_{code}')}",
            ),
        )
        for code in fixes
    )
    undo_all = button(say("data.fix_undo_all"), "undo_all", kind="link") if len(fixes) > 1 else ""
    return tag(
        "div",
        tag("div", tag("p", say("data.fixes_title"), class_="s-callout-title"), undo_all, class_="s-row s-between"),
        tag("ul", *items, class_="s-applied"),
        tag("p", say("data.fixes_note"), class_="s-subdued s-small"),
        class_="s-fixes",
    )
