"""What the command line shows: tables and progress with rich for people, JSON lines where nobody watches."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape as escape_markup
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from sft_keras.errors import one_line
from sft_keras.evaluation.searches import search_tables
from sft_keras.runs.lines import event_line

if TYPE_CHECKING:
    from sft_keras.data.findings import Finding
    from sft_keras.recipes import RecipeInfo
    from sft_keras.runs.worker import RunResult
    from sft_keras.services import BackboneInfo, CheckResult, FixResult, RunInfo, SampleInfo
    from sft_keras.tasks.base import Prediction
    from sft_keras.training.progress import ProgressSink

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
MOST_CLASSES_SHOWN = 30
SEVERITY_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def escape(text: str) -> str:
    """A text from a file, shown as it stands: neither rich's markup nor the terminal's control characters work."""
    return escape_markup(one_line(text))


def open_console() -> Console:
    # Where nobody watches, a line must not be broken to a guessed width.
    return Console(width=None if sys.stdout.isatty() else 140, highlight=False)


def _table(*columns: str, right: Sequence[int] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index in right else "left", overflow="fold")
    return table


@contextlib.contextmanager
def progress_sink() -> Iterator[ProgressSink]:
    """A sink on standard error: a live bar on a terminal, JSON lines elsewhere."""
    if not sys.stderr.isatty():
        yield _JsonLines()
        return
    bar = Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True, highlight=False),
        transient=True,
    )
    with bar:
        yield _Bar(bar)


@contextlib.contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error for what is told as done, of all; nothing where nobody watches."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    columns = (TextColumn("[bold]{task.description}"), BarColumn(bar_width=30), TaskProgressColumn())
    with Progress(*columns, console=Console(stderr=True, highlight=False), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, all_rows: bar.update(task, completed=done, total=all_rows)


class _JsonLines:
    def event(self, kind: str, **values: Any) -> None:
        print(event_line(kind, values), file=sys.stderr, flush=True)


class _Bar:
    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("reading", total=None, figures="")

    def event(self, kind: str, **values: Any) -> None:
        if kind == "log":
            self._bar.console.print(f"[dim]{escape(str(values['message']))}[/]")
        elif kind == "phase":
            self._bar.update(self._task, description=str(values["name"]), total=None, figures="")
        elif kind == "step":
            steps, epochs = values["steps"], values["epochs"]
            self._bar.update(
                self._task,
                description=f"epoch {values['epoch']}/{epochs}",
                total=steps * epochs,
                completed=(values["epoch"] - 1) * steps + values["step"],
                figures=_figures(values),
            )
        elif kind == "epoch":
            star = " [green]best so far[/]" if values["best"] else ""
            self._bar.console.print(
                f"epoch {values['epoch']}/{values['epochs']}  loss {values['loss']:.4f}  "
                f"val task loss {values['val_task_loss']:.4f}  val accuracy {values['val_accuracy']:.4f}  "
                f"val macro F1 {values['val_macro_f1']:.4f}{star}"
            )


def _figures(values: Mapping[str, Any]) -> str:
    losses = [f"{name} {value:.4f}" for name, value in values.items() if name.endswith("loss")]
    return f"step {values['step']}/{values['steps']}  {values['rows_per_second']:.0f} rows/s  {'  '.join(losses)}"


def show_samples(samples: Sequence[SampleInfo]) -> None:
    """The sample data sets."""
    table = _table("sample", "what it is", "language", "licence", "here")
    for s in samples:
        table.add_row(s.name, escape(s.title), s.language, escape(s.licence), "yes" if s.available else "no")
    console = open_console()
    console.print(table)
    if not all(s.available for s in samples):
        console.print("\nBring the missing ones here: sft-keras samples --download")


def show_backbones(backbones: Sequence[BackboneInfo]) -> None:
    """The backbones that are known by name."""
    table = _table("backbone", "family", "parameters", "languages", "licence", "here", right=(2,))
    for b in backbones:
        size = f"{b.preset.parameters / 1e6:.1f} M" if b.preset.parameters else "by data"
        here = "yes" if b.here else "no"
        table.add_row(b.preset.name, b.family, size, b.preset.languages, b.preset.licence, here)
    console = open_console()
    console.print(table)
    console.print(
        "\nAlso: any other KerasHub preset of these families, an hf://organisation/name handle, or a local folder."
    )


def show_recipes(recipes: Sequence[RecipeInfo]) -> None:
    """The recipes, each with when to take it."""
    table = _table("recipe", "when to take it")
    for recipe in recipes:
        table.add_row(recipe.name, recipe.advice)
    console = open_console()
    console.print(table)
    console.print("\nTake one: sft-keras train --data FILE --recipe quick")


def show_runs(runs: Sequence[RunInfo]) -> None:
    """The runs, oldest first."""
    console = open_console()
    if not runs:
        console.print("No runs here. Start one: sft-keras train --data sample:movie-reviews")
        return
    table = _table("run", "state", "data", "backbone", "accuracy", "created", right=(4,))
    for r in runs:
        accuracy = r.status.summary.get("accuracy")
        score = f"{accuracy:.3f}" if isinstance(accuracy, int | float) else ""
        created = r.status.created.replace("T", " ")[:16]
        state, data = escape(r.status.state), escape(r.status.data)
        table.add_row(escape(str(r.path)), state, data, escape(r.backbone), score, escape(created))
    console.print(table)


def show_check(checked: CheckResult) -> None:
    """What is in a file."""
    console = open_console()
    report = checked.report
    for note in (*checked.notes, *checked.columns.reasons):
        console.print(f"[dim]{escape(note)}[/]")
    console.print(f"\n[bold]{report.usable_rows:,}[/] usable of {report.rows:,} rows")
    for lengths in (report.characters, report.tokens):
        if lengths:
            console.print(
                f"[dim]{lengths.unit} a text: {lengths.mean:.0f} on average, half have up to {lengths.median:.0f}, "
                f"longest {lengths.max:,}[/]"
            )
    console.print()
    table = _table("label", "rows", "share", right=(1, 2))
    ordered = sorted(report.class_counts.items(), key=lambda item: -item[1])
    for label, count in ordered[:MOST_CLASSES_SHOWN]:
        table.add_row(escape(label), f"{count:,}", f"{count / max(report.usable_rows, 1):.1%}")
    console.print(table)
    if len(ordered) > MOST_CLASSES_SHOWN:
        console.print(f"… and {len(ordered) - MOST_CLASSES_SHOWN} more labels")
    console.print()
    _show_findings(console, report.findings)
    if any(finding.fixable for finding in report.findings):
        console.print("\nA copy can be mended: sft-keras check FILE --fix clean.csv")


def show_fix(mended: FixResult) -> None:
    """What was changed in a copy, and what is still to be done by hand."""
    console = open_console()
    done = mended.to_dict()
    console.print(f"\n[bold]Mended copy:[/] {escape(str(mended.out))}, {done['rows']:,} rows", soft_wrap=True)
    for kind, count in done["kinds"].items():
        console.print(f"{count:,} × {kind}")
    console.print(f"Every change, by row: {escape(str(mended.changes))}", soft_wrap=True)
    console.print("What a check of the copy finds:")
    _show_findings(console, mended.report.findings)


def _show_findings(console: Console, findings: Sequence[Finding]) -> None:
    for finding in findings:
        style = SEVERITY_STYLES.get(finding.severity, "")
        place = "" if finding.part == "training" else f" of the {finding.part} file"
        rows = f" [dim](rows{place}: {', '.join(map(str, finding.rows))})[/]" if finding.rows else ""
        console.print(f"[{style}]{finding.severity}[/] {escape(finding.message)} {escape(finding.consequence)}{rows}")
    if not findings:
        console.print("[green]Nothing stands in the way of a training.[/]")


def show_report(report: Mapping[str, Any]) -> None:
    """Scores with their intervals, beside the baselines."""
    console = open_console()
    baselines = report.get("baselines") or {}
    titles = [BASELINES.get(name, name) for name in baselines]
    table = _table(
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
        table.add_row(title, f"[bold]{found['value']:.3f}[/]", interval, *others)
    console.print(table)
    console.print(f"\n{escape(report['verdict'])}\n")
    classes = _table("label", "precision", "recall", "F1", "rows", right=(1, 2, 3, 4))
    for row in report["per_class"][:MOST_CLASSES_SHOWN]:
        figures = [f"{row[key]:.3f}" for key in ("precision", "recall", "f1")]
        classes.add_row(escape(row["label"]), *figures, f"{row['support']:,}")
    console.print(classes)
    if len(report["per_class"]) > MOST_CLASSES_SHOWN:
        console.print(f"… and {len(report['per_class']) - MOST_CLASSES_SHOWN} more labels in the report")
    for title, columns, rows in search_tables(report):
        console.print(f"\n[bold]{escape(title)}[/]")
        tried = _table(*columns, right=range(len(columns)))
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


def show_prediction(prediction: Prediction, *, probabilities: bool) -> None:
    """One prediction on one line."""
    console = open_console()
    text = " ".join(prediction.text.split())
    shown = text if len(text) <= 100 else text[:97] + "…"
    if not prediction.label:
        console.print(f"{'(empty)':<24} {escape(shown)}", soft_wrap=True)
        return
    head = f"{prediction.label} {prediction.confidence:.1%}"
    console.print(f"[bold]{escape(head):<24}[/] {escape(shown)}", soft_wrap=True)
    if probabilities:
        ordered = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
        console.print("    " + "  ".join(f"{escape(name)} {value:.4f}" for name, value in ordered), soft_wrap=True)
