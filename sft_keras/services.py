"""The use cases: every way in (command line, web app, Python) goes through here.

Nothing heavy is imported until it is used; a listing answers without Keras.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sft_keras.config import RunConfig
from sft_keras.errors import ConfigError, DataError, SftError
from sft_keras.recipes import RecipeInfo, recipe_path, recipes
from sft_keras.runs.directory import RunDirectory, find_runs
from sft_keras.runs.status import Status
from sft_keras.settings import Settings
from sft_keras.training.progress import ProgressSink, Silent
from sft_keras.yaml_files import read_yaml

if TYPE_CHECKING:
    import numpy as np

    from sft_keras.artifacts.bundle import Bundle
    from sft_keras.data.checks import DataReport
    from sft_keras.data.columns import Columns
    from sft_keras.data.examples import Examples
    from sft_keras.data.fixes import Fixed
    from sft_keras.data.readers import Table
    from sft_keras.inference.predictor import Predictor
    from sft_keras.modeling.backbones.base import Preset
    from sft_keras.runs.prepare import Source
    from sft_keras.runs.worker import RunResult
    from sft_keras.tasks.base import Prediction


@dataclass(frozen=True)
class SampleInfo:
    """A sample data set and whether its texts are here."""

    name: str
    title: str
    language: str
    source: str
    licence: str
    available: bool


@dataclass(frozen=True)
class BackboneInfo:
    """A preset, its family, and whether it can be loaded without a network."""

    preset: Preset
    family: str
    here: bool


@dataclass(frozen=True)
class CheckResult:
    """What is in a file: how it was read, which columns were chosen and why, and what was found."""

    source: str
    columns: Columns
    notes: tuple[str, ...]
    report: DataReport

    def to_dict(self) -> dict[str, Any]:
        """One flat object for programs."""
        columns = {"text": self.columns.text, "label": self.columns.label, "reasons": list(self.columns.reasons)}
        return {"source": self.source, "columns": columns, "notes": list(self.notes), **self.report.to_dict()}


@dataclass(frozen=True)
class FixResult:
    """A mended copy of a file: what was changed, what a check of the copy finds, and where it was written."""

    fixed: Fixed
    report: DataReport
    out: Path | None
    changes: Path | None

    def to_dict(self) -> dict[str, Any]:
        """What was done, in figures, and what is left to do."""
        left = self.report.to_dict()
        return {
            "out": None if self.out is None else str(self.out),
            "changes": None if self.changes is None else str(self.changes),
            "dropped": sum(change.action == "dropped" for change in self.fixed.changes),
            "changed": sum(change.action == "changed" for change in self.fixed.changes),
            "kinds": self.fixed.counts(),
            **{key: left[key] for key in ("rows", "usable_rows", "class_counts", "findings", "ok")},
        }


@dataclass(frozen=True)
class RunInfo:
    """A run folder and its status."""

    path: Path
    status: Status
    backbone: str


class Services:
    """The use cases over one installation.

    Args:
        settings: Paths and limits; from the environment if left out.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings.from_environment()

    def samples(self) -> list[SampleInfo]:
        """The sample data sets."""
        from sft_keras.data.samples import SAMPLES, is_available

        return [
            SampleInfo(s.name, s.title, s.language, s.source, s.licence, is_available(s.name, self.settings))
            for s in SAMPLES.values()
        ]

    def download_samples(self, names: Sequence[str] = (), log: Callable[[str], None] = lambda _: None) -> None:
        """Brings the texts of the named samples, or of all; see `data.samples.fetch_samples`."""
        from sft_keras.data.samples import fetch_samples

        fetch_samples(self.settings, list(names) or None, log)

    def recipes(self) -> list[RecipeInfo]:
        """The settings that come by name."""
        return recipes()

    def recipe(self, name: str) -> dict[str, Any]:
        """The settings of a recipe, to be checked with `RunConfig.parse`.

        Raises:
            ConfigError: There is no such recipe.
        """
        return read_yaml(recipe_path(name))

    def backbones(self) -> list[BackboneInfo]:
        """The backbones that are known by name."""
        from sft_keras.modeling.backbones.base import known_presets

        return [BackboneInfo(p, family.name, family.is_here(p)) for family, p in known_presets().values()]

    def check(
        self, data: str, config: RunConfig, *, validation: str | None = None, test: str | None = None
    ) -> CheckResult:
        """What is in a file and what would get in the way of a training.

        Args:
            data: A path or `sample:NAME`.
            config: Says which columns are used, and what they are checked for.
            validation: A path with validation rows that go with it.
            test: A path with test rows that go with it.

        Raises:
            DataError: A file cannot be read, or its columns cannot be told.
        """
        from sft_keras.runs.prepare import read_columns

        table, columns = read_columns(data, config, self.settings)
        parts = self._parts(config, validation, test)
        return CheckResult(table.source, columns, table.notes, self._report(table, columns, config, parts))

    def fix(
        self,
        data: str,
        config: RunConfig,
        *,
        kinds: Sequence[str] | None = None,
        validation: str | None = None,
        test: str | None = None,
        out: Path | None = None,
        force: bool = False,
    ) -> FixResult:
        """Mends a copy of a file; the file itself is not touched.

        Args:
            data: A path or `sample:NAME`.
            config: Says which columns are used, and what the copy is checked for.
            kinds: What to mend, see `data.fixes.fix_table`; all if None.
            validation: A path with validation rows, which are taken out of the copy.
            test: A path with test rows, which are taken out of the copy.
            out: Where the copy goes, .csv, .tsv or .jsonl by its ending, with a list of the changes beside it;
                nothing is written if None.
            force: Files that are there may be replaced, but never those that are read.

        Raises:
            SftError: A file cannot be read or written, no row would be left, or there is no such kind.
        """
        from sft_keras.data.fixed_copy import require_free, write_copy
        from sft_keras.data.fixes import fix_table
        from sft_keras.runs.prepare import read_columns

        if out is not None:
            require_free(out, [each for each in (data, validation, test) if each], force=force)
        table, columns = read_columns(data, config, self.settings)
        parts = self._parts(config, validation, test)
        fixed = fix_table(table, columns, kinds=kinds, parts=parts)
        report = self._report(fixed.table, columns, config, parts)
        return FixResult(fixed, report, out, None if out is None else write_copy(fixed, out, force=force))

    def _parts(self, config: RunConfig, validation: str | None, test: str | None) -> dict[str, Examples]:
        from sft_keras.runs.prepare import read_examples

        given = {"validation": validation, "test": test}
        return {name: read_examples(path, config, self.settings, Silent()) for name, path in given.items() if path}

    def _report(self, table: Table, columns: Columns, config: RunConfig, parts: dict[str, Examples]) -> DataReport:
        from sft_keras.data.checks import check_examples
        from sft_keras.modeling.backbone_choice import AUTO, choose_backbone
        from sft_keras.modeling.backbones.base import known_presets, resolve_backbone

        name = config.model.backbone
        if name == AUTO:
            name, _ = choose_backbone(list(table.frame[columns.text]))
        known = known_presets().get(name)
        # Nothing is downloaded for a check: without the tokenizer, lengths are told in characters.
        here = known is not None and known[0].is_here(known[1])

        def count_tokens(texts: list[str]) -> np.ndarray:
            backbone = resolve_backbone(name)
            return backbone.family.tokenizer(backbone.location, config.model, texts).count(texts)

        return check_examples(
            table,
            columns,
            self.settings,
            token_counter=count_tokens if here else None,
            max_length=config.model.max_length,
            languages=known[1].languages if known else None,
            similarity=config.data.near_duplicate_similarity,
            parts=parts,
        )

    def prepare(
        self,
        data: Source,
        config: RunConfig,
        *,
        out: Path | None = None,
        validation: Source | None = None,
        test: Source | None = None,
        sink: ProgressSink | None = None,
    ) -> RunDirectory:
        """Reads and divides the data and makes the run folder; nothing is trained yet.

        Args:
            data: A path, `sample:NAME`, a table or examples in memory.
            config: The resolved configuration.
            out: The run folder; a new one under the data directory if left out.
            validation: The validation rows, likewise; cut from `data` if left out.
            test: The test rows, likewise; cut from `data` if left out.
            sink: Hears what was chosen and why.

        Raises:
            SftError: The data, the configuration or the folder cannot be used.
        """
        from sft_keras.runs.prepare import prepare_run

        return prepare_run(
            out or self._new_run_folder(data if isinstance(data, str) else data.source),
            config,
            self.settings,
            data=data,
            validation=validation,
            test=test,
            sink=sink or Silent(),
        )

    def start(
        self,
        run: RunDirectory,
        sink: ProgressSink | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        *,
        discard: bool = False,
    ) -> RunResult:
        """Carries out a run, or what is left of it, in this process.

        Args:
            run: The run.
            sink: Hears of the progress.
            should_stop: Asked after each step; True keeps the best model so far and stops.
            discard: Removes the folder again if a setting proves wrong before anything was trained, so that the
                same command works once it is mended. For callers that made the folder just now.

        Raises:
            SftError: It failed for a reason that a person can mend.
        """
        from sft_keras.runs.worker import execute

        try:
            return execute(run, sink or Silent(), should_stop, self.settings)
        except ConfigError:
            if discard and not any(run.checkpoints.glob("epoch-*")):
                shutil.rmtree(run.path, ignore_errors=True)
            raise

    def fit(
        self, examples: Examples, config: RunConfig, bundle: Path, *, sink: ProgressSink | None = None
    ) -> RunResult:
        """Trains on examples in memory and keeps nothing but the bundle: the run folder is a temporary one.

        Args:
            examples: The rows; validation and test part are cut from them as the configuration says.
            config: The resolved configuration.
            bundle: Where the bundle goes; nothing may be there.
            sink: Hears of the progress.

        Returns:
            The report, if there is a test part; the folder that is named in it is gone.

        Raises:
            SftError: It failed for a reason that a person can mend.
        """
        with tempfile.TemporaryDirectory(prefix="sft-keras-") as folder:
            run = self.prepare(examples, config, out=Path(folder) / "run", sink=sink)
            result = self.start(run, sink)
            shutil.move(run.bundle, bundle)
        return result

    def open_run(self, path: Path) -> RunDirectory:
        """A run that can be resumed.

        Raises:
            ArtifactError: It is no run, or its status cannot be read.
            ConfigError: It is finished.
        """
        run = RunDirectory.open(path)
        run.mend()
        if run.status().state == "finished":
            raise ConfigError(
                "The run is finished; there is nothing to resume.",
                where=str(path),
                fix=f'Use its model: sft-keras predict {run.bundle} --text "…"',
            )
        return run

    def runs(self, places: Sequence[Path] = ()) -> list[RunInfo]:
        """The runs in the given folders, oldest first; without any, those of the data directory, `./runs` and `.`.

        Raises:
            ConfigError: A given folder does not exist.
        """
        for place in places:
            if not place.is_dir():
                raise ConfigError("There is no such folder.", where=str(place), fix="Check the path.")
        found = find_runs(list(places) or [self.settings.runs_dir, Path("runs"), Path()])
        return sorted(map(_run_info, found), key=lambda info: (info.status.created, str(info.path)))

    def load(self, bundle: Path) -> Predictor:
        """A bundle's model, ready to predict; `bundle` may also be the run folder.

        Raises:
            ArtifactError: The bundle is missing, damaged, or from a newer version.
        """
        from sft_keras.artifacts.bundle import read_bundle

        return self._predictor(read_bundle(bundle))

    def _predictor(self, checked: Bundle) -> Predictor:
        from sft_keras.artifacts.bundle import load_model, load_tokenizer
        from sft_keras.backend import load_backend
        from sft_keras.inference.predictor import Predictor
        from sft_keras.tasks.base import TASKS

        load_backend()
        model = load_model(checked)
        return Predictor(
            model,
            load_tokenizer(checked, model),
            checked.labels,
            TASKS.get(checked.config.training.task),
            max_length=checked.config.model.max_length,
        )

    def evaluate(
        self, bundle: Path, data: str, *, text_column: str | None = None, label_column: str | None = None
    ) -> dict[str, Any]:
        """Scores a bundle on a labelled file; the content is that of `report.json` without baselines.

        Raises:
            SftError: The bundle or the file cannot be used, or the file has a label that the model does not know.
        """
        from sft_keras.artifacts.bundle import read_bundle
        from sft_keras.evaluation.report import evaluate_only
        from sft_keras.runs.prepare import Remembering, read_examples
        from sft_keras.runs.worker import versions

        checked = read_bundle(bundle)
        chosen = checked.config.data.model_copy(
            update={"text_column": text_column, "label_column": label_column, "weight_column": None}
        )
        config = checked.config.model_copy(update={"data": chosen})
        told = Remembering(Silent())
        examples = read_examples(data, config, self.settings, told)
        try:
            targets = checked.labels.encode(examples.labels)
        except DataError as error:
            where = f"{examples.source}, beside the labels that the model knows"
            raise DataError(error.problem, where=where, fix=error.fix) from None
        predictor = self._predictor(checked)
        began = time.monotonic()
        probabilities = predictor.probabilities(examples.texts)
        report = evaluate_only(
            labels=targets,
            probabilities=probabilities,
            names=checked.labels.names,
            config=config.evaluation,
            seed=config.training.seed,
            data_fingerprint=examples.fingerprint(),
            backbone=str(checked.information.get("backbone", config.model.backbone)),
            versions=versions(),
            seconds={"prediction": time.monotonic() - began},
            notes=told.messages,
        )
        return report.to_dict()

    def report_html(self, place: Path, *, language: str | None = None, texts: bool = False) -> str:
        """The report of a finished run or of a bundle as one HTML page, in every language, without a script.

        Args:
            place: The folder of the run, or the bundle.
            language: "en" or "zh", which is shown first; that of this machine's locale if left out.
            texts: Whether to show test texts with wrong labels. Only a run holds them.

        Raises:
            ArtifactError: There is no report, or it is damaged.
            ConfigError: There is no such language.
        """
        from sft_keras.runs.reports import report_page

        return report_page(place, language=language, texts=texts)

    def predict(self, bundle: Path, texts: Iterable[str], *, chunk: int = 1024) -> Iterator[Prediction]:
        """One prediction a text, in order, in bounded memory: so many texts at a time."""
        return self.load(bundle).predict_stream(texts, chunk=chunk)

    def predict_file(
        self, bundle: Path, source: str, target: Path, *, text_column: str | None = None, probabilities: bool = False
    ) -> int:
        """Predicts each row of a file and writes it with all its columns; returns the number of rows.

        Args:
            bundle: The bundle.
            source: The file with the texts.
            target: What is written: .csv, .tsv or .jsonl by its ending. It appears when it is complete.
            text_column: The column with the texts; found if left out.
            probabilities: Whether to add the probability of each label.

        Raises:
            SftError: A file or the bundle cannot be used.
        """
        from sft_keras.data.columns import choose_text_column
        from sft_keras.data.writers import require_writable
        from sft_keras.inference.tables import predict_table
        from sft_keras.runs.prepare import read_data

        require_writable(target)  # before the long work
        table = read_data(source, self.settings)
        column = choose_text_column(table.frame, text=text_column, source=table.source)
        predict_table(self.load(bundle), table.frame, column, target, probabilities=probabilities)
        return len(table.frame)

    def _new_run_folder(self, data: str) -> Path:
        from sft_keras.data.samples import SAMPLE_PREFIX

        stem = re.sub(r"[^\w.-]+", "-", Path(data.removeprefix(SAMPLE_PREFIX)).stem).strip("-.") or "run"
        name = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{stem[:60]}"
        folder = self.settings.runs_dir / name
        number = 2
        while folder.exists():
            folder = self.settings.runs_dir / f"{name}-{number}"
            number += 1
        return folder


def _run_info(run: RunDirectory) -> RunInfo:
    """A run for a listing, which one damaged folder must not break."""
    try:
        return RunInfo(run.path, run.status(), run.config().model.backbone)
    except SftError as error:
        return RunInfo(run.path, Status(state="unreadable", message=error.problem), "")
