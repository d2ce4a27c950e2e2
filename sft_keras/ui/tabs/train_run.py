"""The chosen training: where it stands, its curves and log, stopping and going on."""

from __future__ import annotations

from typing import Any

import gradio as gr

from sft_keras.errors import ArtifactError, SftError
from sft_keras.services.space.runs import Curves, RunView
from sft_keras.ui.components.html import block, callout, heading, tag
from sft_keras.ui.components.run import ACTIVE, log, run_panel
from sft_keras.ui.shared import TO_TOP, Shared, guarded, known, on_change, quiet, space_of, told
from sft_keras.ui.texts import Catalogue

_SECONDS = 1
LOSSES = ("loss", "task_loss", "sup_loss")
_COLOURS = ("#2b8a9a", "#b45309", "#7c5cbf")
_MOST_MARKS = 10
# Where there is nothing to stop any more.
DONE = ("evaluating", "saving")
RESUMABLE = ("cancelled", "failed", "interrupted")


def build(shared: Shared) -> None:
    """Makes the components and events of the chosen training."""
    services, texts, label = shared.services, shared.texts, shared.texts.label
    timer = gr.Timer(_SECONDS, active=False)
    seen = gr.State({})
    with gr.Column(elem_classes="card"):
        panel = block(elem_id="train-state")
        message = block(elem_id="train-run-message")
        with gr.Row(elem_classes="s-actions"):
            stop = gr.Button(label("train.stop"), visible=False, elem_id="train-stop")
            resume = gr.Button(label("train.resume"), visible=False, variant="primary", elem_id="train-resume")
            evaluate = gr.Button(label("train.evaluate"), visible=False, variant="primary", elem_id="train-evaluate")
    with gr.Column(elem_classes="card", elem_id="train-curves"):
        curves_title = block(elem_id="train-curves-title")
        with gr.Row():
            losses = gr.LinePlot(
                x="step", y="value", color="curve", visible=False, min_width=300, elem_id="train-losses", buttons=[],
                label=label("train.loss_curve"), container=False,
            )  # fmt: skip
            metric = gr.LinePlot(
                x="epoch", y="value", color="curve", visible=False, min_width=300, elem_id="train-metric", buttons=[],
                label=label("train.metric_curve"), container=False,
            )  # fmt: skip
    with gr.Column(elem_classes="card"):
        log_title = block(elem_id="train-log-title")
        lines = block(elem_id="train-log")
    outputs = [panel, curves_title, losses, metric, log_title, lines, stop, resume, evaluate, timer, seen]

    def show(key: str, chosen: str, before: dict[str, Any], request: gr.Request) -> list[Any]:
        say = texts.of(request)
        if not chosen or not known(key, request):
            return [gr.skip()] * (len(outputs) - 2) + [gr.Timer(active=False), {}]
        space = space_of(services, key, request)
        try:
            run = space.run(chosen)
        except ArtifactError as error:
            gone = callout("error", say("train.failed"), told(error, say))
            return [gone, *[gr.skip()] * (len(outputs) - 3), gr.Timer(active=False), {}]
        found, written = space.curves(chosen), log(space.log_tail(chosen, language=say.language), say)
        drawn = {
            "run": chosen,
            "panel": run_panel(run, say),
            "curves": [
                len(found.steps),
                found.steps[-1] if found.steps else {},
                len(found.epochs),
                run.state in ACTIVE,
            ],
            "log": written,
            "state": [run.state, run.stopping, run.phase in DONE, run.has_bundle, run.has_report],
        }
        same = {name: drawn[name] == before.get(name) and chosen == before.get("run") for name in drawn}
        plots = (
            [gr.skip()] * 3
            if same["curves"]
            else _plots(found, say, epochs_in_all=run.epochs, active=run.state in ACTIVE)
        )
        buttons = [gr.skip()] * 3 if same["state"] else _buttons(run)
        return [
            gr.skip() if same["panel"] else drawn["panel"],
            *plots,
            heading(say("train.log_title")),
            gr.skip() if same["log"] else written,
            *buttons,
            gr.Timer(active=run.state in ACTIVE),
            drawn,
        ]

    def act(action: str) -> Any:
        def do(key: str, chosen: str, request: gr.Request) -> str:
            say = texts.of(request)
            try:
                getattr(space_of(services, key, request), action)(chosen)
            except SftError as error:
                return callout("error", say("train.failed"), told(error, say))
            return ""

        return guarded(texts, do)

    shown: dict[str, Any] = {
        "fn": guarded(texts, show),
        "inputs": [shared.owner, shared.run, seen],
        "outputs": outputs,
        **quiet(),
    }
    timer.tick(**shown)
    shared.run.change(lambda: "", None, message, **on_change()).then(**shown)
    shared.ready.then(**shown)
    for button, action in ((stop, "stop"), (resume, "resume")):
        pressed = button.click(act(action), [shared.owner, shared.run], message, api_visibility="private")
        pressed.then(**shown)
        pressed.then(**shared.runs_shown)
    evaluate.click(lambda: gr.Tabs(selected="evaluate"), None, shared.tabs, js=TO_TOP, **quiet())


def _buttons(run: RunView) -> list[gr.Button]:
    return [
        gr.Button(visible=run.state in ACTIVE and run.phase not in DONE, interactive=not run.stopping),
        gr.Button(visible=run.state in RESUMABLE),
        gr.Button(visible=run.has_report and run.state not in ACTIVE),
    ]


def _plots(curves: Curves, say: Catalogue, *, epochs_in_all: int, active: bool) -> list[Any]:
    """The title, with what to expect while there is nothing, and the two charts."""
    import pandas as pd

    names = {name: say(f"train.curve_{name}") for name in LOSSES}
    steps = [
        {"step": point["step"], "value": point[name], "curve": names[name]}
        for point in curves.steps
        for name in LOSSES
        if name in point
    ]
    metric = say.named("shell", f"metric_{curves.metric.removeprefix('val_')}", curves.metric)
    # As words, few epochs get one mark each and none between two; so many words would lie one upon another.
    as_words = max(epochs_in_all, len(curves.epochs)) <= _MOST_MARKS
    epochs = [
        {
            "epoch": f"{point['epoch']:.0f}" if as_words else point["epoch"],
            "value": point[curves.metric],
            "curve": metric,
        }
        for point in curves.epochs
        if curves.metric in point
    ]
    note: str = ""
    if len(epochs) < 2 and not steps:
        note = tag("p", say("train.curves_none" if active else "train.curves_never"), class_="s-subdued")
    shown = list(dict.fromkeys(str(point["curve"]) for point in steps))
    return [
        heading(say("train.curves_title")) + note,
        gr.LinePlot(
            pd.DataFrame(steps, columns=["step", "value", "curve"]),
            visible=bool(steps),
            x_title=say("train.curve_step"),
            y_title=say("train.curve_value"),
            color_map=dict(zip(names.values(), _COLOURS, strict=True)),
            colors_in_legend=shown,
            color_title=" ",
        ),
        gr.LinePlot(
            pd.DataFrame(epochs, columns=["epoch", "value", "curve"]),
            visible=len(epochs) > 1,
            sort=[str(point["epoch"]) for point in epochs] if as_words else None,
            # Gradio's chart takes over another kind of axis only where something of its frame changes with the values.
            x_lim=None if as_words else [1, max(2, len(epochs))],
            color_title=" ",
            x_title=say("train.curve_epoch"),
            y_title=metric,
            color_map={metric: _COLOURS[0]},
        ),
    ]
