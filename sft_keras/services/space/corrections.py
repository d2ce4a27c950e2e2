"""Labels that look wrong, looked at by a person: what is decided, and training again with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sft_keras.errors import ArtifactError, ConfigError, DataError, SftError, did_you_mean
from sft_keras.services.space.diagnostics import DiagnosticsSpace
from sft_keras.services.space.runs import RunSpace

if TYPE_CHECKING:
    from sft_keras.data.corrections import Correction, Corrections
    from sft_keras.spaces.datasets import DatasetFolder

PART = "suspicious_labels"
Decision = Literal["keep", "relabel", "drop"]


@dataclass(frozen=True)
class SuspectView:
    """A row whose label looks wrong.

    Attributes:
        key: What it is known by.
        text: Its text.
        label: The label given.
        suggested: The label that a quick classifier would give.
        suspicion: 0 to 1.
        part: "train" or "validation".
        row: Its number in the file, from 1.
        decision: What was decided; None as long as nothing was.
        new_label: The label that it gets; "" unless it is relabelled.
    """

    key: str
    text: str
    label: str
    suggested: str
    suspicion: float
    part: str
    row: int
    decision: Decision | None
    new_label: str = ""


@dataclass(frozen=True)
class ReviewView:
    """The rows of a run whose labels look wrong.

    Attributes:
        rows: The rows, the most suspicious first.
        examined: Whether they were looked for.
        labels: All labels of the run.
        relabelled: How many rows of the dataset were given another label, also in the review of another run.
        dropped: How many were dropped.
        kept: How many proved right.
        usable: Whether the dataset is still there, so that decisions can be kept.
        corrects: The run that this one corrects the labels of, or "".
    """

    rows: tuple[SuspectView, ...]
    examined: bool
    labels: tuple[str, ...]
    relabelled: int
    dropped: int
    kept: int
    usable: bool
    corrects: str

    @property
    def changed(self) -> int:
        """How many rows another training would see otherwise."""
        return self.relabelled + self.dropped


class CorrectionSpace(RunSpace, DiagnosticsSpace):
    """Corrections of labels. All errors are `SftError`."""

    def review(self, run: str) -> ReviewView:
        """The rows of a run whose labels look wrong, and what was decided about them."""
        from sft_keras.runs.about import read_about

        place = self.place("runs", run)
        about = read_about(place)
        folder = self._reviewed(run)
        corrections, trained = self._corrections(folder), self._trained_with(run)
        decided = [_decision(each) for each in corrections.values()]
        suspects = self._suspects(run)
        return ReviewView(
            rows=tuple(_view(entry, corrections, trained) for entry in suspects or ()),
            examined=suspects is not None,
            labels=self._label_names(run),
            relabelled=decided.count("relabel"),
            dropped=decided.count("drop"),
            kept=decided.count("keep"),
            usable=folder is not None,
            corrects=about.corrects,
        )

    def decide(self, run: str, key: str, decision: str, label: str = "") -> None:
        """Keeps a decision about a row with the dataset.

        Args:
            run: The run in whose review it was made.
            key: The row.
            decision: "keep" (the label is right), "relabel" or "drop".
            label: The new label, for "relabel".

        Raises:
            SftError: The row is not in the list, the label is unknown, or the dataset is gone.
        """
        from sft_keras.data.corrections import MOST_CHARACTERS, Correction
        from sft_keras.spaces.corrections import change_corrections

        entry, trained = self._suspect(run, key), self._trained_with(run)
        if decision == "relabel":
            names = self._label_names(run)
            if label not in names:
                raise DataError(f'There is no label "{label[:100]}".', fix=did_you_mean(label[:100], names))
        elif decision not in ("keep", "drop"):
            raise ConfigError("A row is kept, relabelled or dropped.", where="decision", fix="Choose one of these.")
        new = {"keep": entry["label"], "relabel": label, "drop": None}[decision]

        def change(corrections: dict[str, Correction]) -> None:
            # A row that was corrected before is known in the file by the label that it has there.
            origin = _origin(entry, trained) or key
            before = corrections.get(origin) or trained.get(origin)
            old = before.label if before else entry["label"]
            corrections[origin] = Correction(entry["text"][:MOST_CHARACTERS], old, new)

        change_corrections(self._required(run), change)

    def undo(self, run: str, key: str) -> None:
        """Takes back what was decided about a row: it has the label again that this run was trained with."""
        from sft_keras.spaces.corrections import change_corrections

        entry, trained = self._suspect(run, key), self._trained_with(run)

        def change(corrections: dict[str, Correction]) -> None:
            origin = _origin(entry, trained)
            if origin is None:
                corrections.pop(key, None)
            else:
                corrections[origin] = trained[origin]

        change_corrections(self._required(run), change)

    def train_corrected(self, run: str, *, name: str = "") -> str:
        """Puts a training with the same settings and dataset and the corrections into the queue.

        Args:
            run: The run whose settings are taken. Both have the same test rows.
            name: What to call the new one; made from the dataset if empty.

        Returns:
            The id of the new run.

        Raises:
            SftError: Nothing was corrected, the dataset is gone, or a limit of this owner is reached.
        """
        from sft_keras.runs.about import read_about

        folder = self._required(run)
        corrections = {key: each for key, each in self._corrections(folder).items() if each.changes}
        if not corrections:
            raise ConfigError("No label was corrected yet.", fix="Relabel or drop at least one row.")
        about = read_about(self.place("runs", run))
        return self.submit(
            folder.path.name,
            self.settings_of(run),
            name=name,
            recipe=about.recipe,
            corrections=corrections,
            corrects=run,
        )

    def corrected_verdict(self, run: str, *, language: str = "en") -> str:
        """What the corrections of a run brought, on the test rows that it shares with the run before; "" if unknown."""
        from sft_keras.runs.about import read_about

        before = read_about(self.place("runs", run)).corrects
        if not before:
            return ""
        try:
            names = (self.run(run).name, self.run(before).name)
            reports = [self.place("runs", each) / "report" / "report.json" for each in (run, before)]
            stamps = tuple(file.stat().st_mtime_ns for file in reports)
            return self.installation.memory.get(
                ("corrected", *map(str, reports), *stamps, *names, language),
                lambda: self.compare(run, before, language=language, names=names).verdict,
            )
        except (SftError, OSError):  # the run before is gone, or one of them is not finished
            return ""

    def _trained_with(self, run: str) -> Corrections:
        """The corrections that the rows of a run were given."""
        from sft_keras.runs.directory import RunDirectory
        from sft_keras.runs.prepare import corrections_of

        return corrections_of(RunDirectory(self.place("runs", run)))

    def _suspects(self, run: str) -> list[dict[str, Any]] | None:
        """The rows as the part of the diagnostics listed them; None if it did not."""
        from sft_keras.runs.diagnosed import read_all
        from sft_keras.runs.directory import RunDirectory

        found = {each.part: each for each in read_all(RunDirectory(self.place("runs", run)))}[PART]
        listed = found.facts.get("listed") if found.state == "ready" else None
        return [entry for entry in listed if _is_suspect(entry)] if isinstance(listed, list) else None

    def _suspect(self, run: str, key: str) -> dict[str, Any]:
        for entry in self._suspects(run) or ():
            if entry["key"] == key:
                return entry
        raise DataError("This row is not in the list.", fix="Load the page again.")

    def _label_names(self, run: str) -> tuple[str, ...]:
        from sft_keras.data.labels import Labels

        try:
            return Labels.from_json((self.place("runs", run) / "bundle" / "labels.json").read_text("utf-8")).names
        except (OSError, UnicodeDecodeError):
            return ()  # there is no model yet

    def _reviewed(self, run: str) -> DatasetFolder | None:
        """The dataset of a run; None if it is gone."""
        from sft_keras.runs.about import read_about

        about = read_about(self.place("runs", run))
        try:
            return self._dataset(about.dataset_id)
        except ArtifactError:
            return None

    def _required(self, run: str) -> DatasetFolder:
        folder = self._reviewed(run)
        if folder is None:
            raise ArtifactError("The dataset of this run was deleted.", fix="Add the file again, and train with it.")
        return folder

    def _corrections(self, folder: DatasetFolder | None) -> dict[str, Correction]:
        from sft_keras.spaces.corrections import read_corrections

        return read_corrections(folder) if folder is not None else {}


def _is_suspect(entry: object) -> bool:
    texts = ("key", "text_key", "text", "label", "suggested", "part")
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in texts)
        and isinstance(entry.get("suspicion"), int | float)
        and isinstance(entry.get("row"), int)
    )


def _origin(entry: Mapping[str, Any], trained: Corrections) -> str | None:
    """The key, in the file, of a row that the run was given with a corrected label."""
    from sft_keras.data.corrections import made_by

    return made_by(entry["text_key"], entry["label"], trained)


def _decision(correction: Correction, label: str | None = None) -> Decision:
    """What a correction does to a row, which has `label` now; without one, the label of the file."""
    if correction.new_label is None:
        return "drop"
    return "keep" if correction.new_label == (correction.label if label is None else label) else "relabel"


def _view(entry: Mapping[str, Any], corrections: Corrections, trained: Corrections) -> SuspectView:
    found = corrections.get(_origin(entry, trained) or entry["key"])
    decision = _decision(found, entry["label"]) if found else None
    return SuspectView(
        key=entry["key"],
        text=entry["text"],
        label=entry["label"],
        suggested=entry["suggested"],
        suspicion=float(entry["suspicion"]),
        part=entry["part"],
        row=entry["row"],
        decision=decision,
        new_label=(found.new_label or "") if found and decision == "relabel" else "",
    )
