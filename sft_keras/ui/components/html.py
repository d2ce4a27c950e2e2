"""Pieces of pages as HTML. Every value is escaped here, so that no caller has to think of it.

What comes out of a function of this module is of the type `Markup`; only that is put into a page as it is.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import gradio as gr

from sft_keras.errors import one_line

Severity = Literal["error", "warning", "info", "success"]

# Buttons inside the HTML: one listener for all, which survives a new value. After a click the piece is often drawn
# anew: the focus of a keyboard user is put back to the same button.
_ON_CLICK = """
let last = null;
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-action]');
  if (!button || button.disabled || button.getAttribute('aria-disabled') === 'true') return;
  last = {action: button.dataset.action, value: button.dataset.value || ''};
  trigger('click', last);
});
new MutationObserver(() => {
  if (!last || (document.activeElement && document.activeElement !== document.body)) return;
  for (const button of element.querySelectorAll('[data-action]'))
    if (button.dataset.action === last.action && (button.dataset.value || '') === last.value) button.focus();
}).observe(element, {childList: true, subtree: true});
"""


class Markup(str):
    """HTML that was made here, with its values escaped."""

    __slots__ = ()


def escaped(value: object) -> Markup:
    """A value as text on a page: on one line, without power over the page or the direction of what follows.

    Example:
        >>> escaped("<b>1</b>")
        '&lt;b&gt;1&lt;/b&gt;'
    """
    return value if isinstance(value, Markup) else Markup(html.escape(one_line(str(value)), quote=True))


def joined(parts: Iterable[object]) -> Markup:
    """Several pieces, one after the other."""
    return Markup("".join(map(escaped, parts)))


def tag(name: str, *content: object, **attributes: object) -> Markup:
    """An element.

    Args:
        name: Its name.
        content: What is in it, escaped unless it is `Markup`.
        attributes: Its attributes; `_` stands for `-`, a trailing one is dropped, and None leaves it out.

    Example:
        >>> tag("p", "1 < 2", class_="note", aria_label=None)
        '<p class="note">1 &lt; 2</p>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(one_line(str(value)), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{joined(content)}</{name}>")


def block(value: str = "", *, elem_id: str, clicks: bool = False, visible: bool = True, label: str = "") -> gr.HTML:
    """A place on the page for such pieces.

    Args:
        value: What it shows first.
        elem_id: Its id on the page.
        clicks: Whether it holds `button`s; then `.click(handler, …)` is given a `gr.EventData` for `clicked`.
        visible: Whether it is seen.
        label: Its name for screen readers.
    """
    return gr.HTML(
        value,
        elem_id=elem_id,
        visible=visible,
        label=label or None,
        js_on_load=_ON_CLICK if clicks else None,
        apply_default_css=False,
        elem_classes=["s-html"],
    )


def clicked(event: gr.EventData) -> tuple[str, str]:
    """The action and the value of the button that was pressed; both can be forged."""
    data = event._data if isinstance(event._data, dict) else {}
    return str(data.get("action", "")), str(data.get("value", ""))


def button(
    label: object,
    action: str,
    value: str = "",
    *,
    kind: Literal["plain", "primary", "danger", "link", "card"] = "plain",
    **attributes: object,
) -> Markup:
    """A button in a `block` with clicks."""
    return tag(
        "button",
        label,
        type="button",
        class_=f"s-button s-button-{kind}",
        data_action=action,
        data_value=value,
        **attributes,
    )


def heading(title: object, note: object = "", *, level: int = 2) -> Markup:
    """The title of a section, with a sentence under it."""
    return tag(
        "div", tag(f"h{level}", title), tag("p", note, class_="s-subdued") if note else Markup(""), class_="s-heading"
    )


def stats(tiles: Sequence[tuple[object, ...]]) -> Markup:
    """Figures side by side: each is a label, a value, and if need be a note."""
    made = (
        tag(
            "div",
            tag("dt", tile[0]),
            tag("dd", tile[1], tag("span", tile[2], class_="s-stat-note") if len(tile) > 2 else Markup("")),
            class_="s-stat",
        )
        for tile in tiles
    )
    return tag("dl", *made, class_="s-stats")


def callout(severity: Severity, title: object, *body: object) -> Markup:
    """A message in its place; an error is read out at once."""
    return tag(
        "div",
        tag("span", class_="s-callout-mark", aria_hidden="true"),
        tag("div", tag("p", title, class_="s-callout-title"), *(tag("div", part) for part in body if part)),
        class_=f"s-callout s-{severity}",
        role="alert" if severity == "error" else "status",
    )


def progress(fraction: float | None, label: object, *, now: object = "") -> Markup:
    """A bar; without a fraction it only says that something goes on.

    Args:
        fraction: 0 to 1.
        label: What goes on, for screen readers.
        now: What is said of it beside the share, such as the time that is left.
    """
    known = None if fraction is None else round(100 * min(max(fraction, 0.0), 1.0))
    bar = tag("div", class_="s-bar-fill", style=None if known is None else f"width:{known}%")
    return tag(
        "div",
        bar,
        class_="s-progress" if known is not None else "s-progress s-endless",
        role="progressbar",
        aria_label=label,
        aria_valuemin=0,
        aria_valuemax=100,
        aria_valuenow=known,
        aria_valuetext=now or None,
    )


def empty(title: object, next_step: object, *action: object) -> Markup:
    """What stands where there is nothing yet: what this place is for and what to do next."""
    return tag("div", tag("p", title, class_="s-empty-title"), tag("p", next_step), *action, class_="s-empty")


def badge(text: object, kind: str = "neutral") -> Markup:
    """A word in a small coloured field; the colour says nothing that the word does not."""
    return tag("span", text, class_=f"s-badge s-badge-{kind}")


def table(
    header: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    caption: object,
    numbers: Collection[int] = (),
    marked: Mapping[int, object] | None = None,
) -> Markup:
    """A table that scrolls sideways where it does not fit.

    Args:
        header: Names of the columns.
        rows: Cells.
        caption: Its name for screen readers.
        numbers: Columns with numbers, from 0, which are set flush right.
        marked: A word for columns that stand out, by number, such as what they are used for.
    """
    marks = marked or {}

    def cell(kind: str, index: int, value: object, *more: object) -> Markup:
        classes = " ".join(name for name, on in (("s-number", index in numbers), ("s-marked", index in marks)) if on)
        return tag(kind, value, *more, class_=classes or None, scope="col" if kind == "th" else None)

    head = (
        cell("th", i, name, badge(marks[i], "accent") if i in marks else Markup("")) for i, name in enumerate(header)
    )
    body = (tag("tr", *(cell("td", i, value) for i, value in enumerate(row))) for row in rows)
    made = tag("table", tag("caption", caption, class_="s-hidden"), tag("thead", tag("tr", *head)), tag("tbody", *body))
    return tag("div", made, class_="s-table", tabindex=0, role="region", aria_label=caption)
