"""Why the model answered so, on the tab Predict: the words for any label, and the same exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from sft_keras.errors import SftError
from sft_keras.services import Space
from sft_keras.services.examples import PREPARE_SECONDS
from sft_keras.services.space.predictions import WordWeight
from sft_keras.ui.components.answers import answer_list, exact_note
from sft_keras.ui.components.html import Markup, callout, joined, progress, tag
from sft_keras.ui.components.similar import similar_list
from sft_keras.ui.shared import Shared, guarded, on_change, quiet, space_of, told
from sft_keras.ui.texts import Catalogue

if TYPE_CHECKING:
    from sft_keras.tasks.base import Prediction

MOST_EXPLAINED = 5
Asked = tuple[str, list[str]]
"""The run that sorted texts, and the texts."""


def words_for(space: Space, run: str, texts: list[str], label: str, say: Catalogue) -> Iterator[Markup]:
    """The answers with the words that speak for a label, each left out in turn.

    Args:
        space: What the owner has.
        run: The run.
        texts: The texts that were sorted.
        label: The label; that of each answer if "".
        say: The sentences.
    """
    predictions = space.predict(run, texts)
    words = {
        number: space.explain(run, each.text, label or each.label)
        for number, each in enumerate(predictions[:MOST_EXPLAINED])
        if each.label
    }
    yield answer_list(predictions, say, words=words, label=label)


def exact_words_for(space: Space, run: str, texts: list[str], label: str, say: Catalogue) -> Iterator[Markup]:
    """The same by integrated gradients, as soon as each is known, then training examples; see `words_for`."""
    predictions = space.predict(run, texts)
    working = progress(None, say("predict.exact_working"))
    yield joined([working, answer_list(predictions, say)])
    words: dict[int, Sequence[WordWeight]] = {}
    notes: dict[int, str] = {}
    first = [(number, each) for number, each in enumerate(predictions[:MOST_EXPLAINED]) if each.label]
    for number, each in first:
        try:
            found = space.explain_exactly(run, each.text, label or each.label)
        except SftError as error:
            yield joined([callout("error", told(error, say)), answer_list(predictions, say, words=words, label=label)])
            return
        words[number], notes[number] = found.words, exact_note(found, say)
        if len(words) < len(first):
            yield joined([working, answer_list(predictions, say, words=words, label=label, notes=notes)])

    def show(examples: Mapping[int, Markup]) -> Markup:
        return answer_list(predictions, say, words=words, label=label, notes=notes, examples=examples)

    yield from _with_examples(space, run, first, say, show)


def _with_examples(
    space: Space,
    run: str,
    first: Sequence[tuple[int, Prediction]],
    say: Catalogue,
    show: Callable[[Mapping[int, Markup]], Markup],
) -> Iterator[Markup]:
    """The answers, and the training examples that are like each text as soon as they are known."""
    examples: dict[int, Markup] = {}
    working = progress(None, say("predict.similar_working"))
    for done, (number, each) in enumerate(first):
        yield joined([working, tag("p", say("predict.similar_working"), class_="a-note"), show(examples)])
        try:
            # Rows that are missing are prepared once, not for each of the texts.
            found = space.similar_examples(run, each.text, seconds=0.0 if done else PREPARE_SECONDS)
        except SftError as error:
            yield joined([show(examples), callout("info", told(error, say))])
            return
        examples[number] = similar_list(found, each.label, say)
    yield show(examples)


def build(shared: Shared, answers: Any, sorted_texts: Any) -> Callable[[gr.events.Dependency], None]:
    """Makes the components and events; called below the answers.

    Args:
        shared: What all tabs share.
        answers: Where the answers stand.
        sorted_texts: The state with what was sorted: see `Asked`.

    Returns:
        What is to be called with the event after which the labels of the run are offered.
    """
    label, texts = shared.texts.label, shared.texts
    with gr.Row(visible=False, elem_id="predict-why", equal_height=True) as row:
        choice = gr.Dropdown(
            [], label=label("predict.why_label"), info=label("predict.why_info"), elem_id="predict-why-label"
        )
        exact = gr.Button(label("predict.exact"), elem_id="predict-why-exact")

    def offer(owner: str, run: str, asked: Asked, request: gr.Request) -> list[Any]:
        here = bool(asked[1]) and asked[0] == run
        names = space_of(shared.services, owner, request).labels(run) if here else ()
        own = (texts.of(request)("predict.why_answer"), "")
        return [gr.Row(visible=bool(names)), gr.Dropdown([own, *((name, name) for name in names)], value="")]

    def why(owner: str, run: str, asked: Asked, chosen: str | None, request: gr.Request) -> Iterator[str]:
        space = space_of(shared.services, owner, request)
        if asked[0] == run and asked[1]:
            yield from words_for(space, run, asked[1], chosen or "", texts.of(request))

    def why_exactly(owner: str, run: str, asked: Asked, chosen: str | None, request: gr.Request) -> Iterator[str]:
        space = space_of(shared.services, owner, request)
        if asked[0] == run and asked[1]:
            yield from exact_words_for(space, run, asked[1], chosen or "", texts.of(request))

    keys = [shared.owner, shared.run, sorted_texts]
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    choice.input(guarded(texts, why), [*keys, choice], answers, **private)
    exact.click(guarded(texts, why_exactly), [*keys, choice], answers, concurrency_limit=2, **private)
    shared.run.change(
        lambda run, asked: gr.Row(visible=bool(asked[1]) and asked[0] == run),
        keys[1:],
        row,
        **on_change(),
    )

    def listen(done: gr.events.Dependency) -> None:
        done.then(guarded(texts, offer), keys, [row, choice], **quiet())

    return listen
