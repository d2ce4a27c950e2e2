"""The tab Train: either the settings of a new training, or the training that is chosen."""

from __future__ import annotations

from typing import Any

import gradio as gr

from sft_keras.ui.shared import Shared, guarded, known, on_change, quiet
from sft_keras.ui.tabs import train_run, train_setup


def build(shared: Shared) -> None:
    """Makes the tab's components and events; called inside the tab."""
    with gr.Column(elem_id="train-setup") as setup:
        train_setup.build(shared)
    with gr.Column(visible=False, elem_id="train-run") as run:
        train_run.build(shared)

    def choose(key: str, chosen: str, request: gr.Request) -> list[Any]:
        if not known(key, request):
            return [gr.skip(), gr.skip()]
        return [gr.Column(visible=not chosen), gr.Column(visible=bool(chosen))]

    shown: dict[str, Any] = {
        "fn": guarded(shared.texts, choose),
        "inputs": [shared.owner, shared.run],
        "outputs": [setup, run],
        **quiet(),
    }
    shared.run.change(**{**shown, **on_change()})
    shared.ready.then(**shown)
