"""Labels that look wrong, on the tab Evaluate: a person looks at each, and trains again with what was decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from sft_keras.errors import SftError
from sft_keras.services import Space
from sft_keras.services.space.corrections import ReviewView
from sft_keras.ui.components.html import block, callout, clicked
from sft_keras.ui.components.labels import review_list, review_sum
from sft_keras.ui.shared import TO_TOP, Shared, guarded, known, quiet, space_of, told
from sft_keras.ui.texts import Catalogue

_SHORT = 80
# The run that is shown, the page of its list, the row that gets another label, and the content that was sent. Gradio
# reads the annotations of handlers, so that this must stand in the module.
Place = tuple[str, int, str, str]


def decide(space: Space, run: str, action: str, key: str) -> None:
    """Carries out what a button of a row says."""
    if action == "undo":
        space.undo(run, key)
    elif action == "take":
        rows = {row.key: row for row in space.review(run).rows}
        space.decide(run, key, "relabel", rows[key].suggested if key in rows else "")
    else:
        space.decide(run, key, action)


def build(shared: Shared) -> Callable[[gr.events.Dependency], None]:
    """Makes the components and events.

    Returns:
        What is to be called with an event after which the list may be another one.
    """
    texts = shared.texts
    with gr.Column(visible=False, elem_id="evaluate-labels", elem_classes=["card"]) as card:
        listed = block(elem_id="evaluate-labels-list", clicks=True)
        chosen_text = block(elem_id="evaluate-labels-chosen")
        other = gr.Dropdown(
            [], value=None, visible=False, label=texts.label("review.other_label"), elem_id="evaluate-labels-other"
        )
        summed = block(elem_id="evaluate-labels-sum", clicks=True)
    place = gr.State(("", 0, "", ""))

    def drawn(space: Space, run: str, page: int, row: str, before: str, say: Catalogue) -> dict[Any, Any]:
        view = space.review(run)
        verdict = space.corrected_verdict(run, language=say.language)
        if not view.rows and not verdict:
            return hidden()
        content, total = review_list(view, page, say, verdict=verdict), review_sum(view, say)
        key = f"{content} {total} {row}"
        if key == before:  # the focus and what is unfolded stay where they are
            return {place: (run, page, row, before)}
        return {
            card: gr.Column(visible=True),
            listed: content,
            summed: total,
            place: (run, page, row, key),
            **asked(view, row, say),
        }

    def asked(view: ReviewView, row: str, say: Catalogue) -> dict[Any, Any]:
        found = next((each for each in view.rows if each.key == row), None)
        if found is None:
            return {chosen_text: "", other: gr.Dropdown([], value=None, visible=False)}
        text = found.text if len(found.text) <= _SHORT else f"{found.text[:_SHORT]}…"
        labels = [label for label in view.labels if label != found.label]
        return {
            chosen_text: callout("info", say("review.other_for", text=text)),
            other: gr.Dropdown(labels, value=None, visible=True),
        }

    def hidden() -> dict[Any, Any]:
        empty = {listed: "", summed: "", chosen_text: "", other: gr.Dropdown([], value=None, visible=False)}
        return {card: gr.Column(visible=False), place: ("", 0, "", ""), **empty}

    def show(owner: str, run: str, now: Place, request: gr.Request) -> dict[Any, Any]:
        if not run or not known(owner, request):
            return hidden()
        say = texts.of(request)
        _, page, row, before = now if now[0] == run else (run, 0, "", "")
        try:
            return drawn(space_of(shared.services, owner, request), run, page, row, before, say)
        except SftError as error:
            if now[0] != run:
                return hidden()
            return {listed: callout("error", told(error, say)), place: (run, page, row, "")}

    def act(owner: str, run: str, now: Place, event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        action, value = clicked(event)
        space, say = space_of(shared.services, owner, request), texts.of(request)
        _, page, row, before = now if now[0] == run else (run, 0, "", "")
        if action == "page":
            page, row = int(value) if value.isdecimal() else 0, ""
        elif action == "other":
            row = value
        elif action in ("keep", "take", "drop", "undo"):
            decide(space, run, action, value)
            row = ""
        return drawn(space, run, page, row, before, say)

    def relabel(owner: str, run: str, label: str | None, now: Place, request: gr.Request) -> dict[Any, Any]:
        space, say = space_of(shared.services, owner, request), texts.of(request)
        _, page, row, before = now
        if label and row and now[0] == run:
            space.decide(run, row, "relabel", label)
        return drawn(space, run, page, "", before, say)

    def train(owner: str, run: str, event: gr.EventData, request: gr.Request) -> list[Any]:
        action, _ = clicked(event)
        if action != "train":
            return [gr.skip(), gr.skip()]
        space, say = space_of(shared.services, owner, request), texts.of(request)
        made = space.train_corrected(run, name=say("review.run_name", name=space.run(run).name))
        return [made, gr.Tabs(selected="train")]

    keys = [shared.owner, shared.run]
    outputs = [card, listed, chosen_text, other, summed, place]
    listed.click(guarded(texts, act), [*keys, place], outputs, **quiet())
    other.input(guarded(texts, relabel), [*keys, other, place], outputs, **quiet())
    summed.click(guarded(texts, train), keys, [shared.run, shared.tabs], api_visibility="private").then(
        None, js=TO_TOP
    ).then(**shared.runs_shown)

    def listen(changed: gr.events.Dependency) -> None:
        changed.then(guarded(texts, show), [*keys, place], outputs, **quiet())

    return listen
