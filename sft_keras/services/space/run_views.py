"""What a page shows of a run: where it stands, its curves, what it will cost."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RunView:
    """A run as its owner sees it.

    Attributes:
        id: Its id.
        name: What its owner calls it.
        state: queued, running, finished, cancelled, failed or interrupted.
        created: ISO 8601 in UTC.
        dataset: Name of the data.
        backbone: Name of the backbone.
        recipe: Name of the recipe, or "".
        phase: What is being done, in a word (preparing, loading, searching, training, evaluating, saving).
        step: Steps done, of all epochs.
        steps: Steps in all; 0 if not known yet.
        epoch: Epochs done.
        epochs: Epochs in all.
        rows_per_second: Rate; 0 if not known.
        eta_seconds: Until the end of the training; None if not known.
        queue_place: 1 is next; 0 if it does not wait.
        message: What went wrong, or "".
        fix: What to do about that, or "".
        summary: Headline figures by name (accuracy, macro_f1), 0 to 1; those of TF-IDF begin with `baseline_`.
        has_bundle: Whether there is a model to use.
        has_report: Whether there is a report.
        stopping: Whether it was asked to stop and has not yet.
    """

    id: str
    name: str
    state: str
    created: str
    dataset: str = ""
    backbone: str = ""
    recipe: str = ""
    phase: str = ""
    step: int = 0
    steps: int = 0
    epoch: int = 0
    epochs: int = 0
    rows_per_second: float = 0.0
    eta_seconds: float | None = None
    queue_place: int = 0
    message: str = ""
    fix: str = ""
    summary: dict[str, float] = field(default_factory=dict)
    has_bundle: bool = False
    has_report: bool = False
    stopping: bool = False


@dataclass(frozen=True)
class Curves:
    """What a training measured so far.

    Attributes:
        steps: One dict a logged step: step (over all epochs), loss, task_loss, sup_loss, as far as they exist.
        epochs: One dict an epoch: epoch, and all its figures.
        metric: Name of the validation metric that chooses the best epoch.
        weight: The λ that these belong to, where several are tried: the chosen one, or else that which is tried now.
        tried: All λ that were tried so far.
    """

    steps: tuple[dict[str, float], ...]
    epochs: tuple[dict[str, float], ...]
    metric: str
    weight: float | None = None
    tried: tuple[float, ...] = ()


@dataclass(frozen=True)
class Estimate:
    """What a training will cost on this machine, from a measurement of a few real steps.

    Attributes:
        seconds: Whole run; None while this machine was not measured yet.
        memory_mib: Peak memory of the process; None likewise.
        measuring: Whether the measurement is under way: ask again.
    """

    seconds: float | None
    memory_mib: float | None
    measuring: bool
