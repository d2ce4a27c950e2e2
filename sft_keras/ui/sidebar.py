"""The list of one's trainings beside the tabs: choose, rename, delete."""

from __future__ import annotations

from typing import Any

import gradio as gr

from sft_keras.services import Services
from sft_keras.ui.components.html import block, clicked, heading
from sft_keras.ui.components.run import ACTIVE, run_list
from sft_keras.ui.shared import guarded, known, on_change, quiet, space_of
from sft_keras.ui.texts import Texts

_SECONDS = 3


def build(
    services: Services, texts: Texts, owner: gr.BrowserState, run: gr.BrowserState
) -> tuple[dict[str, Any], gr.Button]:
    """Makes the sidebar.

    Args:
        services: All use cases.
        texts: Labels and catalogues.
        owner: The key of whoever sees the page.
        run: Id of the chosen run.

    Returns:
        The settings of an event that draws the list anew, and the button for a new training.
    """
    label = texts.label
    asking, drawn = gr.State(""), gr.State("")
    timer = gr.Timer(_SECONDS, active=False)
    title = block(elem_id="runs-title")
    new = gr.Button(label("train.new"), elem_id="runs-new", size="md")
    listed = block(elem_id="runs-list", clicks=True)
    with gr.Column(visible=False, elem_id="runs-rename") as renaming:
        name = gr.Textbox(label=label("shell.name"), max_length=100, max_lines=1, elem_id="runs-name")
        with gr.Row():
            save = gr.Button(label("shell.rename"), variant="primary", size="sm", elem_id="runs-rename-save")
            leave = gr.Button(label("shell.cancel"), size="sm", elem_id="runs-rename-cancel")

    def show(key: str, chosen: str, asked: str, before: str, request: gr.Request) -> list[Any]:
        if not known(key, request):
            return [gr.skip()] * 4
        say = texts.of(request)
        runs = space_of(services, key, request).runs()
        made = run_list(runs, chosen, asked, say)
        active = gr.Timer(active=any(each.state in ACTIVE for each in runs))
        return [heading(say("train.runs"), level=2), gr.skip() if made == before else made, made, active]

    def act(key: str, chosen: str, request: gr.Request, event: gr.EventData) -> list[Any]:
        action, value = clicked(event)
        space = space_of(services, key, request)
        if action == "delete":
            space.delete(value)
            return ["" if value == chosen else chosen, "", gr.Column(visible=False), gr.skip()]
        if action == "rename":
            return [chosen, "", gr.Column(visible=True), space.run(value).name]
        asked = value if action == "ask" else ""
        return [value if action == "choose" else chosen, asked, gr.Column(visible=False), gr.skip()]

    def rename(key: str, chosen: str, called: str, request: gr.Request) -> Any:
        space_of(services, key, request).rename(chosen, called)
        return gr.Column(visible=False)

    shown = {
        "fn": guarded(texts, show),
        "inputs": [owner, run, asking, drawn],
        "outputs": [title, listed, drawn, timer],
        **quiet(),
    }
    listed.click(guarded(texts, act), [owner, run], [run, asking, renaming, name], **quiet()).then(**shown)
    timer.tick(**shown)
    run.change(**{**shown, **on_change()})
    gr.on([save.click, name.submit], guarded(texts, rename), [owner, run, name], renaming, **quiet()).then(**shown)
    leave.click(lambda: gr.Column(visible=False), None, renaming, **quiet())
    return shown, new
