"""What may be believed of the model, on the tab Evaluate: the parts of the diagnostics, each as it gets ready."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gradio as gr

from sft_keras.errors import SftError
from sft_keras.ui.components.html import block, callout, clicked
from sft_keras.ui.components.trust import parts_list
from sft_keras.ui.shared import Shared, guarded, known, quiet, space_of, told
from sft_keras.ui.tabs import evaluate_labels

SECONDS, STARTING_SECONDS = 3, 90.0


def build(shared: Shared) -> Callable[[gr.events.Dependency], None]:
    """Makes the components and events.

    Returns:
        What is to be called with the event that shows another run.
    """
    texts = shared.texts
    timer = gr.Timer(SECONDS, active=False)
    with gr.Column(visible=False, elem_id="evaluate-trust", elem_classes=["card"]) as card:
        parts = block(elem_id="evaluate-parts", clicks=True)
    last, since = gr.State(""), gr.State(-STARTING_SECONDS)
    listen_labels = evaluate_labels.build(shared)

    def show(owner: str, run: str, before: str, asked: float, request: gr.Request) -> dict[Any, Any]:
        say = texts.of(request)
        if not run or not known(owner, request):
            return {card: gr.Column(visible=False), parts: "", timer: gr.Timer(active=False), last: ""}
        space = space_of(shared.services, owner, request)
        try:
            if not space.run(run).has_report:
                return {card: gr.Column(visible=False), parts: "", timer: gr.Timer(active=False), last: ""}
            view = space.diagnostics(run, language=say.language)
            content = parts_list(view, say)
        except SftError as error:
            return {card: gr.Column(visible=True), parts: callout("error", told(error, say)), last: ""}
        # What a person has unfolded must not fold by itself: the same content is not sent again.
        same = before == f"{run} {content}"
        # A process that was just asked for needs a moment before it is seen.
        awaited = not view.complete and time.monotonic() - asked < STARTING_SECONDS
        return {
            card: gr.Column(visible=True),
            parts: gr.skip() if same else content,
            timer: gr.Timer(active=view.under_way or awaited),
            last: f"{run} {content}",
        }

    def act(owner: str, run: str, event: gr.EventData, request: gr.Request) -> Any:
        action, _ = clicked(event)
        if action == "examine":
            space_of(shared.services, owner, request).diagnose(run)
            return gr.Timer(active=True), time.monotonic()
        return gr.skip(), gr.skip()

    keys = [shared.owner, shared.run, last, since]
    outputs = [card, parts, timer, last]
    parts.click(guarded(texts, act), keys[:2], [timer, since], **quiet())
    listen_labels(timer.tick(guarded(texts, show), keys, outputs, **quiet()))

    def listen(shown: gr.events.Dependency) -> None:
        listen_labels(shown.then(guarded(texts, show), keys, outputs, **quiet()))

    return listen
