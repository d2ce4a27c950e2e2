"""The diagnostics of a run as a list that unfolds: each part as it gets ready."""

from __future__ import annotations

from sft_keras.services.space.diagnostics import DiagnosticsView, PartView
from sft_keras.ui.components.html import Markup, badge, button, heading, joined, progress, tag
from sft_keras.ui.texts import Catalogue

_BADGES = {"ready": "success", "skipped": "neutral", "failed": "error", "waiting": "neutral", "working": "accent"}


def parts_list(view: DiagnosticsView, say: Catalogue) -> Markup:
    """All parts; what is ready unfolds."""
    title = heading(say("trust.title"), say("trust.what"))
    again = Markup("")
    if not view.complete and not view.under_way:
        again = tag("p", button(say("trust.examine"), "examine", kind="primary"), class_="r-examine")
    return joined([title, again, tag("div", *(_part(part, say) for part in view.parts), class_="r-parts")])


def _part(part: PartView, say: Catalogue) -> Markup:
    state = Markup("") if part.state == "ready" else badge(say(f"trust.state_{part.state}"), _BADGES[part.state])
    head = joined([tag("span", part.title, class_="r-part-title"), state, tag("span", part.what, class_="s-subdued")])
    if part.state in ("waiting", "working"):
        bar = progress(part.fraction or None, part.title) if part.state == "working" else Markup("")
        return tag("div", tag("div", head, class_="r-part-head"), bar, class_="r-part r-part-closed")
    # The content comes from the report's own templates, which escape every value.
    content = tag("div", Markup(part.content), class_="r-report")
    return tag("details", tag("summary", head), content, class_="r-part", id=f"trust-{part.name}")
