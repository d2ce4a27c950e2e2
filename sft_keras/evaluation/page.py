"""The report as one HTML file for people: every language in it, pictures inside, no script, nothing from a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sft_keras.config import RunConfig
from sft_keras.errors import one_line
from sft_keras.evaluation import charts, facts
from sft_keras.evaluation.catalogue import LANGUAGES, Catalogue, catalogue, default_language, translate_note
from sft_keras.evaluation.content import ReportContent
from sft_keras.evaluation.metrics import METRICS
from sft_keras.evaluation.mistakes import Mistake
from sft_keras.evaluation.wording import accuracy_verdict, compare_verdict, outcome, percent

_COLUMN_LETTERS = 48
"""Labels of a matrix with more letters than this together are numbered at the top, so that it fits a phone."""

SECTIONS = ("lead", "verdict", "scores", "data", "classes", "confusions", "calibration", "history", "lambda", "layers")
"""Names of the templates that can stand by themselves."""


def render_page(
    content: ReportContent,
    config: RunConfig,
    *,
    language: str | None = None,
    data: str = "",
    created: str = "",
    mistakes: Sequence[Mistake] = (),
    diagnostics: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> str:
    """The page; whoever reads it switches between the languages by a click.

    Args:
        content: The report.
        config: The resolved configuration of the run.
        language: The one that is shown first; that of this machine's locale if left out.
        data: What the data are called, for the headline.
        created: When the run was made, ISO 8601.
        mistakes: Test texts that got a wrong label. Texts are private: give them only where the person asked for it.
        diagnostics: By language, titles of further sections and their HTML as `Markup`.

    Raises:
        ConfigError: There is no such language.
    """
    first = catalogue(language or default_language()).language
    order = [first, *(name for name in LANGUAGES if name != first)]
    drawings = _drawings(content, facts.best_epoch(content.history, config.training.monitor))
    further = diagnostics or {}
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            articles=[
                _article(content, config, catalogue(name), drawings) | {"diagnostics": further.get(name, ())}
                for name in order
            ],
            data=data,
            created=created[:10],
            mistakes=mistakes,
        )
    )


def render_sections(
    content: ReportContent, config: RunConfig, *, language: str, choosable: bool = False, ids: str = ""
) -> dict[str, str]:
    """The sections of the page one by one, for a page that sets them itself.

    Args:
        content: The report.
        config: The resolved configuration of the run.
        language: Their language.
        choosable: Whether numbers of rows are buttons, which bear the indices of both labels.
        ids: Goes before the ids in the pictures, where another report stands on the same page.

    Returns:
        Each name of `SECTIONS` with its HTML; empty where the report has nothing for it.

    Raises:
        ConfigError: There is no such language.
    """
    words = catalogue(language)
    drawings = _drawings(content, facts.best_epoch(content.history, config.training.monitor))
    article = {**_article(content, config, words, drawings, ids=ids), "choosable": choosable}
    values = {"a": article, "t": words, "content": content, "share": article["share"]}
    return {name: _environment().get_template(f"{name}.html.j2").render(values).strip() for name in SECTIONS}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sft_keras.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["line"] = one_line
    environment.filters["code"] = lambda value: json.dumps(value, ensure_ascii=False) if value is not None else "–"
    return environment


def _drawings(content: ReportContent, best_epoch: int) -> dict[str, str]:
    """The pictures by name, drawn once for all languages; one epoch makes no curve."""
    drawings = {"reliability": charts.reliability_svg(content.calibration)}
    if len(content.history) > 1 and best_epoch > 0:
        for name, curves in zip(("losses", "scores"), charts.page_curves(content.history), strict=True):
            if curves:
                drawings[name] = charts.curves_svg(content.history, curves, best_epoch=best_epoch)
    return drawings


def _article(
    content: ReportContent, config: RunConfig, words: Catalogue, drawings: Mapping[str, str], *, ids: str = ""
) -> dict[str, Any]:
    """All that one language's part of the page shows; the template sets it."""
    wrong = facts.confusions(content)
    curves = dict(zip(("losses", "scores"), charts.page_curves(content.history), strict=True))
    labels = [one_line(label) for label in content.labels]
    return {
        "t": words,
        "language": words.language,
        "choosable": False,
        "content": content,
        "config": config,
        "share": lambda value: words("form.percent", value=percent(value)),
        "decimal": _decimal,
        "duration": _duration(words),
        "hits": facts.hits(content),
        "verdict": _verdict(content, words),
        "headlines": [name for name in facts.HEADLINES if name in content.metrics],
        "metrics": [name for name in METRICS if name in content.metrics],
        "lower": facts.LOWER_IS_BETTER,
        "notes": [(translate_note(note, words), note) for note in content.notes],
        "classes": sorted(content.per_class, key=lambda each: (each.f1, -each.support)),
        "in_view": facts.CLASSES_IN_VIEW,
        "confusions": wrong[: facts.MOST_CONFUSIONS],
        "all_confusions": len(wrong),
        "matrix": len(labels) <= facts.MATRIX_CLASSES,
        "named_columns": sum(map(len, labels)) <= _COLUMN_LETTERS and len(labels) <= 4,
        "trust": facts.trust(content),
        "best_epoch": facts.best_epoch(content.history, config.training.monitor),
        "drawings": {name: charts.with_own_ids(svg, f"{ids}{name}-{words.language}") for name, svg in drawings.items()},
        "curves": curves,
        "terms": [term for term in config.objective.terms if term.weight],
        "changed": facts.changed_settings(config),
        "search": _search_sentence(content, words),
        "backbone": facts.name_only(content.backbone),
    }


