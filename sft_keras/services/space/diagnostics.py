"""What may be believed of a run's model, in the parts that a page shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sft_keras.errors import ArtifactError
from sft_keras.services.space.decisions import DecisionSpace


@dataclass(frozen=True)
class PartView:
    """A part of the diagnostics.

    Attributes:
        name: Its name.
        title: What it is called.
        what: What it is good for.
        state: "ready", "skipped" (it does not apply), "failed", "waiting", "working".
        content: HTML; empty while it waits or works.
        fraction: How much is done while it is at work, 0 to 1.
    """

    name: str
    title: str
    what: str
    state: Literal["ready", "skipped", "failed", "waiting", "working"]
    content: str
    fraction: float


@dataclass(frozen=True)
class DiagnosticsView:
    """The diagnostics of a run.

    Attributes:
        parts: All parts, in order.
        under_way: Whether a process is at work on them.
    """

    parts: tuple[PartView, ...]
    under_way: bool

    @property
    def complete(self) -> bool:
        """Whether nothing waits any more."""
        return all(part.state not in ("waiting", "working") for part in self.parts)


class DiagnosticsSpace(DecisionSpace):
    """Diagnostics. All errors are `SftError`."""

    def diagnostics(self, run: str, *, language: str = "en") -> DiagnosticsView:
        """What is known by now.

        Args:
            run: The run.
            language: "en" or "zh".
        """
        from sft_keras.runs.diagnosed import is_under_way, read_all, show
        from sft_keras.runs.directory import RunDirectory

        folder = RunDirectory(self.place("runs", run))
        parts = []
        for found in read_all(folder):
            title, what, content = show(found, language)
            parts.append(PartView(found.part, title, what, found.state, content, found.fraction))
        return DiagnosticsView(tuple(parts), is_under_way(folder))

    def diagnose(self, run: str) -> None:
        """Examines what was not examined yet, in a process of its own.

        Raises:
            ArtifactError: The run is not finished.
        """
        from sft_keras.runs.diagnosed import is_under_way
        from sft_keras.runs.directory import RunDirectory
        from sft_keras.runs.queue import OUTPUT, start_detached

        folder = RunDirectory(self.place("runs", run))
        if folder.status().state != "finished":
            raise ArtifactError("The run is not finished yet.", fix="Wait until it is.")
        if not is_under_way(folder):
            start_detached("sft_keras.runs.diagnose_process", [str(folder.path)], self.settings, folder.path / OUTPUT)
