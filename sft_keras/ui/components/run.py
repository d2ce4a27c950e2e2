"""A training, as pieces of a page."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sft_keras.errors import SftError
from sft_keras.services.space.runs import Estimate, RunView
from sft_keras.services.wording import told as in_language
from sft_keras.ui.components.html import Markup, badge, button, callout, escaped, joined, progress, stats, tag
from sft_keras.ui.components.words import ago, duration, share
from sft_keras.ui.texts import Catalogue

_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)? ")
_PATH = re.compile(r" ?[(（](?:/|[A-Z]:\\)[^()（）]*[)）]")
ACTIVE = ("queued", "running")


def failure(run: RunView, say: Catalogue) -> str:
    """Why a training failed and what to do, as one text; "" where that is not known."""
    words = in_language(SftError(run.message, fix=run.fix), say.language)
    return " ".join(part for part in (words.problem, words.fix) if part)


def recipe_cards(
    names: Sequence[str], chosen: str, advised: str, estimates: dict[str, Estimate | None], say: Catalogue
) -> Markup:
    """Recipes to choose from, each with what it costs.

    Args:
        names: Their names, in order.
        chosen: The one that is chosen.
        advised: The one that fits the data.
        estimates: What they cost, as far as it was asked for.
        say: The catalogue of the reader.
    """
    cards = (
        tag(
            "button",
            tag(
                "span",
                tag("strong", say.named("train", f"recipe_{name}")),
                badge(say("train.advised"), "accent") if name == advised else "",
                class_="s-row s-between",
            ),
            tag("span", say.named("train", f"recipe_{name}_text", ""), class_="s-card-text"),
            tag("span", cost(estimates.get(name), say), class_="s-card-cost"),
            type="button",
            role="radio",
            aria_checked=str(name == chosen).lower(),
            class_="s-button s-button-card",
            data_action="recipe",
            data_value=name,
            id=f"train-recipe-{name}",
        )
        for name in names
    )
    return tag("div", *cards, class_="s-cards", role="radiogroup", aria_label=say("train.recipe_title"))


def cost(estimate: Estimate | None, say: Catalogue) -> str:
    """What a training costs, in a few words."""
    if estimate is None or (estimate.seconds is None and not estimate.measuring):
        return say("train.estimate_none")
    if estimate.seconds is None:
        return say("train.estimating")
    time = duration(estimate.seconds, say)
    if estimate.memory_mib is None:
        return say("train.estimate_time", time=time)
    return say("train.estimate", time=time, memory=memory(estimate.memory_mib, say))


def memory(mib: float, say: Catalogue) -> str:
    """An amount of memory with sensible digits."""
    if mib >= 1000:
        return say("train.memory_gib", count=f"{mib / 1024:.1f}")
    return say("train.memory_mib", count=f"{round(mib, -1):.0f}")


def state_badge(run: RunView, say: Catalogue) -> Markup:
    """The state in a word."""
    return badge(say.named("shell", f"state_{run.state}"), run.state)


def run_panel(run: RunView, say: Catalogue) -> Markup:
    """Where a training stands, for its owner."""
    about = [run.dataset, run.backbone, say.named("train", f"recipe_{run.recipe}", run.recipe), ago(run.created, say)]
    head = tag(
        "div",
        tag("div", tag("h2", run.name), state_badge(run, say), class_="s-row"),
        tag("p", " · ".join(part for part in about if part), class_="s-subdued"),
        class_="s-heading",
    )
    return tag("div", head, _state(run, say), class_="s-stack s-roomy")


def _state(run: RunView, say: Catalogue) -> Markup:
    match run.state:
        case "queued":
            place = say("train.queue_next") if run.queue_place <= 1 else say("train.queue_place", place=run.queue_place)
            return joined([callout("info", place, say("train.queue_why")), _warnings(run, say)])
        case "running":
            return _running(run, say)
        case "finished":
            accuracy = run.summary.get("accuracy")
            told = (
                say("train.finished_plain") if accuracy is None else say("train.finished_why", accuracy=share(accuracy))
            )
            return joined([callout("success", say("train.finished"), told), _summary(run, say)])
        case "cancelled":
            told = say("train.cancelled_kept" if run.has_bundle else "train.cancelled_none")
            return joined([callout("warning", say("train.cancelled"), told), _summary(run, say)])
        case "interrupted":
            return callout("warning", say("train.interrupted"), say("train.interrupted_why"))
        case _:
            return callout("error", say("train.run_failed"), failure(run, say))


def _running(run: RunView, say: Catalogue) -> Markup:
    phase = say.named("train", f"phase_{run.phase or 'preparing'}")
    known = run.steps > 0 and run.phase in ("training", "searching", "")
    fraction = run.step / run.steps if known else None
    left = "" if run.eta_seconds is None else duration(run.eta_seconds, say)
    percent = f"{100 * fraction:.0f}%" if fraction is not None else ""
    bar = tag(
        "div",
        tag("div", tag("strong", phase), tag("span", percent, class_="s-number"), class_="s-row s-between"),
        progress(fraction, phase, now=" · ".join(part for part in (percent, left) if part)),
        class_="s-stack",
        id="train-progress",
    )
    tiles: list[tuple[object, ...]] = []
    if run.steps:
        tiles.append((say("train.step"), f"{run.step:,}", say("train.of", all=f"{run.steps:,}")))
    if run.epochs:
        tiles.append((say("train.epoch"), f"{min(run.epoch + 1, run.epochs)}", say("train.of", all=run.epochs)))
    if run.rows_per_second:
        tiles.append((say("train.rate"), f"{run.rows_per_second:,.0f}"))
    if left:
        tiles.append((say("train.left"), left))
    note = tag("p", say("train.close_page"), class_="s-subdued s-small")
    return joined([bar, stats(tiles) if tiles else "", _warnings(run, say), note])


def _warnings(run: RunView, say: Catalogue) -> Markup:
    return callout("warning", say("train.stopping")) if run.stopping else Markup("")


def _summary(run: RunView, say: Catalogue) -> Markup:
    named = {name: say.named("shell", f"metric_{name}", "") for name in run.summary}
    tiles = [
        (title, share(run.summary[name]), *_beside(run.summary.get(f"baseline_{name}"), say))
        for name, title in named.items()
        if title and "loss" not in name
    ]
    return stats(tiles) if tiles else Markup("")


def _beside(baseline: float | None, say: Catalogue) -> tuple[str, ...]:
    return () if baseline is None else (say("train.baseline", share=share(baseline)),)


def run_list(runs: Sequence[RunView], chosen: str, asking: str, say: Catalogue) -> Markup:
    """One's trainings, to choose from.

    Args:
        runs: Newest first.
        chosen: Id of the one that is shown.
        asking: Id of the one that is to be deleted, if that is meant.
        say: The catalogue of the reader.
    """
    if not runs:
        return tag("p", say("train.runs_none"), class_="s-subdued")
    return tag("ul", *(_item(run, chosen, asking, say) for run in runs), class_="s-list")


def _item(run: RunView, chosen: str, asking: str, say: Catalogue) -> Markup:
    figure = ""
    if run.state == "running" and run.steps:
        figure = f"{100 * run.step / run.steps:.0f}%"
    elif "accuracy" in run.summary:
        figure = share(run.summary["accuracy"])
    facts = tag("span", " · ".join(part for part in (figure, ago(run.created, say)) if part), class_="s-subdued")
    choose = tag(
        "button",
        tag("strong", run.name),
        tag("span", state_badge(run, say), facts, class_="s-row"),
        type="button",
        class_="s-button s-choose",
        data_action="choose",
        data_value=run.id,
        aria_pressed=str(run.id == chosen).lower(),
    )
    if run.id == asking:
        question = tag("span", say("shell.delete_sure"))
        yes = button(say("shell.delete_yes"), "delete", run.id, kind="danger")
        no = button(say("shell.cancel"), "keep", run.id, kind="link")
        more = tag("div", question, yes, no, class_="s-row s-ask")
    elif run.id == chosen:
        delete = f"{say('shell.delete')}: {run.name}"
        more = tag(
            "div",
            button(say("shell.rename"), "rename", run.id, kind="link"),
            button(say("shell.delete"), "ask", run.id, kind="link", aria_label=delete),
            class_="s-row s-ask",
        )
    else:
        more = Markup("")
    return tag("li", choose, more, class_="s-item s-tall s-chosen" if run.id == chosen else "s-item s-tall")


def log(lines: Sequence[str], say: Catalogue) -> Markup:
    """The last lines of the log."""
    text = Markup("\n".join(escaped(_readable(line)) for line in lines)) or escaped(say("train.log_none"))
    return tag("pre", text, class_="s-log", tabindex=0, role="log", aria_label=say("train.log_title"))


def _readable(line: str) -> str:
    """A line of the log with the time alone, and without the folders of this machine."""
    return _PATH.sub("", _STAMP.sub(r"\1  ", line))
