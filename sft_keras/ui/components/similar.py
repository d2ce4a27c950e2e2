"""The training examples most like a text, as a piece of a page: what they say of the answer, and themselves."""

from __future__ import annotations

from sft_keras.services.examples import Neighbours, verdict_of
from sft_keras.ui.components.html import Markup, callout, tag
from sft_keras.ui.components.html import table as table_of
from sft_keras.ui.texts import Catalogue


def similar_list(found: Neighbours, answer: str, say: Catalogue) -> Markup:
    """The examples below what they say.

    Args:
        found: The examples.
        answer: The label that the model gave.
        say: The sentences.

    Returns:
        Nothing for an empty text.
    """
    verdict = verdict_of(found, answer, say.language)
    if verdict is None:
        return Markup("")
    rows = [
        (
            tag("bdi", each.label),
            f"{each.similarity:.3f}",
            tag("bdi", each.text, dir="auto")
            if each.times == 1
            else tag("span", tag("bdi", each.text, dir="auto"), " ", say("predict.similar_times", count=each.times)),
        )
        for each in found.found
    ]
    header = [say(f"predict.similar_{name}") for name in ("label", "similarity", "text")]
    return tag(
        "div",
        tag("p", say("predict.similar_title"), class_="a-similar-title"),
        callout("warning", verdict.sentence) if verdict.doubtful else tag("p", verdict.sentence),
        table_of(header, rows, caption=say("predict.similar_title"), numbers={1}),
        tag("p", f"{verdict.compared} {say('predict.similar_how')}", class_="a-note"),
        class_="a-similar",
    )
