"""The page that goes with a model: what it is for, how good it is, what it was made from, how to use it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sft_keras.config import RunConfig
from sft_keras.errors import one_line
from sft_keras.evaluation.facts import name_only
from sft_keras.evaluation.searches import search_tables

SHOWN_METRICS = ("accuracy", "macro_f1", "weighted_f1", "log_loss", "ece")
TITLES = {"majority": "majority class", "tfidf_logreg": "TF-IDF + logistic regression"}
MOST_LABELS_LISTED = 100
NOT_SCORED = "The test part was not scored: there is none, or the training was stopped early."


def model_card(
    config: RunConfig,
    *,
    labels: Sequence[str],
    report: dict[str, Any] | None,
    information: dict[str, Any],
    exports: dict[str, Any] | None = None,
) -> str:
    """The model card as Markdown.

    Args:
        config: The resolved configuration.
        labels: Names of the labels.
        report: The report, or None if the test part was not scored.
        information: Versions, backbone and data fingerprint.
        exports: What is said of the other forms of the model.
    """
    listed = ", ".join(_code(name) for name in labels[:MOST_LABELS_LISTED])
    more = f" and {len(labels) - MOST_LABELS_LISTED} more" if len(labels) > MOST_LABELS_LISTED else ""
    parts = [
        "# A text classifier",
        f"Sorts a text into one of {len(labels)} labels: {listed}{more}.",
        "## How good it is",
        _scores(report) if report else NOT_SCORED,
        "## How it was made",
        _origin(config, information),
        "## How to use it",
        '```bash\nsft-keras predict . --text "Your text"\n```\n\n'
        "```python\nimport sft_keras\n\n"
        'sft_keras.load(".").predict(["Your text"])\n```',
        *_eight_bit((exports or {}).get("onnx_int8", {})),
        "## What to keep in mind",
        "The scores hold for texts like those of the test part. Other topics, other languages or another time can "
        "give worse answers with the same confidence. Labels carry the judgement of the people who gave them.",
    ]
    return "\n\n".join(parts) + "\n"


def _eight_bit(told: dict[str, Any]) -> list[str]:
    """What the 8-bit copy is worth, if there is one."""
    if "file" not in told:
        return []
    return [
        f"`{told['file']}` answers quicker, in 8-bit integers (`sft-keras predict . --int8`). On {told['rows']} "
        f"validation rows its accuracy is {told['accuracy']:.1%} in place of {told['accuracy_of_graph']:.1%}, and it "
        f"gives the same answer to {told['agreement']:.1%}. All scores on this page are those of the model itself."
    ]


def _code(text: str) -> str:
    """A word of the person as a code span on one line, whatever Markdown or HTML stands in it."""
    line = one_line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    space = " " if "`" in line else ""
    return f"{fence}{space}{line}{space}{fence}"


def _scores(report: dict[str, Any]) -> str:
    columns = {"this model": report["metrics"]}
    for name, baseline in (report.get("baselines") or {}).items():
        columns[TITLES.get(name, name)] = baseline["metrics"]
    lines = [
        f"On {report['rows']['test']} rows that were never used for training (95% intervals in brackets):",
        "",
        f"| | {' | '.join(columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for metric in SHOWN_METRICS:
        cells = [_cell(values.get(metric)) for values in columns.values()]
        lines.append(f"| {metric} | {' | '.join(cells)} |")
    if report.get("verdict"):
        lines += ["", report["verdict"]]
    for title, names, rows in search_tables(report):
        ruled: list[Sequence[str]] = [names, ["---"] * len(names), *rows]
        table = [f"| {' | '.join(one_line(cell).replace('|', '&#124;') for cell in row)} |" for row in ruled]
        lines += ["", f"{title}:", "", *table]
    return "\n".join(lines)


def _cell(value: dict[str, Any] | None) -> str:
    if not value or value.get("value") is None:
        return "–"
    if value.get("low") is None:
        return f"{value['value']:.3f}"
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def _origin(config: RunConfig, information: dict[str, Any]) -> str:
    terms = [f"{term.weight} × {term.name}" for term in config.objective.terms if term.weight]
    chosen = config.objective.class_weights
    weights = chosen if isinstance(chosen, str) else ", ".join(f"{_code(k)} {v:g}" for k, v in chosen.items())
    versions = ", ".join(f"{name} {version}" for name, version in information.get("versions", {}).items())
    begun = information.get("trained_from")
    return "\n".join(
        [
            f"- Backbone: {_code(str(name_only(information.get('backbone', config.model.backbone))))} "
            f"(trained: {config.model.trainable})",
            *([f"- Trained further from the bundle with the fingerprint `{begun}`"] if begun else []),
            f"- Loss: {' + '.join([config.objective.task_loss, *terms])}; class weights: {weights}",
            f"- Up to {config.training.epochs} epochs, batches of {config.training.batch_size}, "
            f"seed {config.training.seed}",
            f"- Data fingerprint: `{information.get('data_fingerprint', '')}`",
            f"- Versions: {versions}",
            "- All settings: `config.yaml`",
        ]
    )