def _verdict(content: ReportContent, words: Catalogue) -> dict[str, str]:
    found = facts.difference(content)
    if found is None:
        sentence = accuracy_verdict(content.metrics["accuracy"], words=words)
        return {"kind": "alone", "sentence": sentence, "advice": words("advice.alone")}
    kind, baseline = outcome(found), words.named("baseline", "tfidf_logreg")
    unknown = found.discordant < 0
    sentence = (
        words("verdict.few_unknown", baseline=baseline)
        if unknown
        else compare_verdict(found, baseline=baseline, words=words)
    )
    return {"kind": kind, "sentence": sentence, "advice": words(f"advice.{kind}")}


def _search_sentence(content: ReportContent, words: Catalogue) -> str:
    found = content.lambda_search
    if found is None or found.chosen is None:
        return ""
    if found.best == 0:
        return words("lambda.zero_best")
    if found.difference is None or found.interval is None:
        return words("lambda.chosen_only", chosen=f"{found.chosen:g}")
    loss = found.monitor.endswith("loss")
    difference, interval = found.difference, found.interval
    if loss:  # what is kept is the gain, and a loss gains by falling
        difference, interval = -difference, (-interval[1], -interval[0])
    low, high = (f"{value:+.3f}" if loss else percent(value) for value in interval)
    sign = "+" if difference > 0 else ""
    return words(
        "lambda.kept_zero" if found.kept_zero else "lambda.chosen",
        chosen=f"{found.chosen:g}",
        metric=words.named("metric", found.monitor),
        difference=f"{difference:+.3f}" if loss else words("form.points", value=sign + percent(difference)),
        low=low,
        high=high,
    )


def _decimal(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _duration(words: Catalogue) -> Callable[[float], str]:
    def told(seconds: float) -> str:
        whole = round(seconds)
        if whole < 60:
            return words("duration.seconds", seconds=f"{seconds:.1f}" if seconds < 10 else whole)
        minutes, rest = divmod(whole, 60)
        if minutes < 60:
            return words("duration.minutes", minutes=minutes, seconds=rest)
        return words("duration.hours", hours=minutes // 60, minutes=minutes % 60)

    return told
