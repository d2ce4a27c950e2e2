"""What mistakes cost, on the tab Evaluate: a table of costs, and the answers that then cost least."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import gradio as gr

from sft_keras.errors import InputValueError, SftError
from sft_keras.services import Space
from sft_keras.services.space.decisions import cost_text
from sft_keras.ui.components.html import Markup, block, callout, joined, table, tag
from sft_keras.ui.components.results import edge
from sft_keras.ui.shared import Shared, guarded, known, on_change, quiet, space_of, told
from sft_keras.ui.texts import Catalogue

if TYPE_CHECKING:
    from sft_keras.services.space.decisions import CostReport, Decided

MOST_IN_A_MATRIX = 12
"""More labels than this get two figures each in place of a matrix."""


def table_of(space: Space, run: str, say: Catalogue) -> tuple[list[str], list[list[Any]], float | None]:
    """The header, the rows and the price of a person that the page begins with: those that were kept, or 1 each.

    Of a matrix that was kept by the command line, more labels than fit on a page show 1 each: see `has_matrix`.
    """
    names, kept = space.saved_costs(run)
    price = kept.hand_over if kept else None
    if len(names) > MOST_IN_A_MATRIX:
        header = [say("costs.label"), say("costs.missed"), say("costs.alarm")]
        figures = space.saved_figures(run) or [[1.0, 0.0]] * len(names)
        return header, [[name, *each] for name, each in zip(names, figures, strict=True)], price
    size = range(len(names))
    matrix = kept.matrix.tolist() if kept else [[float(t != a) for a in size] for t in size]
    return [say("costs.corner"), *names], [[name, *row] for name, row in zip(names, matrix, strict=True)], price


def has_matrix(space: Space, run: str) -> bool:
    """Whether a matrix is kept that the page is too small for."""
    names, kept = space.saved_costs(run)
    return len(names) > MOST_IN_A_MATRIX and kept is not None and space.saved_figures(run) is None


def figures_of(rows: object, names: Sequence[str]) -> list[Any]:
    """The numbers of a table in the order of the labels; from a browser, so it may be anything.

    Raises:
        InputValueError: The rows are not those of the labels.
    """
    given = rows if isinstance(rows, list) else []
    found = {str(row[0]): row[1:] for row in given if isinstance(row, list) and row}
    if len(given) != len(names) or set(found) != set(names):
        raise InputValueError("The table must have one row for each label.", fix="Load the page again.")
    return [found[name] for name in names]


def costs_effect(space: Space, run: str, rows: object, price: object, say: Catalogue) -> Markup:
    """What the costs lead to, in words and as a table, or what is wrong with them."""
    try:
        names, _ = space.saved_costs(run)
        figures = figures_of(rows, names)
        if len(names) > MOST_IN_A_MATRIX:
            found = space.decision_costs(run, hand_over=price, by_label=figures)
        else:
            found = space.decision_costs(run, figures, price)
    except InputValueError as error:
        return callout("error", say("costs.wrong"), told(error, say))
    except SftError as error:
        return callout("info", told(error, say))
    return tag(
        "div", _words(found, say), _table(found, say), tag("p", _how(found, say), class_="s-subdued"), class_="r-costs"
    )


def _words(found: Decided, say: Catalogue) -> Markup:
    sentences = []
    for name, low, high in found.ranges:
        values = {"low": edge(low, say), "high": edge(high, say), "second": found.names[1]}
        sentences.append(say("costs.range" if name else "costs.range_person", name=name or "", **values))
    own, likeliest = found.test.policy("decision"), found.test.policy("likeliest")
    values = {"own": cost_text(own.mean), "likeliest": cost_text(likeliest.mean)}
    if likeliest.more_low is not None and likeliest.more_low > 0:
        key = "cheaper"
    elif likeliest.more_high is not None and likeliest.more_high < 0:
        key = "dearer"
    else:
        key = "alike"
    sentences.append(say(f"costs.{key}", **values))
    simple = (each for each in found.test.policies if each.name in ("single", "person"))
    cheaper = [each for each in simple if each.more_high is not None and each.more_high < 0]
    if cheaper:
        best = min(cheaper, key=lambda each: each.mean)
        sentences.append(say("costs.simpler", name=_way(best.name, found.test, found, say), mean=cost_text(best.mean)))
    return joined(tag("p", each, class_="r-effect", aria_live="polite") for each in sentences)


def _way(name: str, report: CostReport, found: Decided, say: Catalogue) -> str:
    return say(f"costs.way_{name}", label=found.names[report.single])


def _table(found: Decided, say: Catalogue) -> Markup:
    header = [say(f"costs.{name}") for name in ("way", "mean", "interval", "more", "interval")]
    rows = []
    for each in found.test.policies:
        more = ["–", "–"]
        if each.name != "decision":
            more = [
                f"{'+' if each.more >= 0 else '−'}{cost_text(abs(each.more))}",
                _ends(each.more_low, each.more_high, say),
            ]
        own = [cost_text(each.mean), _ends(each.low, each.high, say)]
        rows.append([_way(each.name, found.test, found, say), *own, *more])
    return table(header, rows, caption=say("costs.title"), numbers={1, 2, 3, 4})


def _how(found: Decided, say: Catalogue) -> str:
    report = found.test
    parts = [
        say(
            "costs.how",
            rows=f"{report.rows:,}",
            changed=f"{report.changed:,}",
            handed=f"{report.handed_over:,}",
            expected=cost_text(report.expected),
        )
    ]
    parts.append(say("costs.kept" if found.kept else "costs.not_kept"))
    if found.validation is None:
        parts.append(say("costs.no_validation"))
    else:
        own = found.validation
        parts.append(
            say(
                "costs.validation",
                rows=f"{own.rows:,}",
                mean=cost_text(own.policy("decision").mean),
                expected=cost_text(own.expected),
            )
        )
    return " ".join(parts)


def _ends(low: float | None, high: float | None, say: Catalogue) -> str:
    return "–" if low is None or high is None else say("costs.from_to", low=cost_text(low), high=cost_text(high))


def build(shared: Shared) -> Callable[[gr.events.Dependency], None]:
    """Makes the components and events.

    Returns:
        What is to be called with the event that shows another run.
    """
    label, texts = shared.texts.label, shared.texts
    with gr.Accordion(label("costs.title"), open=False, elem_id="evaluate-costs", elem_classes=["card"]):
        head = block(elem_id="evaluate-costs-head")
        costs = gr.Dataframe(
            headers=["", ""],
            type="array",
            interactive=True,
            static_columns=[0],
            label=label("costs.table"),
            elem_id="evaluate-costs-table",
            max_height=420,
        )
        with gr.Row(elem_classes=["r-tools"]):
            price = gr.Number(None, label=label("costs.price"), elem_id="evaluate-costs-price", min_width=220)
            start = gr.Button(
                label("costs.button"), elem_id="evaluate-costs-go", variant="primary", scale=0, min_width=240
            )
        result = block(elem_id="evaluate-costs-result")
    shown_of = gr.State("")

    def show(owner: str, run: str, before: str, request: gr.Request) -> dict[Any, Any]:
        say = texts.of(request)
        # What was typed must not be lost when the page looks at the same run again.
        if not run or before == f"{run} {say.language}" or not known(owner, request):
            return {shown_of: before}
        try:
            space = space_of(shared.services, owner, request)
            header, rows, kept = table_of(space, run, say)
            too_large = has_matrix(space, run)
        except SftError:
            return {shown_of: ""}
        note = say("costs.what_many" if len(rows) > MOST_IN_A_MATRIX else "costs.what")
        there = callout("info", say("costs.matrix_kept")) if too_large else ""
        number: Literal["str", "number"] = "number"
        kinds: list[Literal["str", "number"]] = ["str", *(number for _ in header[1:])]
        return {
            head: joined([tag("p", note, class_="s-subdued"), there]),
            result: "",
            costs: gr.Dataframe(value={"headers": header, "data": rows}, datatype=kinds, static_columns=[0]),
            price: kept,
            shown_of: f"{run} {say.language}",
        }

    def work(owner: str, run: str, rows: Any, hand_over: Any, of: str, request: gr.Request) -> str:
        if of != f"{run} {texts.of(request).language}":  # the table is still that of another run
            return callout("info", texts.of(request)("costs.other_run"))
        return costs_effect(space_of(shared.services, owner, request), run, rows, hand_over, texts.of(request))

    keys = [shared.owner, shared.run]
    started = start.click(guarded(texts, work), [*keys, costs, price, shown_of], result, api_visibility="private")
    # A slow answer must not stand under the run that was chosen meanwhile.
    shared.run.change(lambda: "", None, result, cancels=[started], **on_change())

    def listen(shown: gr.events.Dependency) -> None:
        shown.then(guarded(texts, show), [*keys, shown_of], [head, costs, price, shown_of, result], **quiet())

    return listen
