"""The tab Predict: trying the chosen run's model, using it on files and from programs, taking it away, sharing it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from sft_keras.errors import SftError
from sft_keras.services import Space
from sft_keras.ui.components.answers import answer_list
from sft_keras.ui.components.html import Markup, block, button, callout, clicked, empty, heading, joined, progress, tag
from sft_keras.ui.components.links import programs
from sft_keras.ui.components.work import Work
from sft_keras.ui.downloads import fetch_after, ticket_box, ticket_for
from sft_keras.ui.shared import Shared, guarded, known, on_change, quiet, space_of, told
from sft_keras.ui.tabs import predict_why, share
from sft_keras.ui.tabs.predict_why import MOST_EXPLAINED
from sft_keras.ui.texts import Catalogue

MOST_TEXTS = 100
ENDINGS = (".csv", ".tsv", ".jsonl")
# A page that loads slowly is told its run more than once: what was answered meanwhile is of this run.
_CLEARED = """(run, answers, state) => {
  const before = window.sftPredicted;
  window.sftPredicted = run;
  return !before || before === run ? [answers, state] : ['', ''];
}"""
_CODE = {"python": "Python", "javascript": "JavaScript", "shell": "curl"}


def lines_of(text: str) -> list[str]:
    """The texts that were typed: one a line, without those that are empty."""
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def answers_of(space: Space, run: str, texts: list[str], say: Catalogue) -> Iterator[Markup]:
    """What the model says of texts; the words that mattered follow as soon as they are known."""
    if not texts:
        yield callout("info", say("predict.missing"))
        return
    if len(texts) > MOST_TEXTS:
        yield callout("info", say("predict.too_many", most=MOST_TEXTS))
        return
    try:
        predictions = space.predict(run, texts)
    except SftError as error:
        yield callout("error", told(error, say))
        return
    yield answer_list(predictions, say)
    words = {}
    try:
        for number, each in enumerate(predictions[:MOST_EXPLAINED]):
            if each.label:
                words[number] = space.explain(run, each.text, each.label)
    except SftError:  # the answers stand by themselves
        if not words:
            return
    note = say("predict.words_limited", most=MOST_EXPLAINED) if len(texts) > MOST_EXPLAINED else ""
    yield joined([answer_list(predictions, say, words=words), tag("p", note, class_="a-note") if note else ""])


def file_of(
    space: Space, run: str, path: str | None, ending: str, column: str, say: Catalogue
) -> Iterator[tuple[Markup, str]]:
    """Sorts a whole file: how far it is, and at last the id of the result."""
    if not path:
        yield callout("info", say("predict.file_missing")), ""
        return
    file = Path(path)
    yield progress(None, say("predict.file_reading")), ""
    work = Work(
        lambda tell: space.predict_file(
            run,
            file,
            file.name,
            ending=ending,
            text_column=column.strip() or None,
            person=say("predict.file_person"),
            progress=tell,
        )
    )
    for done, total in work.progress():
        if total:
            now = say("predict.file_working", done=f"{done:,}", all=f"{total:,}")
            yield joined([progress(done / total, now, now=now), tag("p", now, class_="s-subdued")]), ""
    try:
        result = work.result()
        name = space.result_file(result)[1]
        differs = space.result_drift(result, say.language)
        decided = space.result_decided(result)
    except SftError as error:
        yield callout("error", told(error, say)), ""
        return
    parts = [callout("warning", differs)] if differs else []
    parts.append(callout("success", say("predict.file_done", name=name)))
    if decided:
        parts.append(tag("p", say("predict.file_decided"), class_="a-note"))
    yield joined(parts), result


def _head(space: Space | None, run: str, say: Catalogue) -> tuple[Markup, bool]:
    """What stands at the top of the tab, and whether there is a model."""
    try:
        view = space.run(run) if space and run else None
    except SftError:
        view = None
    if view is None:
        choose = button(say("predict.empty_button"), "open", "data", kind="primary")
        return empty(say("predict.empty_title"), say("predict.empty"), choose), False
    if not view.has_bundle:
        return empty(say("predict.unready_title", name=view.name), say("predict.unready")), False
    return heading(tag("bdi", view.name)), True


def build(shared: Shared) -> None:
    """Makes the tab's components and events; called inside the tab."""
    label, texts, services = shared.texts.label, shared.texts, shared.services
    tab = Context.block
    result = gr.State("")
    triggers = [shared.run.change, *([tab.select] if isinstance(tab, gr.Tab) else [])]
    ticket = ticket_box("predict-ticket")
    head = block(elem_id="predict-head", clicks=True)
    with gr.Column(visible=False, elem_id="predict-body", elem_classes=["r-body"]) as body:
        with gr.Column(elem_classes=["card"]):
            typed = gr.Textbox(
                label=label("predict.texts_label"),
                placeholder=label("predict.texts_placeholder"),
                lines=3,
                max_lines=12,
                elem_id="predict-texts",
            )
            go = gr.Button(label("predict.button"), variant="primary", elem_id="predict-go")
            answers = block(elem_id="predict-answers")
            sorted_texts = gr.State(("", []))
            offer_labels = predict_why.build(shared, answers, sorted_texts)
        with gr.Accordion(label("predict.file_title"), open=False, elem_id="predict-file-part", elem_classes=["card"]):
            file_head = block(elem_id="predict-file-head")
            file = gr.File(label=label("predict.file_label"), type="filepath", height=140, elem_id="predict-file")
            with gr.Row():
                column = gr.Textbox(
                    label=label("predict.file_column"), info=label("predict.file_column_info"), elem_id="predict-column"
                )
                ending = gr.Radio(
                    list(ENDINGS), value=ENDINGS[0], label=label("predict.file_format"), elem_id="predict-format"
                )
            start = gr.Button(label("predict.file_button"), variant="primary", elem_id="predict-file-go")
            state = block(elem_id="predict-file-state")
            fetch_result = gr.Button(label("predict.file_download"), visible=False, elem_id="predict-file-download")
        address = share.build(shared, triggers)
        with gr.Accordion(label("predict.code_title"), open=False, elem_id="predict-code", elem_classes=["card"]):
            code_head = block(elem_id="predict-code-head")
            with gr.Tabs(visible=False, elem_id="predict-code-tabs") as code_tabs:
                codes = []
                for language, title in _CODE.items():
                    with gr.Tab(title):
                        codes.append(
                            gr.Code(
                                language=language,  # type: ignore[arg-type]  # one of Gradio's own names
                                interactive=False,
                                show_label=False,
                                container=False,
                                elem_id=f"predict-code-{language}",
                            )
                        )
        with gr.Accordion(label("predict.downloads_title"), open=False, elem_id="predict-take", elem_classes=["card"]):
            take_head = block(elem_id="predict-take-head")
            with gr.Row():
                bundle = gr.Button(label("predict.bundle"), elem_id="predict-bundle")
                onnx = gr.Button(label("predict.onnx"), elem_id="predict-onnx")

    def show(owner: str, run: str, request: gr.Request) -> dict[Any, Any]:
        say = texts.of(request)
        top, usable = _head(space_of(services, owner, request) if known(owner, request) else None, run, say)
        return {
            head: top,
            body: gr.Column(visible=usable),
            file_head: tag("p", say("predict.file_how"), class_="s-subdued"),
            take_head: tag("p", say("predict.downloads_how"), class_="s-subdued"),
        }

    def code(owner: str, run: str, request: gr.Request) -> list[Any]:
        say = texts.of(request)
        link = space_of(services, owner, request).link(run) if run and known(owner, request) else None
        if link is None:
            note = tag("p", say("predict.code_unpublished"), class_="s-subdued")
            return [note, gr.Tabs(visible=False), *[""] * len(codes)]
        made = programs(link, request, say)
        note = tag("p", say("predict.code_how"), class_="s-subdued")
        return [note, gr.Tabs(visible=True), *(made[name] for name in _CODE)]

    def predict(owner: str, run: str, text: str, request: gr.Request) -> Iterator[list[Any]]:
        lines = lines_of(text)
        for found in answers_of(space_of(services, owner, request), run, lines, texts.of(request)):
            yield [found, (run, lines if len(lines) <= MOST_TEXTS else [])]

    def predict_file(
        owner: str, run: str, path: str | None, kind: str, name: str, request: gr.Request
    ) -> Iterator[list[Any]]:
        space, say = space_of(services, owner, request), texts.of(request)
        for told_now, found in file_of(space, run, path, kind, name or "", say):
            yield [told_now, found, gr.Button(visible=bool(found))]

    def fetch(kind: str) -> Any:
        def make(owner: str, run: str, found: str, request: gr.Request) -> str:
            space = space_of(services, owner, request)
            place, name = {
                "result": lambda: space.result_file(found),
                "bundle": lambda: space.bundle_zip(run),
                "onnx": lambda: space.onnx_file(run),
            }[kind]()
            return ticket_for(services, place, name)

        return guarded(texts, make)

    def open_tab(event: gr.EventData) -> Any:
        action, value = clicked(event)
        return gr.Tabs(selected=value) if action == "open" and value == "data" else gr.skip()

    keys = [shared.owner, shared.run]
    # "multiple": a change that comes while another is on its way must not get lost.
    many: dict[str, Any] = on_change()
    gr.on(triggers, guarded(texts, show), keys, [head, body, file_head, take_head], **many)
    # In the browser and at once: what comes late from the server would wipe the answers to what was typed meanwhile.
    shared.run.change(None, [shared.run, answers, state], [answers, state], js=_CLEARED, **many)
    shared.run.change(lambda: gr.Button(visible=False), None, fetch_result, **many)
    gr.on([*triggers, address.change], guarded(texts, code), keys, [code_head, code_tabs, *codes], **many)
    head.click(open_tab, None, shared.tabs, **quiet())
    offer_labels(
        go.click(
            guarded(texts, predict),
            [*keys, typed],
            [answers, sorted_texts],
            api_visibility="private",
            show_progress="hidden",
        )
    )
    start.click(
        guarded(texts, predict_file),
        [*keys, file, ending, column],
        [state, result, fetch_result],
        api_visibility="private",
        show_progress="hidden",
        concurrency_limit=2,
    )
    for pressed, kind in ((fetch_result, "result"), (bundle, "bundle"), (onnx, "onnx")):
        fetch_after(pressed.click(fetch(kind), [*keys, result], ticket, api_visibility="private"), ticket)
