"""The settings of a new training: recipe, model, loss, and everything else for those who want it."""

from __future__ import annotations

import itertools
from typing import Any

import gradio as gr

from sft_keras.errors import SftError
from sft_keras.services import Services
from sft_keras.services.space.datasets import DatasetView
from sft_keras.services.space.runs import Estimate
from sft_keras.ui.components.html import Markup, block, button, callout, clicked, empty, heading, joined, tag
from sft_keras.ui.components.run import memory, recipe_cards
from sft_keras.ui.components.words import duration
from sft_keras.ui.form import component
from sft_keras.ui.setup import CARDS, FIELDS, NO_TERM, TERM_FIELDS, Choices, filled, settings_of
from sft_keras.ui.shared import TO_TOP, Shared, guarded, known, on_change, quiet, space_of, told
from sft_keras.ui.texts import Catalogue

_SECONDS = 2


def build(shared: Shared) -> None:
    """Makes the components and events of a new training."""
    services, texts, label = shared.services, shared.texts, shared.texts.label
    recipe, advised = gr.State("quick"), gr.State("")
    timer = gr.Timer(_SECONDS, active=False)
    nothing = block(elem_id="train-empty", clicks=True)
    with gr.Column(visible=False, elem_id="train-form") as form:
        with gr.Column(elem_classes="card"):
            on = block(elem_id="train-data")
            recipe_title = block(elem_id="train-recipe-title")
            cards = block(elem_id="train-recipes", clicks=True)
            others = gr.Dropdown([], label=label("train.others"), elem_id="train-other-recipes")
        with gr.Column(elem_classes="card"):
            model_title = block(elem_id="train-model-title")
            backbone = gr.Dropdown(
                [], label=label("train.backbone"), info=label("train.backbone_info"), elem_id="train-backbone"
            )
            with gr.Row():
                with gr.Column(min_width=280):
                    term = gr.Dropdown(
                        [], label=label("train.term"), info=label("train.term_info"), elem_id="train-term"
                    )
                    about_term = block(elem_id="train-term-text")
                with gr.Column(min_width=280, visible=False) as of_term:
                    weight = gr.Number(
                        0.1,
                        step=0.05,
                        label=label("train.weight"),
                        info=label("train.weight_info"),
                        elem_id="train-weight",
                    )
                    find = gr.Checkbox(
                        label=label("train.weight_find"),
                        info=label("train.weight_find_info"),
                        elem_id="train-weight-find",
                    )
        with gr.Accordion(label("train.all_settings"), open=False, elem_id="train-all", elem_classes="card"):
            all_note = block(elem_id="train-all-note")
            components = _fields(shared)
        with gr.Column(elem_classes="card"):
            total = block(elem_id="train-estimate")
            with gr.Row(equal_height=True, elem_classes="s-start"):
                name = gr.Textbox(
                    label=label("train.name"), placeholder=label("train.name_hint"), max_length=100, max_lines=1,
                    elem_id="train-name", scale=3, min_width=220,
                )  # fmt: skip
                start = gr.Button(label("train.start"), variant="primary", size="lg", elem_id="train-start", scale=1)
            message = block(elem_id="train-message")

    chosen_parts: list[Any] = [recipe, backbone, term, weight, find, shared.split, *components]
    filled_parts = [backbone, term, weight, find, about_term, of_term, *components]

    def fill(name: str, say: Catalogue) -> list[Any]:
        made = filled(services, name)
        return [made.backbone, made.term, made.weight, made.find, *_term(made.term, say), *made.values]

    def set_up(key: str, dataset: str, split: dict[str, float], request: gr.Request) -> list[Any]:
        say = texts.of(request)
        if not known(key, request):
            return [gr.skip()] * (9 + len(filled_parts))
        view = _view(shared, key, dataset, say, request)
        if view is None:
            none = empty(
                say("train.no_data"), say("train.no_data_next"), button(say("train.to_data"), "data", kind="primary")
            )
            return [gr.HTML(none, visible=True), gr.Column(visible=False), *[gr.skip()] * (7 + len(filled_parts))]
        best = services.advised_recipe(view)
        made = fill(best, say)
        made[0] = gr.Dropdown(choices=_backbones(services, say), value=made[0])
        made[1] = gr.Dropdown(choices=_terms(services, say), value=made[1])
        return [
            gr.HTML(visible=False),
            gr.Column(visible=True),
            _on(view, split, say),
            best,
            best,
            heading(say("train.recipe_title"), say("train.recipe_note"), level=3),
            heading(say("train.model_title"), say("train.model_note")),
            tag("p", say("train.all_settings_note"), class_="s-subdued"),
            gr.Dropdown(choices=_others(services, best, say), value=""),
            *made,
        ]

    def describe(key: str, dataset: str, split: dict[str, float], request: gr.Request) -> list[Any]:
        say = texts.of(request)
        view = _view(shared, key, dataset, say, request)
        return [_on(view, split, say), gr.Button(interactive=view.ok)] if view else [gr.skip(), gr.skip()]

    def pick(request: gr.Request, event: gr.EventData) -> list[Any]:
        _, value = clicked(event)
        return [value, "", *fill(value, texts.of(request))]

    def pick_other(dropped: str, best: str, request: gr.Request) -> list[Any]:
        value = dropped or best
        return [value, *fill(value, texts.of(request))]

    def explain(value: str, request: gr.Request) -> list[Any]:
        return _term(value, texts.of(request))

    def estimate(request: gr.Request, key: str, dataset: str, run: str, best: str, *held: Any) -> list[Any]:
        say = texts.of(request)
        if not dataset or not known(key, request) or not best:
            return ["", "", gr.Timer(active=False)]
        space = space_of(services, key, request)
        chosen, values = Choices(*held[:6]), held[6:]
        names = list(dict.fromkeys([best, *CARDS]))
        found: dict[str, Estimate | None] = {}
        for each in names:
            try:
                found[each] = space.estimate(dataset, services.recipe(each))
            except SftError:
                found[each] = None
        try:
            mine = space.estimate(dataset, settings_of(services, chosen, values))
        except SftError:
            mine = None
        measuring = any(each is not None and each.measuring for each in (*found.values(), mine))
        return [
            recipe_cards(names, chosen.recipe, best, found, say),
            _total(mine, say),
            gr.Timer(active=measuring and not run),
        ]

    def submit(request: gr.Request, key: str, dataset: str, called: str, *held: Any) -> list[Any]:
        say = texts.of(request)
        try:
            chosen = Choices(*held[:6])
            settings = settings_of(services, chosen, held[6:])
            made = space_of(services, key, request).submit(dataset, settings, name=called.strip(), recipe=chosen.recipe)
        except SftError as error:
            return [callout("error", say("train.refused"), told(error, say)), gr.skip(), gr.skip()]
        return ["", made, ""]

    estimated: dict[str, Any] = {
        "fn": guarded(texts, estimate),
        "inputs": [shared.owner, shared.dataset, shared.run, advised, *chosen_parts],
        "outputs": [cards, total, timer],
        **quiet(),
    }
    set_up_parts = [nothing, form, on, recipe, advised, recipe_title, model_title, all_note, others, *filled_parts]
    for event, how in ((shared.ready.then, quiet()), (shared.dataset.change, on_change())):
        event(guarded(texts, set_up), [shared.owner, shared.dataset, shared.split], set_up_parts, **how).then(
            **estimated
        )
    gr.on(
        [shared.tabs.select, shared.split.change],
        guarded(texts, describe),
        [shared.owner, shared.dataset, shared.split],
        [on, start],
        **quiet(),
    )
    cards.click(guarded(texts, pick), None, [recipe, others, *filled_parts], **quiet()).then(**estimated)
    others.input(guarded(texts, pick_other), [others, advised], [recipe, *filled_parts], **quiet()).then(**estimated)
    gr.on([backbone.input, term.input, find.input, weight.blur, *_edits(components)], **estimated)
    term.input(guarded(texts, explain), term, [about_term, of_term], **quiet())
    timer.tick(**estimated)
    nothing.click(lambda: gr.Tabs(selected="data"), None, shared.tabs, **quiet())
    start.click(
        guarded(texts, submit),
        [shared.owner, shared.dataset, name, *chosen_parts],
        [message, shared.run, name],
        api_visibility="private",
    ).then(None, js=TO_TOP).then(**shared.runs_shown)


