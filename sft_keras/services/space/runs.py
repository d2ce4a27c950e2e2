"""The runs of an owner: submitting, watching, stopping, going on, renaming, deleting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sft_keras.services.space.base import OwnedFolder


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
        summary: Headline figures by name (accuracy, macro_f1), 0 to 1.
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
    """

    steps: tuple[dict[str, float], ...]
    epochs: tuple[dict[str, float], ...]
    metric: str


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


class RunSpace(OwnedFolder):
    """Runs. All errors are `SftError`."""

    def submit(self, dataset: str, settings: Mapping[str, Any], *, name: str = "", recipe: str = "") -> str:
        """Puts a training into the queue and returns the id of its run.

        Args:
            dataset: Id of a dataset.
            settings: Settings laid over the defaults, as in a YAML file; checked here.
            name: What to call it; made from the dataset if empty.
            recipe: The recipe that the settings come from, to be shown.

        Raises:
            SftError: A setting is wrong, or a limit of this owner is reached.
        """
        raise NotImplementedError

    def estimate(self, dataset: str, settings: Mapping[str, Any]) -> Estimate:
        """What `submit` would cost; never blocks."""
        raise NotImplementedError

    def runs(self) -> list[RunView]:
        """This owner's runs, newest first."""
        raise NotImplementedError

    def run(self, run: str) -> RunView:
        """One of them."""
        raise NotImplementedError

    def curves(self, run: str, *, most: int = 400) -> Curves:
        """What it measured, thinned to at most so many steps."""
        raise NotImplementedError

    def log_tail(self, run: str, lines: int = 12) -> list[str]:
        """The last lines of its log."""
        raise NotImplementedError

    def settings_of(self, run: str) -> dict[str, Any]:
        """The resolved configuration, as in `config.yaml`."""
        raise NotImplementedError

    def stop(self, run: str) -> None:
        """Asks it to stop and keep the best so far; a waiting run is taken out of the queue."""
        raise NotImplementedError

    def resume(self, run: str) -> None:
        """Puts a stopped, failed or interrupted run back into the queue."""
        raise NotImplementedError

    def rename(self, run: str, name: str) -> None:
        """Calls it something else."""
        raise NotImplementedError

    def delete(self, run: str) -> None:
        """Stops and deletes it, with its link."""
        raise NotImplementedError
