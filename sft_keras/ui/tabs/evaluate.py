"""The tab Evaluate: how good the chosen run's model is, and where it is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.context import Context

from sft_keras.errors import SftError
from sft_keras.services import Space
from sft_keras.services.space.runs import RunView
from sft_keras.ui.components.html import Markup, block, button, callout, clicked, empty, heading, joined, tag
from sft_keras.ui.components.results import (
    cell_panel,
    report_part,
    row_list,
    threshold_effect,
    threshold_nothing,
    threshold_picture,
)
from sft_keras.ui.components.run import failure
from sft_keras.ui.downloads import fetch_after, ticket_box, ticket_for
from sft_keras.ui.shared import Shared, guarded, known, quiet, space_of, told
from sft_keras.ui.tabs import evaluate_costs, evaluate_more, evaluate_trust, evaluate_wanted
from sft_keras.ui.texts import Catalogue

MOST_ROWS = 50
MOST_MISTAKES = 10
FIRST_THRESHOLD = 80
_WATCHED = ("queued", "running")
_PARTS = ("head", "summary", "classes", "confusions", "rows", "mistakes", "calibration", "sure", "effect", "more")


@dataclass
class Page:
    """What the tab shows of a run.

    Attributes:
        parts: HTML by the name of its place.
        scored: Whether there is a report, and so the part of the page that is about it.
        rows: Whether the answers to single rows were kept.
        usable: Whether there is a model that another file can be scored with.
        watched: Whether the run goes on, so that the page should look again.
    """

    parts: dict[str, str] = field(default_factory=lambda: dict.fromkeys(_PARTS, ""))
    scored: bool = False
    rows: bool = False
    usable: bool = False
    watched: bool = False


def page_of(space: Space, run: str, say: Catalogue, *, threshold: int = FIRST_THRESHOLD) -> Page:
    """What the tab shows of a run; a failure stands in the place of what it concerns."""
    page = Page()
    if not run:
        page.parts["head"] = _nothing(say, say("evaluate.empty"))
        return page
    try:
        view = space.run(run)
    except SftError:
        page.parts["head"] = _nothing(say, say("evaluate.gone"))
        return page
    page.usable, page.watched = view.has_bundle, view.state in _WATCHED
    if not view.has_report or page.watched:
        page.parts["head"] = _without_report(view, say)
        return page
    page.parts["head"] = _head(view, say)
    try:
        content = space.report(run)
        sections = space.report_sections(run, language=say.language)
    except SftError as error:
        page.parts["head"] = joined([_head(view, say), callout("error", told(error, say))])
        return page
    page.scored = True
    page.parts |= {
        "summary": report_part(sections, "lead", "verdict", "scores"),
        "classes": report_part(sections, "classes"),
        "confusions": joined(
            [report_part(sections, "confusions"), tag("p", say("evaluate.rows_hint"), class_="s-subdued")]
        ),
        "calibration": report_part(sections, "calibration"),
        "more": report_part(sections, "history", "lambda", "layers", "data"),
    }
    try:
        mistakes = space.mistakes(run, most=MOST_MISTAKES)
    except SftError as error:
        page.parts["rows"] = callout("info", told(error, say))
        return page
    page.rows = True
    note = say("evaluate.mistakes_how") if mistakes else say("evaluate.mistakes_none")
    page.parts["mistakes"] = joined(
        [heading(say("evaluate.mistakes_title"), note), row_list(mistakes, say, with_labels=True) if mistakes else ""]
    )
    page.parts["sure"] = heading(say("evaluate.threshold_title"), say("evaluate.threshold_how"))
    page.parts["effect"] = effect_of(space, run, threshold, say, rows=content["rows"]["test"])
    return page


def effect_of(space: Space, run: str, threshold: int, say: Catalogue, *, rows: int) -> Markup:
    """What a threshold in percent costs and brings: a sentence and a picture."""
    chosen = space.threshold(run, threshold / 100)
    picture = threshold_picture(space.threshold_curve(run), chosen, say)
    if not chosen.answered:
        return joined([threshold_nothing(chosen.threshold, rows, say), picture])
    return joined([threshold_effect(chosen, say), picture])


def rows_of(space: Space, run: str, cell: str, say: Catalogue) -> Markup:
    """The texts of a cell of the confusion matrix.

    Args:
        space: Whose run it is.
        run: The run.
        cell: "i,j": the numbers of the true and of the predicted label; from a browser, so it may be anything.
        say: The sentences.
    """
    report = space.report(run)
    labels, matrix = report["labels"], report["confusion_matrix"]
    numbers = [int(part) for part in cell.split(",")] if cell.replace(",", "").isdecimal() else []
    if len(numbers) != 2 or max(numbers) >= len(labels):
        return callout("info", say("evaluate.rows_none"))
    i, j = numbers
    rows = space.cell_rows(run, labels[i], labels[j], most=MOST_ROWS)
    return cell_panel(rows, say, truth=labels[i], predicted=labels[j], total=matrix[i][j])


def _nothing(say: Catalogue, text: str) -> Markup:
    return empty(
        say("evaluate.empty_title"), text, button(say("evaluate.empty_button"), "open", "data", kind="primary")
    )


def _without_report(view: RunView, say: Catalogue) -> Markup:
    if view.state in _WATCHED:
        key = "waiting_title" if view.state == "queued" else "running_title"
        watch = button(say("evaluate.running_button"), "open", "train", kind="primary")
        return empty(say(f"evaluate.{key}", name=view.name), say("evaluate.running"), watch)
    if view.state == "finished":
        return empty(say("evaluate.no_test_title", name=view.name), say("evaluate.no_test"))
    again = button(say("evaluate.running_button"), "open", "train", kind="primary")
    if view.state == "failed":
        title = say("evaluate.failed_title", name=view.name)
        return empty(title, say("evaluate.failed", message=failure(view, say) or "–"), again)
    key = "evaluate.stopped" if view.has_bundle else "evaluate.stopped_empty"
    return empty(say("evaluate.stopped_title", name=view.name), say(key), again)


def _head(view: RunView, say: Catalogue) -> Markup:
    facts = [
        say("evaluate.data_of", dataset=view.dataset) if view.dataset else "",
        say("evaluate.made_with", backbone=view.backbone) if view.backbone else "",
    ]
    return tag("div", heading(tag("bdi", view.name), " · ".join(filter(None, facts))), class_="r-title")


def build(shared: Shared) -> None:
    """Makes the tab's components and events; called inside the tab."""
    label, texts = shared.texts.label, shared.texts
    tab = Context.block
    timer = gr.Timer(3, active=False)
    ticket = ticket_box("evaluate-ticket")
    places: dict[str, Any] = {"head": block(elem_id="evaluate-head", clicks=True)}
    with gr.Column(visible=False, elem_id="evaluate-body", elem_classes=["r-body"]) as body:
        with gr.Column(elem_classes=["card"]):
            places["summary"] = block(elem_id="evaluate-summary")
            with gr.Row(elem_classes=["r-tools"]):
                with_texts = gr.Checkbox(
                    label=label("evaluate.with_texts"),
                    info=label("evaluate.with_texts_info"),
                    elem_id="evaluate-with-texts",
                    container=False,
                )
                download = gr.Button(label("evaluate.download"), elem_id="evaluate-download", scale=0, min_width=220)
        with gr.Row(equal_height=True, elem_classes=["r-pair"]):
            with gr.Column(elem_classes=["card"], min_width=420):
                places["confusions"] = block(elem_id="evaluate-confusions", clicks=True)
            with gr.Column(elem_classes=["card"], min_width=420):
                places["classes"] = block(elem_id="evaluate-classes")
        places["rows"] = block(elem_id="evaluate-rows")
        with gr.Column(visible=False, elem_id="evaluate-by-row", elem_classes=["r-body"]) as by_row:
            with gr.Column(elem_classes=["card"]):
                places["sure"] = block(elem_id="evaluate-threshold-head")
                slider = gr.Slider(
                    0,
                    100,
                    FIRST_THRESHOLD,
                    step=1,
                    label=label("evaluate.threshold_label"),
                    elem_id="evaluate-threshold",
                )
                places["effect"] = block(elem_id="evaluate-threshold-effect")
                evaluate_wanted.build(shared)
            with gr.Column(elem_classes=["card"]):
                places["mistakes"] = block(elem_id="evaluate-mistakes")
            listen_costs = evaluate_costs.build(shared)
        with gr.Column(elem_classes=["card"]):
            places["calibration"] = block(elem_id="evaluate-calibration")
        with gr.Accordion(label("evaluate.more_title"), open=False, elem_id="evaluate-more", elem_classes=["card"]):
            places["more"] = block(elem_id="evaluate-more-content")
    listen_trust = evaluate_trust.build(shared)
    with gr.Column(visible=False, elem_id="evaluate-further", elem_classes=["r-body"]) as further:
        listen = evaluate_more.build(shared)

    def show(owner: str, run: str, request: gr.Request) -> dict[Any, Any]:
        page = Page()
        if known(owner, request):
            page = page_of(space_of(shared.services, owner, request), run, texts.of(request))
        return {
            **{places[name]: page.parts[name] for name in _PARTS},
            body: gr.Column(visible=page.scored),
            by_row: gr.Column(visible=page.rows),
            further: gr.Column(visible=page.usable),
            slider: FIRST_THRESHOLD,
            timer: gr.Timer(active=page.watched),
        }

    def choose(owner: str, run: str, event: gr.EventData, request: gr.Request) -> Any:
        say = texts.of(request)
        action, value = clicked(event)
        if action != "cell":
            return gr.skip()
        return rows_of(space_of(shared.services, owner, request), run, value, say)

    def open_tab(event: gr.EventData) -> Any:
        action, value = clicked(event)
        return gr.Tabs(selected=value) if action == "open" and value in ("data", "train") else gr.skip()

    def move(owner: str, run: str, threshold: int, request: gr.Request) -> str:
        space, say = space_of(shared.services, owner, request), texts.of(request)
        return effect_of(space, run, threshold, say, rows=space.report(run)["rows"]["test"])

    def fetch(owner: str, run: str, private: bool, request: gr.Request) -> str:
        say = texts.of(request)
        space = space_of(shared.services, owner, request)
        file, name = space.report_file(run, language=say.language, texts=private)
        return ticket_for(shared.services, file, name)

    keys = [shared.owner, shared.run]
    outputs = [*places.values(), body, by_row, further, slider, timer]
    triggers = [shared.run.change, timer.tick, *([tab.select] if isinstance(tab, gr.Tab) else [])]
    # "multiple": a change that comes while another is on its way must not get lost.
    shown = gr.on(triggers, guarded(texts, show), keys, outputs, trigger_mode="multiple", **quiet())
    listen(shown)
    listen_costs(shown)
    listen_trust(shown)
    places["head"].click(guarded(texts, open_tab), None, shared.tabs, **quiet())
    places["confusions"].click(guarded(texts, choose), keys, places["rows"], api_visibility="private")
    slider.input(guarded(texts, move), [*keys, slider], places["effect"], trigger_mode="always_last", **quiet())
    fetch_after(
        download.click(guarded(texts, fetch), [*keys, with_texts], ticket, api_visibility="private"),
        ticket,
    )
