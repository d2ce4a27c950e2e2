"""The tab Data: from a file or a sample to examples that one understands and trusts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from sft_keras.errors import SftError
from sft_keras.services import SampleInfo, Services
from sft_keras.services.space.datasets import DatasetInfo, DatasetView
from sft_keras.ui.components import dataset as pieces
from sft_keras.ui.components.html import block, callout, clicked, heading, tag
from sft_keras.ui.shared import TO_TOP, Shared, guarded, known, on_change, quiet, space_of, told
from sft_keras.ui.texts import Catalogue

# The format is told by the contents; the endings only keep the dialog of the browser tidy.
ENDINGS = [
    *(".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet"),
    *(".xlsx", ".xlsb", ".xlsm", ".xls", ".ods", ".gz", ".zip"),
]
PRIVATE: dict[str, Any] = {"api_visibility": "private"}


def build(shared: Shared) -> None:
    """Makes the tab's components and events; called inside the tab."""
    services, texts, label = shared.services, shared.texts, shared.texts.label
    asking = gr.State("")

    with gr.Column(elem_classes="card"):
        start_title = block(elem_id="data-start")
        with gr.Row():
            with gr.Column(scale=3, min_width=300):
                file = gr.File(label=label("data.file"), file_types=ENDINGS, height=132, elem_id="data-file")
                file_note = block(elem_id="data-file-note")
            with gr.Column(scale=2, min_width=260):
                sample = gr.Dropdown([], label=label("data.sample"), elem_id="data-sample", value=None)
                sample_note = block(elem_id="data-sample-note")
                take = gr.Button(label("data.sample_open"), elem_id="data-sample-open")
        message = block(elem_id="data-message")
        yours = block(elem_id="data-list", clicks=True)
    nothing = block(elem_id="data-empty")
    with gr.Column(visible=False, elem_id="data-view") as panel:
        with gr.Column(elem_classes="card"):
            summary = block(elem_id="data-summary")
            with gr.Row():
                text_column = gr.Dropdown([], label=label("data.text_column"), elem_id="data-text-column")
                label_column = gr.Dropdown([], label=label("data.label_column"), elem_id="data-label-column")
            preview = block(elem_id="data-preview")
        with gr.Column(elem_classes="card"):
            charts = block(elem_id="data-charts")
        with gr.Column(elem_classes="card"):
            findings = block(elem_id="data-findings", clicks=True)
        with gr.Column(elem_classes="card"):
            split_title = block(elem_id="data-split-title")
            with gr.Row():
                shares = [
                    gr.Slider(low, 40, step=5, label=label(f"data.split_{part}"), elem_id=f"data-split-{part}")
                    for part, low in (("validation", 5), ("test", 0))
                ]
            with gr.Accordion(label("data.split_own"), open=False, elem_id="data-own-files"), gr.Row():
                own: dict[str, tuple[gr.File, gr.HTML, gr.Button]] = {}
                for part in ("validation", "test"):
                    with gr.Column(min_width=260):
                        given = gr.File(
                            label=label(f"data.part_{part}"),
                            file_types=ENDINGS,
                            height=110,
                            elem_id=f"data-{part}-file",
                        )
                        note = block(elem_id=f"data-{part}-note")
                        remove = gr.Button(
                            label(f"data.part_remove_{part}"), size="sm", visible=False, elem_id=f"data-{part}-remove"
                        )
                        own[part] = (given, note, remove)
        with gr.Row(elem_classes="s-forward"):
            forward = gr.Button(label("data.continue"), variant="primary", size="lg", elem_id="data-continue")

    view_parts = [
        yours, nothing, panel, summary, text_column, label_column, preview, charts, findings,
        *(each for _, note, remove in own.values() for each in (note, remove)),
    ]  # fmt: skip

    def view(key: str, chosen: str, asked: str, request: gr.Request) -> list[Any]:
        say = texts.of(request)
        if not known(key, request):
            return [gr.skip()] * len(view_parts)
        space = space_of(services, key, request)
        datasets = space.datasets()
        listed = pieces.dataset_list(datasets, chosen, asked, say)
        if chosen not in {each.id for each in datasets}:
            hidden = [listed, gr.HTML(pieces.nothing_chosen(say), visible=True), gr.Column(visible=False)]
            return hidden + [gr.skip()] * (len(view_parts) - len(hidden))
        seen = _seen(space.inspect(chosen, language=say.language), say)
        return [listed, gr.HTML(visible=False), gr.Column(visible=True), *seen]

    def start(split: dict[str, float], request: gr.Request) -> list[Any]:
        say = texts.of(request)
        samples = services.samples()
        kinds = say("data.file_kinds", size=_megabytes(services))
        shares_now = [round(100 * float(split[f"{part}_fraction"])) for part in ("validation", "test")]
        return [
            heading(say("data.start_title"), say("data.start_note")),
            tag("p", kinds, class_="s-subdued s-small"),
            gr.Dropdown(choices=[(_sample_name(each, say), each.name) for each in samples], value=_first(samples, say)),
            heading(say("data.split_title"), say("data.split_note")),
            *shares_now,
        ]

    def upload(key: str, path: str | None, request: gr.Request) -> list[Any]:
        if not path:
            return [gr.skip(), gr.skip(), gr.skip()]
        say = texts.of(request)
        try:
            info = space_of(services, key, request).add_upload(Path(path), Path(path).name)
        except SftError as error:
            return [callout("error", say("data.refused"), told(error, say)), gr.skip(), None]
        return ["", info.id, None]

    def take_sample(key: str, name: str | None, request: gr.Request) -> Iterator[list[Any]]:
        say = texts.of(request)
        space = space_of(services, key, request)
        samples = {each.name: each for each in services.samples()}
        name = name or _first(list(samples.values()), say)
        if name not in samples:
            yield [callout("info", say("data.sample_choose")), gr.skip()]
            return
        try:
            if not samples[name].available:
                yield [callout("info", say("data.sample_downloading"), say("data.sample_downloading_why")), gr.skip()]
                services.download_samples([name])
            yield ["", space.add_sample(name).id]
        except SftError as error:
            yield [callout("error", say("data.failed"), told(error, say)), gr.skip()]

    def about_sample(name: str | None, request: gr.Request) -> str:
        found = next((each for each in services.samples() if each.name == name), None)
        if found is None:
            return ""
        about = texts.of(request)("data.sample_about", source=found.source, licence=found.licence)
        return tag("p", about, class_="s-subdued s-small")

    def act_on_list(key: str, chosen: str, request: gr.Request, event: gr.EventData) -> list[str]:
        action, value = clicked(event)
        if action == "ask":
            return [chosen, value]
        if action == "delete":
            space_of(services, key, request).delete_dataset(value)
            return ["" if value == chosen else chosen, ""]
        return [value if action == "choose" else chosen, ""]

    def act_on_finding(key: str, chosen: str, request: gr.Request, event: gr.EventData) -> str:
        say = texts.of(request)
        action, value = clicked(event)
        space = space_of(services, key, request)
        fixes = list(space.dataset(chosen).fixes)
        if action == "fix_all":
            fixes += [found.code for found in space.inspect(chosen).findings if found.fixable]
        elif action == "fix":
            fixes.append(value)
        elif action == "undo":
            fixes = [fix for fix in fixes if fix != value]
        elif action == "undo_all":
            fixes = []
        before = space.dataset(chosen).fixes
        try:
            space.set_fixes(chosen, list(dict.fromkeys(fixes)))
            space.inspect(chosen)
        except SftError as error:
            space.set_fixes(chosen, before)
            return callout("error", say("data.failed"), told(error, say))
        return ""

    def choose_columns(key: str, chosen: str, text: str | None, of_label: str | None, request: gr.Request) -> str:
        say = texts.of(request)
        space = space_of(services, key, request)
        before = space.dataset(chosen)
        try:
            space.choose_columns(chosen, text, of_label)
            space.inspect(chosen)
        except SftError as error:
            space.choose_columns(chosen, before.text_column, before.label_column)
            return callout("error", say("data.failed"), told(error, say))
        return ""

    def add_part(part: str, key: str, chosen: str, path: str | None, request: gr.Request) -> list[Any]:
        say = texts.of(request)
        try:
            name = Path(path).name if path else ""
            space_of(services, key, request).add_part(chosen, part, Path(path) if path else None, name)
        except SftError as error:
            return [callout("error", say("data.refused"), told(error, say)), None]
        return ["", None]

    def upload_part(part: str) -> Any:
        def add(key: str, chosen: str, path: str | None, request: gr.Request) -> list[Any]:
            return add_part(part, key, chosen, path, request) if path else [gr.skip(), gr.skip()]

        def remove(key: str, chosen: str, request: gr.Request) -> list[Any]:
            return add_part(part, key, chosen, None, request)

        return guarded(texts, add), guarded(texts, remove)

    show = guarded(texts, view)
    seen = {"fn": show, "inputs": [shared.owner, shared.dataset, asking], "outputs": view_parts, **PRIVATE}
    shared.ready.then(
        guarded(texts, start), shared.split, [start_title, file_note, sample, split_title, *shares], **quiet()
    ).then(**seen, show_progress="hidden")
    sample.change(about_sample, sample, sample_note, **on_change())
    file.upload(guarded(texts, upload), [shared.owner, file], [message, shared.dataset, file], **PRIVATE)
    take.click(guarded(texts, take_sample), [shared.owner, sample], [message, shared.dataset], **PRIVATE)
    yours.click(guarded(texts, act_on_list), [shared.owner, shared.dataset], [shared.dataset, asking], **quiet()).then(
        **seen, show_progress="hidden"
    )
    shared.dataset.change(**seen, trigger_mode="multiple", show_progress="minimal", show_progress_on=summary)
    findings.click(
        guarded(texts, act_on_finding), [shared.owner, shared.dataset], message, show_progress_on=findings, **PRIVATE
    ).then(**seen, show_progress="minimal", show_progress_on=findings)
    gr.on(
        [text_column.input, label_column.input],
        guarded(texts, choose_columns),
        [shared.owner, shared.dataset, text_column, label_column],
        message,
        **PRIVATE,
    ).then(**seen, show_progress="minimal", show_progress_on=summary)
    for part, (given, _, remove) in own.items():
        add, take_away = upload_part(part)
        given.upload(add, [shared.owner, shared.dataset, given], [message, given], **PRIVATE).then(**seen)
        remove.click(take_away, [shared.owner, shared.dataset], [message, given], **PRIVATE).then(**seen)
    gr.on(
        [each.release for each in shares],
        lambda validation, test: {"validation_fraction": validation / 100, "test_fraction": test / 100},
        shares,
        shared.split,
        **quiet(),
    )
    forward.click(lambda: gr.Tabs(selected="train"), None, shared.tabs, js=TO_TOP, **quiet())


def _seen(view: DatasetView, say: Catalogue) -> list[Any]:
    info: DatasetInfo = view.info
    found: list[Any] = [
        pieces.summary(view, say),
        gr.Dropdown(choices=list(view.columns), value=view.text_column or None),
        gr.Dropdown(choices=list(view.columns), value=view.label_column or None),
        pieces.preview(view, say),
        pieces.charts(view, say),
        pieces.findings(view, say),
    ]
    for name in (info.validation, info.test):
        found += [
            tag("p", say("data.part_given", name=name), class_="s-subdued") if name else "",
            gr.Button(visible=bool(name)),
        ]
    return found


def _megabytes(services: Services) -> int:
    return services.settings.max_upload_bytes // 2**20


def _sample_name(sample: SampleInfo, say: Catalogue) -> str:
    language = say.named("data", f"language_{sample.language}", sample.language)
    title = say.named("data", f"title_{sample.name}", sample.title)
    return say(f"data.sample_{'here' if sample.available else 'download'}", title=title, language=language)


def _first(samples: list[SampleInfo], say: Catalogue) -> str | None:
    """A sample in the reader's language that is here, if there is one."""
    ordered = sorted(samples, key=lambda each: (each.language != say.language, not each.available))
    return ordered[0].name if ordered else None