def _fields(shared: Shared) -> list[Any]:
    """The components of all further settings, a heading and rows for each section."""
    label = shared.texts.label
    made: list[Any] = []
    for section, fields in itertools.groupby([*FIELDS, *TERM_FIELDS], key=lambda field: field.path.split(".")[0]):
        gr.Markdown(label(f"train.section_{section}"), elem_classes="s-section")
        with gr.Row(elem_classes="s-fields"):
            made += [component(field, label) for field in fields]
    return made


def _edits(components: list[Any]) -> list[Any]:
    return [getattr(each, "release", None) or getattr(each, "blur", None) or each.input for each in components]


def _view(shared: Shared, key: str, dataset: str, say: Catalogue, request: gr.Request) -> DatasetView | None:
    """What is in the dataset; None if there is none that can be read."""
    if not dataset or not known(key, request):
        return None
    try:
        return space_of(shared.services, key, request).inspect(dataset, language=say.language)
    except SftError:
        return None


def _on(view: DatasetView, split: dict[str, float], say: Catalogue) -> Markup:
    """What is trained on."""
    facts = {"rows": f"{view.usable_rows:,}", "classes": len(view.class_counts)}
    given = [part for part in ("validation", "test") if getattr(view.info, part)]
    if given:
        parts = say(f"train.part_{'both' if len(given) == 2 else given[0]}")
        note = say("train.on_note_files", **facts, parts=parts)
    else:
        shares = {part: round(100 * split[f"{part}_fraction"]) for part in ("validation", "test")}
        note = say("train.on_note", **facts, **shares)
    return joined(
        [
            heading(say("train.on_title", name=view.info.name), note),
            "" if view.ok else callout("error", say("train.not_ok")),
        ]
    )


