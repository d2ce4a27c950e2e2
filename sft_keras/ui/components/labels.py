"""Labels that look wrong as a list: each row with what a person can decide about it."""

from __future__ import annotations

from sft_keras.services.space.corrections import ReviewView, SuspectView
from sft_keras.ui.components.html import Markup, badge, button, callout, heading, joined, tag
from sft_keras.ui.components.results import percent
from sft_keras.ui.texts import Catalogue

PAGE = 10
_MOST_CHARACTERS = 600


def review_list(view: ReviewView, page: int, say: Catalogue, *, verdict: str = "") -> Markup:
    """The rows of a page, and how far the review is.

    Args:
        view: What is known.
        page: Which page, from 0; one that is not there is the last.
        say: The sentences.
        verdict: What earlier corrections brought.
    """
    parts: list[object] = [heading(say("review.title"), say("review.what"))]
    if verdict:
        parts.append(callout("info", say("review.brought"), verdict))
    if not view.rows:
        none = tag("p", say("review.none"), class_="s-subdued") if view.examined else Markup("")
        return joined([*parts, none])
    if not view.usable:
        parts.append(callout("warning", say("review.no_dataset")))
    last = (len(view.rows) - 1) // PAGE
    page = max(0, min(page, last))
    shown = view.rows[page * PAGE : (page + 1) * PAGE]
    parts.append(tag("ol", *(_row(row, say, usable=view.usable) for row in shown), class_="r-rows r-review"))
    if last:
        place = say("review.place", first=page * PAGE + 1, last=page * PAGE + len(shown), all=len(view.rows))
        parts.append(
            tag(
                "p",
                button(say("review.before"), "page", str(page - 1), disabled="disabled" if page == 0 else None),
                tag("span", place, class_="s-subdued"),
                button(say("review.after"), "page", str(page + 1), disabled="disabled" if page == last else None),
                class_="r-pages",
            )
        )
    return joined(parts)


def review_sum(view: ReviewView, say: Catalogue) -> Markup:
    """What was decided for the dataset so far, and the button that trains with it."""
    if not view.usable or not view.rows:
        return Markup("")
    counts = {"relabelled": view.relabelled, "dropped": view.dropped, "kept": view.kept}
    told = tag("p", say("review.sum", **counts), aria_live="polite")
    if not view.changed:
        return told
    note = tag("p", say("review.train_note"), class_="s-subdued")
    return joined([told, tag("p", button(say("review.train"), "train", kind="primary")), note])


def _row(row: SuspectView, say: Catalogue, *, usable: bool) -> Markup:
    text = row.text if len(row.text) <= _MOST_CHARACTERS else f"{row.text[:_MOST_CHARACTERS]}…"
    facts = tag(
        "p",
        say("review.given"),
        " ",
        badge(row.label),
        " ",
        say("review.suggested"),
        " ",
        badge(row.suggested, "accent"),
        " ",
        tag(
            "span",
            say(
                "review.facts",
                suspicion=percent(row.suspicion, say, decimals=0),
                part=say(f"review.part_{'train' if row.part == 'train' else 'validation'}"),
                row=row.row,
            ),
            class_="s-subdued",
        ),
    )
    return tag("li", tag("blockquote", text, dir="auto"), facts, _choices(row, say) if usable else Markup(""))


def _choices(row: SuspectView, say: Catalogue) -> Markup:
    if row.decision is not None:
        done = say(f"review.done_{row.decision}", label=row.new_label)
        return tag("p", badge(done, "success"), " ", button(say("review.undo"), "undo", row.key, kind="link"))
    return tag(
        "p",
        button(say("review.keep"), "keep", row.key),
        button(say("review.take", label=row.suggested), "take", row.key),
        button(say("review.other"), "other", row.key),
        button(say("review.drop"), "drop", row.key, kind="danger"),
        class_="r-choices",
        role="group",
        aria_label=say("review.choices"),
    )
