"""How good a model is, and how a run ended."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sft_keras.evaluation.searches import search_tables
from sft_keras.terminal.base import MOST_CLASSES_SHOWN, escape, open_console, table

if TYPE_CHECKING:
    from sft_keras.runs.worker import RunResult

HEADLINES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "log_loss": "log loss (lower is better)",
    "ece": "calibration error (lower is better)",
}
BASELINES = {"majority": "always the most frequent", "tfidf_logreg": "TF-IDF + logistic regression"}


def show_report(report: Mapping[str, Any]) -> None:
    """Scores with their intervals, beside the baselines."""
    console = open_console()
    baselines = report.get("baselines") or {}
    titles = [BASELINES.get(name, name) for name in baselines]
    scores = table(
        f"on {report['rows']['test']:,} test rows",
        "this model",
        "95% interval",
        *titles,
        right=range(1, 4 + len(titles)),
    )
    for name, title in HEADLINES.items():
        found = report["metrics"].get(name)
        if not found or found["value"] is None:
            continue
        interval = "" if found["low"] is None else f"{found['low']:.3f} to {found['high']:.3f}"
        others = [_number(b["metrics"].get(name)) for b in baselines.values()]
        scores.add_row(title, f"[bold]{found['value']:.3f}[/]", interval, *others)
    console.print(scores)
    console.print(f"\n{escape(report['verdict'])}\n")
    classes = table("label", "precision", "recall", "F1", "rows", right=(1, 2, 3, 4))
    for row in report["per_class"][:MOST_CLASSES_SHOWN]:
        figures = [f"{row[key]:.3f}" for key in ("precision", "recall", "f1")]
        classes.add_row(escape(row["label"]), *figures, f"{row['support']:,}")
    console.print(classes)
    if len(report["per_class"]) > MOST_CLASSES_SHOWN:
        console.print(f"… and {len(report['per_class']) - MOST_CLASSES_SHOWN} more labels in the report")
    for title, columns, rows in search_tables(report):
        console.print(f"\n[bold]{escape(title)}[/]")
        tried = table(*columns, right=range(len(columns)))
        for row in rows:
            tried.add_row(*map(escape, row))
        console.print(tried)
    for note in report.get("notes", ()):
        console.print(f"[dim]{escape(note)}[/]")


def _number(metric: Mapping[str, Any] | None) -> str:
    return "–" if not metric or metric["value"] is None else f"{metric['value']:.3f}"


def show_result(result: RunResult) -> None:
    """How a run ended, and what to do next."""
    console = open_console()
    run = result.run
    if result.report:
        console.print()
        show_report(result.report)
        lines = [
            f"\nModel:   {run.bundle}",
            f"Report:  {run.report / 'report.html'} (open or mail it), report.json and pictures beside it",
            f'Next:    sft-keras predict {shlex.quote(str(run.bundle))} --text "…"',
            f"         sft-keras evaluate {shlex.quote(str(run.bundle))} --data FILE",
        ]
    elif result.complete:
        lines = [
            f"\nModel:   {run.bundle} (not scored: there is no test part)",
            f'Next:    sft-keras predict {shlex.quote(str(run.bundle))} --text "…"',
        ]
    else:
        lines = [f"\nStopped. Go on where it stopped: sft-keras train --resume {shlex.quote(str(run.path))}"]
        if result.has_bundle:
            lines.append(f"The best model so far: {run.bundle} (not yet scored on the test part)")
        else:
            lines.append(
                "There is no model yet: no epoch was completed, or λ is still being searched. The state is saved."
            )
    for line in lines:  # a command that is broken over two lines cannot be copied
        console.print(line, markup=False, soft_wrap=True)
