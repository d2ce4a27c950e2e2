"""Progress on standard error: a live bar on a terminal, JSON lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from sft_keras.runs.lines import event_line
from sft_keras.terminal.base import escape

if TYPE_CHECKING:
    from sft_keras.training.progress import ProgressSink


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
