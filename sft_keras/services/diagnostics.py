"""The use case of examining a run: what may be believed of its model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sft_keras.services.base import Installation

if TYPE_CHECKING:
    from sft_keras.runs.diagnosed import Found
    from sft_keras.training.progress import ProgressSink


class DiagnosticsServices(Installation):
    """Diagnostics of runs."""

    def diagnostics_parts(self) -> tuple[str, ...]:
        """The names of the parts, in their order."""
        from sft_keras.diagnostics.base import ordered_parts

        return tuple(name for name, _ in ordered_parts())

    def diagnose(
        self, run: Path, *, parts: Sequence[str] | None = None, sink: ProgressSink | None = None
    ) -> list[Found]:
        """Examines a finished run, and keeps what is found in its folder.

        Args:
            run: The folder of the run.
            parts: Names of parts; all that were not examined yet if left out.
            sink: Hears `part` (name, number, count) and `step` (fraction).

        Returns:
            What is known of all parts.

        Raises:
            SftError: The run is not finished, is damaged, or is being examined; or there is no such part.
        """
        from sft_keras.runs.diagnosis import diagnose
        from sft_keras.runs.directory import RunDirectory

        return diagnose(RunDirectory.open(run), self.settings, parts=parts, sink=sink)
