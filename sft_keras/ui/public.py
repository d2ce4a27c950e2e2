"""The page of a public link, `/?model=ID`: part of the app's page, and all that is seen of it at such an address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from sft_keras.errors import SftError
from sft_keras.services import Services
from sft_keras.services.space.public import MOST_COMPARED, PublicModel
from sft_keras.ui.components.answers import answer_list
from sft_keras.ui.components.html import Markup, block, callout, joined, progress, table, tag
from sft_keras.ui.components.results import percent
from sft_keras.ui.components.similar import similar_list
from sft_keras.ui.shared import Shared, client_of, guarded, quiet, told
from sft_keras.ui.tabs.predict import lines_of
from sft_keras.ui.texts import Catalogue

if TYPE_CHECKING:
    from sft_keras.tasks.base import Prediction

MOST_BATCH = 500
MOST_SHOWN = 100
_MOST_LABELS = 12
_CALM = {403: "switched_off", 410: "expired"}
# The answers are in the page already; the file is made of them there, and nothing is kept on the server.
_SAVE = """(content) => {
  if (!content) return content;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(['\\ufeff' + content], {type: 'text/csv;charset=utf-8'}));
  link.download = 'answers.csv';
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  return '';
}"""


def link_of(request: gr.Request | None) -> str:
    """The id of the link in the address of the page; "" on the studio's own page."""
    found = dict(getattr(request, "query_params", None) or {}).get("model")
    return found if isinstance(found, str) else ""


def calm_page(error: SftError, say: Catalogue) -> Markup:
    """What stands where a link does not answer."""
    key = _CALM.get(getattr(error, "status", 404), "unknown")
    return tag(
        "div", tag("h1", say(f"public.{key}_title"), class_="p-title"), tag("p", say(f"public.{key}")), class_="p-calm"
    )


def title_of(model: PublicModel, say: Catalogue) -> Markup:
    """Name and labels of a model; of one that is locked, the name."""
    head = [tag("p", say("public.eyebrow"), class_="p-eyebrow"), tag("h1", tag("bdi", model.title), class_="p-title")]
    if not model.labels:
        return joined(head)
    more = ("…",) if len(model.labels) > _MOST_LABELS else ()
    shown = say("public.list").join((*model.labels[:_MOST_LABELS], *more))
    return joined([*head, tag("p", say("public.sorts", count=len(model.labels), labels=shown), class_="s-subdued")])


def refused(error: SftError, say: Catalogue) -> Markup:
    """Why a link gave no answer, for a visitor."""
    status = getattr(error, "status", 0)
    if status in (403, 404, 410):
        return calm_page(error, say)
    if status == 429:
        return callout("warning", say("public.busy"))
    if status == 401:
        return callout("error", say("public.password_wrong"))
    return callout("error", told(error, say))


def in_parts(texts: Sequence[str], services: Services) -> Iterator[list[str]]:
    """Texts in as many requests as a link allows."""
    part: list[str] = []
    for text in texts:
        full = len(part) >= services.settings.max_request_texts
        long = sum(map(len, part)) + len(text) > services.settings.max_request_characters
        if part and (full or long):
            yield part
            part = []
        part.append(text)
    if part:
        yield part


def header_of(say: Catalogue) -> list[str]:
    """What the columns of a table of answers are called."""
    return [say("public.batch_text"), say("public.batch_answer"), say("public.batch_confidence")]


def batch_table(predictions: Sequence[Prediction], say: Catalogue) -> Markup:
    """The first answers of many."""
    rows = [
        (p.text if len(p.text) <= 300 else f"{p.text[:300]}…", tag("bdi", p.label), percent(p.confidence, say))
        for p in predictions[:MOST_SHOWN]
    ]
    return table(header_of(say), rows, caption=say("public.batch_title"), numbers={2})


