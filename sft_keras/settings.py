"""Where things lie and how large they may be, read from the environment once and passed on as an object."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import platformdirs

from sft_keras.errors import ConfigError

MIB = 1024 * 1024
_ON, _OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _default_data_dir() -> Path:
    return Path(platformdirs.user_data_dir("sft-keras", appauthor=False))


def _expanded(path: str, variable: str = "SFT_DATA_DIR") -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigError(
            f'There is no such home folder. Received: "{path}"',
            where=f"environment variable {variable}",
            fix="Give a full path.",
        ) from None


@dataclass(frozen=True)
class Settings:
    """Paths and limits of this installation.

    Attributes:
        data_dir: The one folder for everything that lasts: samples, runs (`SFT_DATA_DIR`).
        max_file_mib: Largest file that is read, in MiB, before and after unpacking (`SFT_MAX_FILE_MIB`).
        max_rows: Most rows that are read from a file (`SFT_MAX_ROWS`).
        max_text_characters: Longest text that is kept whole; a longer one is an error (`SFT_MAX_TEXT_CHARACTERS`).
        max_columns: Most columns of a file (`SFT_MAX_COLUMNS`).
        max_classes: Most different labels (`SFT_MAX_CLASSES`).
        max_cache_mib: Most space for vectors of frozen backbones, in MiB (`SFT_MAX_CACHE_MIB`).
        max_upload_mib: Largest upload to the web app, in MiB, before and after unpacking (`SFT_MAX_UPLOAD_MIB`).
        max_uploads_mib: Most space for uploads until they are copied, in MiB (`SFT_MAX_UPLOADS_MIB`).
        max_datasets: Most datasets of one owner of the web app (`SFT_MAX_DATASETS`).
        max_request_texts: Most texts in one request through a link (`SFT_MAX_REQUEST_TEXTS`).
        max_request_characters: Most characters of all texts of such a request (`SFT_MAX_REQUEST_CHARACTERS`).
        auth: File with the accounts of the web app; None if nobody has to log in (`SFT_AUTH`).
        max_trainings: Most trainings of the web app at the same time (`SFT_MAX_TRAININGS`).
        max_queued: Most runs of an owner that wait or run (`SFT_MAX_QUEUED`).
        max_queued_all: Most runs of all owners together that wait (`SFT_MAX_QUEUED_ALL`).
        max_owner_mib: Most space for what an owner keeps, in MiB (`SFT_MAX_OWNER_MIB`).
        min_free_mib: Space on the disk that datasets and runs leave free, in MiB (`SFT_MIN_FREE_MIB`).
        max_run_hours: Longest training of the web app; then it stops and keeps the best (`SFT_MAX_RUN_HOURS`).
        allow_hub: Whether owners may name models on a hub that are not known by name (`SFT_ALLOW_HUB`).
        diagnose: Whether the web app examines a run once it is finished (`SFT_DIAGNOSE`).
        int8: Whether the web app answers from the copies of models in 8-bit integers, where there are any (`SFT_INT8`).
        max_models: Most models that stay loaded for predictions (`SFT_MAX_MODELS`).
        max_models_mib: Most memory that they take together, in MiB (`SFT_MAX_MODELS_MIB`).
    """

    data_dir: Path = field(default_factory=_default_data_dir)
    max_file_mib: int = 512
    max_rows: int = 2_000_000
    max_text_characters: int = 1_000_000
    max_columns: int = 1_000
    max_classes: int = 1_000
    max_cache_mib: int = 4096
    max_upload_mib: int = 100
    max_uploads_mib: int = 2048
    max_datasets: int = 50
    max_request_texts: int = 64
    max_request_characters: int = 100_000
    auth: Path | None = None
    max_trainings: int = 1
    max_queued: int = 3
    max_queued_all: int = 30
    max_owner_mib: int = 10_240
    min_free_mib: int = 1024
    max_run_hours: int = 24
    allow_hub: bool = False
    diagnose: bool = True
    int8: bool = False
    max_models: int = 8
    max_models_mib: int = 4096

    @property
    def samples_dir(self) -> Path:
        """Where the texts of the samples lie."""
        return self.data_dir / "samples"

    @property
    def runs_dir(self) -> Path:
        """Where a run goes when nobody names a folder."""
        return self.data_dir / "runs"

    @property
    def owners_dir(self) -> Path:
        """One folder for each owner of the web app: datasets, runs, links."""
        return self.data_dir / "owners"

    @property
    def index_file(self) -> Path:
        """The index of links, which can be made again from the folders."""
        return self.data_dir / "index.sqlite"

    @property
    def queue_file(self) -> Path:
        """The queue of trainings, which can be made again from the folders."""
        return self.data_dir / "queue.sqlite"

    @property
    def locks_dir(self) -> Path:
        """The locks that the processes of the queue hold."""
        return self.data_dir / "locks"

    @property
    def cache_dir(self) -> Path:
        """Where lies what can be computed again."""
        return self.data_dir / "cache"

    @property
    def max_file_bytes(self) -> int:
        """`max_file_mib` in bytes."""
        return self.max_file_mib * MIB

    @property
    def max_upload_bytes(self) -> int:
        """The smaller of `max_upload_mib` and `max_file_mib` in bytes."""
        return min(self.max_upload_mib, self.max_file_mib) * MIB

    def environment(self) -> dict[str, str]:
        """The variables from which another process reads the same settings."""
        values = {f"SFT_{each.name.upper()}": getattr(self, each.name) for each in fields(self)}
        return {
            name: str(int(value) if isinstance(value, bool) else value)
            for name, value in values.items()
            if value is not None
        }

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Reads the `SFT_...` variables; what is not set keeps its default.

        Raises:
            ConfigError: A limit is not a whole number above zero, or a switch neither on nor off.
        """
        env = os.environ if environment is None else environment
        data_dir = env.get("SFT_DATA_DIR")

        def limit(name: str, default: int) -> int:
            raw = env.get(name)
            if raw is None or not raw.strip():
                return default
            if not re.fullmatch(r"0*[1-9][0-9]{0,11}", raw.strip()):
                raise ConfigError(
                    f'A limit must be a whole number above zero. Received: "{raw[:40]}"',
                    where=f"environment variable {name}",
                    fix=f"Set it to a number such as {default}, or leave it out.",
                )
            return int(raw)

        def switch(name: str, default: bool) -> bool:
            raw = env.get(name, "").strip().lower()
            if raw not in ("", *_ON, *_OFF):
                raise ConfigError(
                    f'A switch is 1 or 0. Received: "{raw[:40]}"',
                    where=f"environment variable {name}",
                    fix="Set it to 1.",
                )
            return raw in _ON if raw else default

        return cls(
            data_dir=_expanded(data_dir) if data_dir else _default_data_dir(),
            max_file_mib=limit("SFT_MAX_FILE_MIB", cls.max_file_mib),
            max_rows=limit("SFT_MAX_ROWS", cls.max_rows),
            max_text_characters=limit("SFT_MAX_TEXT_CHARACTERS", cls.max_text_characters),
            max_columns=limit("SFT_MAX_COLUMNS", cls.max_columns),
            max_classes=limit("SFT_MAX_CLASSES", cls.max_classes),
            max_cache_mib=limit("SFT_MAX_CACHE_MIB", cls.max_cache_mib),
            max_upload_mib=limit("SFT_MAX_UPLOAD_MIB", cls.max_upload_mib),
            max_uploads_mib=limit("SFT_MAX_UPLOADS_MIB", cls.max_uploads_mib),
            max_datasets=limit("SFT_MAX_DATASETS", cls.max_datasets),
            max_request_texts=limit("SFT_MAX_REQUEST_TEXTS", cls.max_request_texts),
            max_request_characters=limit("SFT_MAX_REQUEST_CHARACTERS", cls.max_request_characters),
            auth=_expanded(env["SFT_AUTH"], "SFT_AUTH") if env.get("SFT_AUTH") else None,
            max_trainings=limit("SFT_MAX_TRAININGS", cls.max_trainings),
            max_queued=limit("SFT_MAX_QUEUED", cls.max_queued),
            max_queued_all=limit("SFT_MAX_QUEUED_ALL", cls.max_queued_all),
            max_owner_mib=limit("SFT_MAX_OWNER_MIB", cls.max_owner_mib),
            min_free_mib=limit("SFT_MIN_FREE_MIB", cls.min_free_mib),
            max_run_hours=limit("SFT_MAX_RUN_HOURS", cls.max_run_hours),
            allow_hub=switch("SFT_ALLOW_HUB", cls.allow_hub),
            diagnose=switch("SFT_DIAGNOSE", cls.diagnose),
            int8=switch("SFT_INT8", cls.int8),
            max_models=limit("SFT_MAX_MODELS", cls.max_models),
            max_models_mib=limit("SFT_MAX_MODELS_MIB", cls.max_models_mib),
        )
