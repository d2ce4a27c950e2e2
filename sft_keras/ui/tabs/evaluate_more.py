"""The end of the tab Evaluate: the model on another file, and beside another run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from sft_keras.errors import SftError
from sft_keras.services import Space
from sft_keras.ui.components.html import Markup, block, callout, heading, joined, progress, tag
from sft_keras.ui.components.results import comparison, report_part
from sft_keras.ui.components.work import Work
from sft_keras.ui.shared import Shared, guarded, known, on_change, quiet, space_of, told
from sft_keras.ui.texts import Catalogue


def choices(space: Space, run: str) -> list[tuple[str, str]]:
    """The other runs with a report, newest first, each with its name and its day."""
    return [
        (f"{each.name} · {each.created[:10]}", each.id) for each in space.runs() if each.has_report and each.id != run
    ]


def compared(space: Space, run: str, other: str | None, say: Catalogue) -> Markup:
    """Two runs side by side, or what stands against it."""
    if not other:
        return Markup("")
    try:
        first, second = space.run(run).name, space.run(other).name
        view = space.compare(run, other, language=say.language, names=(first, second))
    except SftError as error:
        return callout("info", told(error, say))
    return comparison(view, say, first=first, second=second)


def scored(space: Space, run: str, path: Path, say: Catalogue) -> Iterator[Markup]:
    """Scores the model on a file: how far it is, and at last how good it is there."""
    yield progress(None, say("evaluate.file_reading"))
    work = Work(lambda tell: space.evaluate_file(run, path, path.name, progress=tell))
    for done, total in work.progress():
        if total:
            now = say("evaluate.file_working", done=f"{done:,}", all=f"{total:,}")
            yield joined([progress(done / total, now, now=now), tag("p", now, class_="s-subdued")])
    try:
        content = work.result()
        sections = space.report_sections(run, language=say.language, content=content)
    except SftError as error:
        yield callout("error", told(error, say))
        return
    title = heading(say("evaluate.file_heading", name=path.name), level=3)
    yield joined([title, report_part(sections, "lead", "verdict", "scores", "confusions", "classes", "calibration")])


def build(shared: Shared) -> Callable[[gr.events.Dependency], None]:
    """Makes the components and events.

    Returns:
        What is to be called with the event that shows another run.
    """
    label, texts = shared.texts.label, shared.texts
    with gr.Accordion(label("evaluate.compare_title"), open=False, elem_id="evaluate-compare", elem_classes=["card"]):
        compare_head = block(elem_id="evaluate-compare-head")
        other = gr.Dropdown(
            [], value=None, label=label("evaluate.compare_label"), elem_id="evaluate-compare-with", filterable=False
        )
        side_by_side = block(elem_id="evaluate-comparison")
    with gr.Accordion(label("evaluate.file_title"), open=False, elem_id="evaluate-other-file", elem_classes=["card"]):
        file_head = block(elem_id="evaluate-file-head")
        file = gr.File(
            label=label("evaluate.file_label"),
            elem_id="evaluate-file",
            file_count="single",
            type="filepath",
            height=140,
        )
        start = gr.Button(label("evaluate.file_button"), elem_id="evaluate-file-go", variant="primary")
        result = block(elem_id="evaluate-file-result")

    def refresh(owner: str, run: str, request: gr.Request) -> dict[Any, Any]:
        say = texts.of(request)
        try:
            mine = bool(run) and known(owner, request)
            found = choices(space_of(shared.services, owner, request), run) if mine else []
        except SftError:
            found = []
        note = say("evaluate.compare_how") if found else say("evaluate.compare_none")
        return {
            other: gr.Dropdown(choices=found, visible=bool(found)),
            compare_head: tag("p", note, class_="s-subdued"),
            file_head: tag("p", say("evaluate.file_how"), class_="s-subdued"),
        }

    def clear() -> list[Any]:
        return [None, "", ""]

    def compare(owner: str, run: str, second: str | None, request: gr.Request) -> str:
        return compared(space_of(shared.services, owner, request), run, second, texts.of(request))

    def score(owner: str, run: str, path: str | None, request: gr.Request) -> Iterator[str]:
        say = texts.of(request)
        if not path:
            yield callout("info", say("evaluate.file_missing"))
            return
        yield from scored(space_of(shared.services, owner, request), run, Path(path), say)

    keys = [shared.owner, shared.run]
    other.input(guarded(texts, compare), [*keys, other], side_by_side, api_visibility="private")
    scoring = guarded(texts, score)
    start.click(scoring, [*keys, file], result, api_visibility="private", show_progress="hidden", concurrency_limit=2)
    # What was asked for stays while one looks at other tabs; it goes with the run that it is about.
    shared.run.change(clear, None, [other, side_by_side, result], **on_change())

    def listen(shown: gr.events.Dependency) -> None:
        shown.then(guarded(texts, refresh), keys, [other, compare_head, file_head], **quiet())

    return listen
