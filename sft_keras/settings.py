"""Where things lie and how large they may be, read from the environment once and passed on as an object."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from sft_keras.errors import ConfigError

MIB = 1024 * 1024


def _default_data_dir() -> Path:
    return Path(platformdirs.user_data_dir("sft-keras", appauthor=False))


def _expanded(data_dir: str) -> Path:
    try:
        return Path(data_dir).expanduser()
    except RuntimeError:
        raise ConfigError(
            f'There is no such home folder. Received: "{data_dir}"',
            where="environment variable SFT_DATA_DIR",
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
        max_classes: Most different labels (`SFT_MAX_CLASSES`).
        max_cache_mib: Most space for vectors of frozen backbones, in MiB (`SFT_MAX_CACHE_MIB`).
    """

    data_dir: Path = field(default_factory=_default_data_dir)
    max_file_mib: int = 512
    max_rows: int = 2_000_000
    max_text_characters: int = 1_000_000
    max_classes: int = 1_000
    max_cache_mib: int = 4096

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
    def cache_dir(self) -> Path:
        """Where lies what can be computed again."""
        return self.data_dir / "cache"

    @property
    def max_file_bytes(self) -> int:
        """`max_file_mib` in bytes."""
        return self.max_file_mib * MIB

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Reads the `SFT_...` variables; what is not set keeps its default.

        Raises:
            ConfigError: A limit is not a whole number above zero.
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

        return cls(
            data_dir=_expanded(data_dir) if data_dir else _default_data_dir(),
            max_file_mib=limit("SFT_MAX_FILE_MIB", cls.max_file_mib),
            max_rows=limit("SFT_MAX_ROWS", cls.max_rows),
            max_text_characters=limit("SFT_MAX_TEXT_CHARACTERS", cls.max_text_characters),
            max_classes=limit("SFT_MAX_CLASSES", cls.max_classes),
            max_cache_mib=limit("SFT_MAX_CACHE_MIB", cls.max_cache_mib),
        )