def similar_of(
    services: Services, link: str, answers: Sequence[Prediction], password: str, client: str, say: Catalogue
) -> Iterator[Markup]:
    """The training examples that are like the texts a visitor has sorted, where the owner shows them.

    Args:
        services: All use cases.
        link: The id of the link.
        answers: What the visitor was told; the first few are looked up.
        password: What the visitor gave.
        client: The visitor's address.
        say: The sentences.
    """
    asked = [each for each in answers if each.label][:MOST_COMPARED]
    if not asked:
        yield callout("info", say("predict.missing"))
        return
    yield joined([progress(None, say("predict.similar_working")), tag("p", say("predict.similar_working"))])
    try:
        found = services.links.examples(link, [each.text for each in asked], password=password, client=client)
    except SftError as error:
        status = getattr(error, "status", 0)
        calm = {503: "similar_busy", 403: "similar_off", 404: "similar_none"}.get(status, "")
        is_whole = status in (403, 404) and error.where != "examples"  # the link itself does not answer
        yield callout("info", say(f"public.{calm}")) if calm and not is_whole else refused(error, say)
        return
    items = (
        tag("li", tag("p", tag("bdi", each.text), class_="a-text", dir="auto"), similar_list(one, each.label, say))
        for each, one in zip(asked, found, strict=True)
    )
    yield tag("ol", *items, class_="a-answers")


