"""The use cases around a training: what it may start from, preparing, carrying out, finding again."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sft_keras.config import RunConfig
from sft_keras.errors import ConfigError, SftError
from sft_keras.recipes import RecipeInfo, recipe_path, recipes
from sft_keras.runs.directory import RunDirectory, find_runs
from sft_keras.runs.status import Status
from sft_keras.services.base import Installation
from sft_keras.training.progress import ProgressSink, Silent
from sft_keras.yaml_files import read_yaml

if TYPE_CHECKING:
    from sft_keras.data.examples import Examples
    from sft_keras.modeling.backbones.base import Preset
    from sft_keras.runs.prepare import Source
    from sft_keras.runs.worker import RunResult


@dataclass(frozen=True)
class BackboneInfo:
    """A preset, its family, and whether it can be loaded without a network."""

    preset: Preset
    family: str
    here: bool


@dataclass(frozen=True)
class RunInfo:
    """A run folder and its status."""

    path: Path
    status: Status
    backbone: str


class RunServices(Installation):
    """Training models."""

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

    def prepare(
        self,
        data: Source,
        config: RunConfig,
        *,
        out: Path | None = None,
        validation: Source | None = None,
        test: Source | None = None,
        corrections: Path | None = None,
        sink: ProgressSink | None = None,
    ) -> RunDirectory:
        """Reads and divides the data and makes the run folder; nothing is trained yet.

        Args:
            data: A path, `sample:NAME`, a table or examples in memory.
            config: The resolved configuration.
            out: The run folder; a new one under the data directory if left out.
            validation: The validation rows, likewise; cut from `data` if left out.
            test: The test rows, likewise; cut from `data` if left out.
            corrections: A file with corrections of labels, in the columns `text`, `label`, `new_label` (empty: the row
                is dropped). They change training and validation rows only, never the test part.
            sink: Hears what was chosen and why.

        Raises:
            SftError: The data, the configuration or the folder cannot be used.
        """
        from sft_keras.runs.prepare import prepare_run, read_corrections

        return prepare_run(
            out or self._new_run_folder(data if isinstance(data, str) else data.source),
            config,
            self.settings,
            data=data,
            validation=validation,
            test=test,
            sink=sink or Silent(),
            corrections=read_corrections(corrections, self.settings) if corrections is not None else None,
        )

    def start(
        self,
        run: RunDirectory,
        sink: ProgressSink | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        *,
        discard: bool = False,
        exports: bool = True,
    ) -> RunResult:
        """Carries out a run, or what is left of it, in this process.

        Args:
            run: The run.
            sink: Hears of the progress.
            should_stop: Asked after each step; True keeps the best model so far and stops.
            discard: Removes the folder again if a setting proves wrong before anything was trained, so that the
                same command works once it is mended. For callers that made the folder just now.
            exports: Whether the bundle gets the model in other formats too, which takes some seconds.

        Raises:
            SftError: It failed for a reason that a person can mend.
        """
        from sft_keras.runs.worker import execute

        try:
            return execute(run, sink or Silent(), should_stop, self.settings, exports=exports)
        except ConfigError:
            if discard and not any(run.checkpoints.rglob("epoch-*")):
                shutil.rmtree(run.path, ignore_errors=True)
            raise

    def fit(
        self, examples: Examples, config: RunConfig, bundle: Path, *, sink: ProgressSink | None = None
    ) -> RunResult:
        """Trains on examples in memory and keeps nothing but the bundle: the run folder is a temporary one.

        The bundle holds the Keras model alone, since many trainings in a row, as in a search, need no other format.

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
            result = self.start(run, sink, exports=False)
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
        run.require_unfinished(run.status())
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
