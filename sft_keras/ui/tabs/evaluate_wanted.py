"""A wanted accuracy, on the tab Evaluate: how sure the model must be for it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from sft_keras.errors import SftError
from sft_keras.services import Space
from sft_keras.ui.components.html import Markup, block, callout, joined, tag
from sft_keras.ui.components.results import edge, percent
from sft_keras.ui.shared import Shared, guarded, on_change, space_of, told
from sft_keras.ui.texts import Catalogue

FIRST, LEAST, MOST = 95.0, 50.0, 99.9


def wanted_effect(space: Space, run: str, wanted: object, say: Catalogue) -> Markup:
    """What an accuracy in percent takes: a sentence, or what stands against it.

    Args:
        space: Whose run it is.
        run: The run.
        wanted: The accuracy; from a browser, so it may be anything.
        say: The sentences.
    """
    if isinstance(wanted, bool) or not isinstance(wanted, int | float) or not LEAST <= wanted <= MOST:
        return callout("error", say("costs.wanted_range", least=f"{LEAST:g}", most=f"{MOST:g}"))
    try:
        found = space.wanted_accuracy(run, round(wanted / 100, 6))
    except SftError as error:
        return callout("info", told(error, say))
    values = {"wanted": percent(wanted / 100, say), "rows": f"{found.rows:,}"}
    if found.threshold is None:
        return callout("warning", say("costs.wanted_never", **values))
    if not found.answered:
        key, threshold = "wanted_nothing", edge(found.threshold, say)
        return callout("warning", say(f"costs.{key}", threshold=threshold, **values))
    values |= {
        "threshold": edge(found.threshold, say),
        "coverage": percent(found.coverage, say),
        "answered": f"{found.answered:,}",
        "accuracy": percent(found.accuracy, say),
        "low": percent(found.low, say),
        "high": percent(found.high, say),
    }
    key = "wanted_found" if found.threshold else "wanted_always"
    told_so = tag("p", say(f"costs.{key}", **values), class_="r-effect", aria_live="polite")
    if found.high is not None and found.high < found.wanted:
        return joined([told_so, callout("warning", say("costs.wanted_missed", **values))])
    return told_so


def build(shared: Shared) -> None:
    """Makes the components and events."""
    label, texts = shared.texts.label, shared.texts
    with gr.Row(elem_classes=["r-tools"]):
        # The limits are told in the place of the answer, not by a note at the edge of the page.
        wanted = gr.Number(FIRST, label=label("costs.wanted_label"), elem_id="evaluate-wanted", step=0.1, min_width=220)
        find = gr.Button(label("costs.wanted_button"), elem_id="evaluate-wanted-go", scale=0, min_width=220)
    result = block(elem_id="evaluate-wanted-effect")

    def show(owner: str, run: str, share: Any, request: gr.Request) -> str:
        return wanted_effect(space_of(shared.services, owner, request), run, share, texts.of(request))

    keys = [shared.owner, shared.run, wanted]
    asked = gr.on([find.click, wanted.submit], guarded(texts, show), keys, result, api_visibility="private")
    # A slow answer must not stand under the run that was chosen meanwhile.
    shared.run.change(lambda: "", None, result, cancels=[asked], **on_change())
