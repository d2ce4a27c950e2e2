"""What the supervised term did: its weight λ, both losses over time, and the same training without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Column, Picture, Sentence, Table, percent

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

LOSSES = ("epoch", "loss", "task_loss", "sup_loss", "val_task_loss")
_KINDS: dict[str, Literal["good", "warn"]] = {"better": "good", "worse": "warn"}


def examine(subject: Subject) -> Facts:
    """Takes from the report what it says of λ."""
    report = subject.report or {}
    terms = [{"name": term.name, "weight": term.weight} for term in subject.config.objective.terms if term.weight]
    search = report.get("lambda_search")
    if not terms and not search:
        raise NotApplicable("no_term")
    history = [{key: row.get(key) for key in LOSSES} for row in report.get("history", ())]
    return {"terms": terms, "search": search, "control": report.get("control"), "history": history}


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """Whether it helped, what was tried, and the losses."""
    search, control = facts["search"], facts["control"]
    named = ", ".join(f"{term['name']} (λ = {term['weight']:g})" for term in facts["terms"])
    blocks: list[Block] = []
    if control:
        outcome = control["outcome"]
        sign = -1 if outcome == "worse" else 1
        low, high = sorted((sign * (control["low"] or 0.0), sign * (control["high"] or 0.0)))
        text = words(
            f"lambda_effect.control_{outcome}",
            terms=named,
            points=f"{100 * sign * control['value']:.1f}",
            low=f"{100 * low:.1f}",
            high=f"{100 * high:.1f}",
        )
        blocks.append(Sentence(text, _KINDS.get(outcome, "say")))
        columns = [
            Column(words("lambda_effect.model")),
            Column(words("lambda_effect.accuracy"), "number"),
            Column(words("lambda_effect.macro_f1"), "number"),
        ]
        rows = [
            (
                named,
                percent(words, control["with_terms"]["accuracy"]),
                percent(words, control["with_terms"]["macro_f1"]),
            ),
            ("λ = 0", percent(words, control["without"]["accuracy"]), percent(words, control["without"]["macro_f1"])),
        ]
        blocks.append(Table(columns, rows))
    elif search and not facts["terms"]:
        blocks.append(Sentence(words("lambda_effect.kept_zero")))
    elif search:
        blocks.append(Sentence(words("lambda_effect.found", terms=named), "good"))
    else:
        blocks.append(Sentence(words("lambda_effect.no_control", terms=named), "warn"))
    if search:
        heads = [Column("λ", "number"), Column(words("lambda_effect.validation"), "number"), Column("")]
        tried = [
            (
                f"{row['weight']:g}",
                "–" if row.get("score") is None else f"{row['score']:.3f}",
                words("lambda_effect.chosen") if row["weight"] == search.get("chosen") else "",
            )
            for row in search.get("rows", ())
        ]
        blocks.append(Table(heads, tried, title=words("lambda_effect.tried")))
    blocks += _losses(facts["history"], words)
    blocks.append(Sentence(words("lambda_effect.how"), "how"))
    return blocks


def _losses(history: list[Mapping[str, Any]], words: Catalogue) -> list[Block]:
    from sft_keras.evaluation.charts import curves_svg, page_curves

    rows = [{key: value for key, value in row.items() if value is not None} for row in history]
    losses, _ = page_curves(rows)
    if len(rows) < 2 or not losses:
        return []
    best = min(range(len(rows)), key=lambda i: rows[i].get("val_task_loss", float("inf")))
    legend = [(curve.color, words(f"lambda_effect.{curve.name}")) for curve in losses]
    picture = curves_svg(rows, losses, best_epoch=int(rows[best].get("epoch", best + 1)))
    return [Picture(picture, words("lambda_effect.losses"), legend)]


PARTS.add("lambda_effect", Part(45, examine, present))
