"""Reading a run folder for a page: a few small files, so that a long list is quick."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from sft_keras.config import RunConfig
from sft_keras.errors import ArtifactError
from sft_keras.places import HIDDEN, reworded
from sft_keras.runs.about import read_about
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.log_wording import log_line
from sft_keras.runs.measured import Progress, measured
from sft_keras.runs.queue import still_waits
from sft_keras.runs.status import Status
from sft_keras.services.space.run_views import Curves, RunView

LOG_BYTES = 64 * 1024
# Advice that only a terminal can follow.
_COMMANDS = ("sft-keras", "--")


def look(run: RunDirectory, waiting: Callable[[], Sequence[Path]], *, whole: bool = False) -> RunView:
    """A run as its owner sees it; a damaged one is shown as failed, with the reason.

    Args:
        run: The run.
        waiting: The folders in the queue, the next one first; asked only if the run waits.
        whole: Also read the progress of a run that is not under way.
    """
    try:
        status = run.status()
    except ArtifactError as error:
        status = Status(state="failed", message=error.problem)
    about = read_about(run.path)
    running = status.state == "running"
    progress = measured(run.path).progress if whole or running else Progress(0, 0, status.epoch, status.epochs)
    return RunView(
        id=run.path.name,
        name=about.name or about.dataset or run.path.name[:8],
        state=status.state,
        created=status.created,
        dataset=about.dataset or status.data,
        backbone=_base_name(run, about.base) if about.base else about.backbone,
        recipe=about.recipe,
        phase=status.phase if running else "",
        step=progress.step,
        steps=progress.steps,
        epoch=progress.epoch,
        epochs=progress.epochs,
        rows_per_second=progress.rows_per_second if running else 0.0,
        eta_seconds=progress.eta_seconds if running else None,
        queue_place=_place(run, waiting()) if status.state == "queued" else 0,
        message=reworded(status.message, {str(run.path): HIDDEN}),
        fix=reworded(_fix(status), {str(run.path): HIDDEN}),
        summary={name: float(value) for name, value in status.summary.items() if isinstance(value, int | float)},
        has_bundle=(run.bundle / "manifest.json").is_file(),
        has_report=(run.report / "report.json").is_file(),
        stopping=running and run.cancel.exists(),
    )


def _base_name(run: RunDirectory, base: str) -> str:
    return read_about(run.path.with_name(base)).name or base[:8]


def _place(run: RunDirectory, waiting: Sequence[Path]) -> int:
    """1 is next; so is a run that was just taken out of the queue and has not begun yet."""
    if run.path not in waiting:
        return 1
    ahead = waiting[: waiting.index(run.path)]
    return 1 + sum(map(still_waits, ahead))


def _fix(status: Status) -> str:
    """What to do, unless it is a command: a page has buttons for these."""
    return "" if any(command in status.fix for command in _COMMANDS) else status.fix


def curves(folder: Path, most: int) -> Curves:
    """What the run in a folder measured, thinned to at most so many steps."""
    found = measured(folder)
    shown = found.shown()
    steps = shown.steps
    if len(steps) > most:
        # The last one belongs to it: it is what the page says beside the curve.
        steps = [steps[round(index * (len(steps) - 1) / max(1, most - 1))] for index in range(most)]
    tried = tuple(sorted(weight for weight in found.trainings if weight is not None))
    return Curves(tuple(steps), tuple(shown.epochs), _metric(folder), shown.weight, tried)


def log_tail(folder: Path, lines: int, language: str, *, hidden: Iterable[Path]) -> list[str]:
    """The last lines of the log of the run in a folder.

    Args:
        folder: The run folder.
        lines: How many at most.
        language: Their language, as far as they are known there.
        hidden: Folders whose names are left out.
    """
    try:
        with (folder / "log.txt").open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - LOG_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    places = dict.fromkeys(map(str, hidden), HIDDEN)
    return [reworded(log_line(line, language), places) for line in text.splitlines()[-lines:]]


def made(run: RunDirectory) -> int:
    """When a run was made, more finely than its status says."""
    try:
        return (run.path / "request.json").stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=256)
def _monitor(path: Path, changed: int) -> str:
    del changed
    return f"val_{RunConfig.from_yaml(path).training.monitor}"


def _metric(folder: Path) -> str:
    path = folder / "config.yaml"
    try:
        return _monitor(path, path.stat().st_mtime_ns)
    except OSError:
        return ""
