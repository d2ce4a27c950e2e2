"""The runs of an owner: submitting, watching, stopping, going on, renaming, deleting."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from sft_keras.errors import ArtifactError, ConfigError, SftError
from sft_keras.services.space.base import new_id
from sft_keras.services.space.datasets import DatasetInfo, DatasetSpace
from sft_keras.services.space.run_views import Curves, Estimate, RunView
from sft_keras.spaces.room import require_free_disk

if TYPE_CHECKING:
    from sft_keras.data.corrections import Corrections
    from sft_keras.runs.directory import RunDirectory

__all__ = ["Curves", "Estimate", "RunSpace", "RunView"]

ACTIVE = ("queued", "running")


class RunSpace(DatasetSpace):
    """Runs. All errors are `SftError`."""

    def submit(
        self,
        dataset: str,
        settings: Mapping[str, Any],
        *,
        name: str = "",
        recipe: str = "",
        corrections: Corrections | None = None,
        corrects: str = "",
    ) -> str:
        """Puts a training into the queue and returns the id of its run.

        Args:
            dataset: Id of a dataset.
            settings: Settings laid over the defaults, as in a YAML file; checked here. The backbone is `auto`, a
                name that is known, `run:ID` of an own run to go on from, or, where that is allowed, a handle of a hub.
            name: What to call it; made from the dataset if empty.
            recipe: The recipe that the settings come from, to be shown.
            corrections: Corrections of labels, laid over training and validation rows.
            corrects: The run that it is to be compared with for that reason.

        Raises:
            SftError: A setting is wrong, or a limit of this owner is reached.
        """
        from sft_keras.runs.about import About, read_about, write_about
        from sft_keras.runs.directory import RunDirectory
        from sft_keras.runs.queue import enqueue, ensure_consumer
        from sft_keras.runs.request import save_request
        from sft_keras.services.space.submission import clean_name

        info = self.dataset(dataset)
        config, base = self._checked(info, settings)
        about = About(
            name=clean_name(name) or self._new_name(info.name),
            recipe=clean_name(recipe),
            dataset=info.name,
            dataset_id=dataset,
            backbone=read_about(self._opened(base).path).backbone if base else config.model.backbone,
            base=base,
            corrects=corrects,
            queued=time.time(),
        )
        files = {"data": (self.fixed_file(dataset), info.name)}
        for part in ("validation", "test"):
            path = self.part_file(dataset, part) if getattr(info, part) else None
            if path is not None:
                files[part] = (path, str(getattr(info, part)))

        def fill(run: RunDirectory) -> None:
            save_request(run, files, corrections)
            write_about(run.path, about)

        run_id = new_id()
        with self._admitted():
            try:
                run = RunDirectory.create(self.folder / "runs" / run_id, config, data=info.name, fill=fill)
            except ConfigError as error:
                problem = error.problem.replace("output folder", "folder of the run")
                raise ConfigError(problem, fix="Free space on the disk, then try again.") from None
            try:
                enqueue(self.settings, run)
            except SftError:
                shutil.rmtree(run.path, ignore_errors=True)
                raise
        with contextlib.suppress(OSError):  # the watchdog tries again
            ensure_consumer(self.settings)
        return run_id

    def estimate(self, dataset: str, settings: Mapping[str, Any]) -> Estimate:
        """What `submit` would cost; never blocks.

        What is not known yet is worked out beside: the lengths of the texts in a thread, the speed of the backbone in
        a process.

        Raises:
            SftError: A setting is wrong, or there is no such dataset.
        """
        from sft_keras.runs.about import read_about
        from sft_keras.runs.speed import ask_for_speed, known_speed
        from sft_keras.services.space.costs import estimate
        from sft_keras.services.space.survey import SURVEYS, subject_of

        info = self.dataset(dataset)
        config, base = self._checked(info, settings)
        longest = config.model.max_length
        survey = SURVEYS.get((str(self.folder), repr(info), longest), lambda: self.inspect(dataset, max_length=longest))
        if survey is None:
            return Estimate(None, None, measuring=True)
        subject = subject_of(config, survey, read_about(self._opened(base).path).backbone if base else "")
        if subject is None:
            return Estimate(None, None, measuring=False)
        speed = known_speed(self.settings, subject)
        ask_for_speed(self.settings, subject, speed)
        return Estimate(None, None, measuring=True) if speed is None else estimate(config, survey.texts, speed)

    def runs(self) -> list[RunView]:
        """This owner's runs, newest first."""
        from sft_keras.runs.queue import waiting
        from sft_keras.services.space.run_look import look, made

        queue = cache(lambda: waiting(self.settings))
        found = [(run, look(run, queue)) for run in self._all()]
        found.sort(key=lambda pair: (pair[1].created, made(pair[0])), reverse=True)
        return [view for _, view in found]

    def run(self, run: str) -> RunView:
        """One of them."""
        from sft_keras.runs.queue import waiting
        from sft_keras.services.space.run_look import look

        return look(self._opened(run), lambda: waiting(self.settings), whole=True)

    def curves(self, run: str, *, most: int = 400) -> Curves:
        """What it measured, thinned to at most so many steps."""
        from sft_keras.services.space.run_look import curves

        return curves(self._opened(run).path, most)

    def log_tail(self, run: str, lines: int = 12, *, language: str = "en") -> list[str]:
        """The last lines of its log, in a language as far as it is known there, without places of this machine."""
        from sft_keras.services.space.run_look import log_tail

        folder = self._opened(run).path
        return log_tail(folder, lines, language, hidden=(folder, self.folder, self.settings.data_dir))

    def settings_of(self, run: str) -> dict[str, Any]:
        """The resolved configuration, as in `config.yaml`; a run to go on from is `run:ID`."""
        from sft_keras.runs.about import read_about
        from sft_keras.services.space.submission import RUN_PREFIX

        found = self._opened(run)
        content: dict[str, Any] = found.config().model_dump(mode="json")
        base = read_about(found.path).base
        if base:
            content["model"] |= {"backbone": f"{RUN_PREFIX}{base}", "bundle_sha256": None}
        return content

    def stop(self, run: str) -> None:
        """Asks it to stop and keep the best so far; a waiting run is taken out of the queue."""
        from filelock import FileLock, Timeout

        found = self._opened(run)
        if found.status().state not in ACTIVE:
            return
        with self._writing("stopped"):
            found.cancel.touch()
            # If a process holds the lock, it sees the file.
            with contextlib.suppress(Timeout), FileLock(found.lock, timeout=1):
                if found.status().state == "queued":
                    found.update(state="cancelled")

    def resume(self, run: str) -> None:
        """Puts a stopped, failed or interrupted run back into the queue.

        Raises:
            ConfigError: It is finished, or under way.
        """
        from sft_keras.runs.about import change_about
        from sft_keras.runs.queue import enqueue, ensure_consumer

        found = self._opened(run)
        with self._admitted():
            found.mend()
            state = found.status().state
            if state in (*ACTIVE, "finished"):
                told = "finished: there is nothing to go on with." if state == "finished" else "under way already."
                raise ConfigError("This run is " + told, where="state", fix="Start a new one to train again.")
            before = found.status()
            change_about(found.path, queued=time.time())
            found.cancel.unlink(missing_ok=True)
            found.update(state="queued", pid=0, phase="", message="", fix="")
            try:
                enqueue(self.settings, found)
            except SftError:
                found.update(state=state, message=before.message, fix=before.fix)
                raise
        with contextlib.suppress(OSError):
            ensure_consumer(self.settings)

    def rename(self, run: str, name: str) -> None:
        """Calls it something else.

        Raises:
            ConfigError: Nothing is left of the name.
        """
        from sft_keras.runs.about import change_about
        from sft_keras.services.space.submission import clean_name

        found, cleaned = self._opened(run), clean_name(name)
        if not cleaned:
            raise ConfigError("A run needs a name.", where="name", fix="Give it one of at least one character.")
        with self._writing("renamed"):
            change_about(found.path, name=cleaned)

    def delete(self, run: str) -> None:
        """Stops and deletes it, with its link."""
        from sft_keras.runs.removal import remove

        remove(self._opened(run), self.settings)

    def _opened(self, run: str) -> RunDirectory:
        from sft_keras.runs.directory import RunDirectory

        return RunDirectory(self.place("runs", run))

    def _all(self) -> Iterator[RunDirectory]:
        from sft_keras.runs.directory import RunDirectory

        folder = self.folder / "runs"
        for path in folder.iterdir() if folder.is_dir() else ():
            if not path.name.startswith("."):
                yield RunDirectory(path)

    def _checked(self, info: DatasetInfo, settings: Mapping[str, Any]) -> tuple[Any, str]:
        """The configuration, and the id of the run that it goes on from, or ""."""
        from sft_keras.services.space.submission import RUN_PREFIX, checked_settings

        columns = {"text_column": info.text_column, "label_column": info.label_column}
        config = checked_settings(settings, columns, self.settings)
        base = config.model.backbone.removeprefix(RUN_PREFIX) if config.model.backbone.startswith(RUN_PREFIX) else ""
        if base:
            bundle = self._opened(base).bundle
            if not (bundle / "manifest.json").is_file():
                raise ArtifactError("That run has no model to go on from.", where="model.backbone", fix="Finish it.")
            model = config.model.model_copy(update={"backbone": str(bundle)})
            config = config.model_copy(update={"model": model})
        return config, base

    def _new_name(self, dataset: str) -> str:
        from sft_keras.runs.about import read_about
        from sft_keras.runs.reports import data_title
        from sft_keras.services.space.submission import clean_name

        taken = {read_about(run.path).name for run in self._all()}
        stem = clean_name(data_title(dataset))[:100] or "run"
        number = 1
        while (name := stem if number == 1 else f"{stem} {number}") in taken:
            number += 1
        return name

    @contextlib.contextmanager
    def _admitted(self) -> Iterator[None]:
        """Holds others of this owner off while the limits are looked at and one more run is made."""
        from sft_keras.services.space.submission import require_place_in_queue

        with self._writing("saved"), self._only_one():
            require_place_in_queue(self.settings)
            require_free_disk(self.settings)
            active = sum(view.state in ACTIVE for view in self.runs())
            if active >= self.settings.max_queued:
                raise ConfigError(
                    f"{active} of your runs wait or train already, which is the limit.",
                    where="SFT_MAX_QUEUED",
                    fix="Wait until one is finished, or stop one.",
                )
            self.require_room()
            yield

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[None]:
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".runs.lock", timeout=30):
            yield

    @contextlib.contextmanager
    def _writing(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ArtifactError(
                f"The run could not be {done}: {error.strerror or error}.", fix="Try again in a while."
            ) from None