def _term(name: str, say: Catalogue) -> list[Any]:
    """The sentence on a term, and whether its weight is asked for."""
    text = tag("p", say.named("train", f"term_{name}_text", ""), class_="s-subdued s-small")
    return [text, gr.Column(visible=name != NO_TERM)]


def _terms(services: Services, say: Catalogue) -> list[tuple[str, str]]:
    return [(say.named("train", f"term_{name}", name), name) for name in (NO_TERM, *services.term_names())]


def _backbones(services: Services, say: Catalogue) -> list[tuple[str, str]]:
    """Those that are here first."""
    found = sorted(services.backbones(), key=lambda each: (not each.here, each.preset.parameters or 0))
    named = [(say("train.backbone_auto"), "auto")]
    for each in found:
        millions = each.preset.parameters and round(each.preset.parameters / 1e6)
        size = say("train.parameters", count=millions) if millions else ""
        key = f"train.backbone_{'here' if each.here else 'download'}"
        spoken = say.named("train", f"languages_{each.preset.languages}", each.preset.languages)
        named.append((say(key, name=each.preset.name, size=size, languages=spoken), each.preset.name))
    return named


def _others(services: Services, advised: str, say: Catalogue) -> list[tuple[str, str]]:
    others = [each.name for each in services.recipes() if each.name not in (*CARDS, advised)]
    return [(say("train.others_none"), "")] + [
        (": ".join(filter(None, (say.named("train", f"recipe_{n}"), say.named("train", f"recipe_{n}_text", "")))), n)
        for n in others
    ]


def _total(estimate: Estimate | None, say: Catalogue) -> str:
    if estimate is None or (estimate.seconds is None and not estimate.measuring):
        return ""
    if estimate.seconds is None:
        return tag("p", say("train.estimating"), class_="s-subdued")
    needed = memory(estimate.memory_mib or 0.0, say)
    return tag("p", say("train.estimate_total", time=duration(estimate.seconds, say), memory=needed))