def build(shared: Shared) -> None:
    """Makes the page's components and events; called inside the column `public`, which only such an address shows."""
    services, texts, label = shared.services, shared.texts, shared.texts.label
    password = gr.State("")
    # The answers that stand on the page: what similar training examples can be asked for.
    answered = gr.State([])
    with gr.Column(elem_classes=["p-page", "r-body"]):
        head = block(elem_id="public-head")
        with gr.Column(visible=False, elem_id="public-locked", elem_classes=["card"]) as locked:
            lock_head = block(elem_id="public-lock-head")
            word = gr.Textbox(label=label("public.password"), type="password", max_lines=1, elem_id="public-password")
            enter = gr.Button(label("public.password_button"), variant="primary", elem_id="public-unlock")
            lock_state = block(elem_id="public-lock-state")
        with gr.Column(visible=False, elem_id="public-main", elem_classes=["r-body"]) as main:
            with gr.Column(elem_classes=["card"]):
                typed = gr.Textbox(
                    label=label("public.texts_label"),
                    placeholder=label("public.texts_placeholder"),
                    lines=3,
                    max_lines=12,
                    elem_id="public-texts",
                )
                go = gr.Button(label("public.button"), variant="primary", elem_id="public-go")
                answers = block(elem_id="public-answers")
                similar = gr.Button(label("predict.similar_button"), visible=False, elem_id="public-similar-go")
                alike = block(elem_id="public-similar")
            with gr.Accordion(label("public.batch_title"), open=False, elem_id="public-batch", elem_classes=["card"]):
                batch_head = block(elem_id="public-batch-head")
                many = gr.Textbox(
                    label=label("public.batch_label"), lines=5, max_lines=12, elem_id="public-batch-texts"
                )
                file = gr.File(
                    label=label("public.batch_file"), type="filepath", height=120, elem_id="public-batch-file"
                )
                start = gr.Button(label("public.batch_button"), elem_id="public-batch-go")
                batch = block(elem_id="public-batch-answers")
                save = gr.Button(label("public.batch_download"), visible=False, elem_id="public-batch-download")
                content = gr.State("")
                saved = gr.Textbox(visible="hidden", container=False, label="csv", elem_id="public-batch-csv")
            with gr.Accordion(
                label("public.card_title"), open=False, elem_id="public-card-part", elem_classes=["card"]
            ):
                card = gr.Markdown(elem_id="public-card", sanitize_html=True)
            foot = block(elem_id="public-foot")
    parts = [head, locked, lock_head, lock_state, main, batch_head, card, foot, password, similar]

    def opened(model: PublicModel, say: Catalogue, *, given: str = "") -> list[Any]:
        closed = model.needs_password and not given
        return [
            title_of(model, say),
            gr.Column(visible=closed),
            tag("p", say("public.password_title")),
            "",
            gr.Column(visible=not closed),
            tag("p", say("public.batch_how", most=MOST_BATCH), class_="s-subdued"),
            model.card,
            tag("p", f"{say('public.note')} {say('public.made_with')}", class_="p-foot"),
            given,
            gr.Button(visible=model.shows_examples and not closed),
        ]

    def closed_page(told_now: str) -> list[Any]:
        none = gr.Column(visible=False)
        return [told_now, none, "", "", none, "", "", "", "", gr.Button(visible=False)]

    def show(request: gr.Request) -> list[Any]:
        link, say = link_of(request), texts.of(request)
        if not link:
            return closed_page("")
        try:
            return opened(services.links.model(link), say)
        except SftError as error:
            return closed_page(calm_page(error, say))

    def unlock(given: str, request: gr.Request) -> Any:
        link, say = link_of(request), texts.of(request)
        if not given:
            return {lock_state: callout("info", say("public.password_missing"))}
        try:
            made = opened(services.links.model(link, password=given, client=client_of(request)), say, given=given)
        except SftError as error:
            return {lock_state: refused(error, say)}
        return dict(zip(parts, made, strict=True)) | {word: ""}

    def predict(text: str, given: str, request: gr.Request) -> Iterator[list[Any]]:
        link, say, lines = link_of(request), texts.of(request), lines_of(text)
        if not lines:
            yield [callout("info", say("predict.missing")), "", []]
            return
        if len(lines) > services.settings.max_request_texts:
            yield [callout("info", say("predict.too_many", most=services.settings.max_request_texts)), "", []]
            return
        try:
            found = services.links.predict(link, lines, password=given, client=client_of(request))
        except SftError as error:
            yield [refused(error, say), "", []]
            return
        yield [answer_list(found, say), "", found[:MOST_COMPARED]]

    # Gradio reads the annotations, hence names that are there when the program runs.
    def examples(before: list[Any], given: str, request: gr.Request) -> Iterator[str]:
        yield from similar_of(services, link_of(request), before, given, client_of(request), texts.of(request))

    def predict_many(text: str, path: str | None, given: str, request: gr.Request) -> Iterator[list[Any]]:
        link, say = link_of(request), texts.of(request)
        hidden = gr.Button(visible=False)
        try:
            # Nothing of a visitor is read before the link lets them in.
            services.links.unlock(link, given, client=client_of(request))
            lines = lines_of(text)
            if path:
                lines += services.read_texts(Path(path), Path(path).name)
            if not lines:
                yield [callout("info", say("predict.missing")), hidden, ""]
                return
            if len(lines) > MOST_BATCH:
                told_now = say("public.batch_too_many", most=MOST_BATCH, count=f"{len(lines):,}")
                yield [callout("info", told_now), hidden, ""]
                return
            found: list[Prediction] = []
            for part in in_parts(lines, services):
                now = say("predict.file_working", done=f"{len(found):,}", all=f"{len(lines):,}")
                yield [progress(len(found) / len(lines), now, now=now), hidden, ""]
                found += services.links.predict(link, part, password=given, client=client_of(request))
        except SftError as error:
            yield [refused(error, say), hidden, ""]
            return
        yield [batch_table(found, say), gr.Button(visible=True), services.answers_csv(found, header_of(say))]

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    shared.ready.then(guarded(texts, show), None, parts, **quiet())
    gr.on([enter.click, word.submit], guarded(texts, unlock), word, [*parts, word], **private)
    go.click(guarded(texts, predict), [typed, password], [answers, alike, answered], **private)
    similar.click(guarded(texts, examples), [answered, password], alike, concurrency_limit=2, **private)
    # One at a time, of all visitors: each may bring a file, and hundreds of texts.
    start.click(
        guarded(texts, predict_many), [many, file, password], [batch, save, content], concurrency_limit=1, **private
    )
    save.click(lambda made: made, content, saved, **private).success(None, saved, saved, js=_SAVE, **quiet())
