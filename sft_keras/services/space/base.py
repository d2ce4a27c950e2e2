"""The folder of an owner, and the only way from an id to a place in it."""

from __future__ import annotations

import hashlib
import re
import secrets
from pathlib import Path

from sft_keras.errors import ArtifactError, ConfigError
from sft_keras.services.base import Installation
from sft_keras.settings import MIB
from sft_keras.spaces.files import folder_bytes

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_KEY = re.compile(r"[A-Za-z0-9_-]{32,128}|user:.{1,200}", re.DOTALL)


def new_key() -> str:
    """An unguessable key for a new owner (256 bits)."""
    return secrets.token_urlsafe(32)


def new_id() -> str:
    """An unguessable id for something that an owner made (128 bits)."""
    return secrets.token_hex(16)


class OwnedFolder:
    """An owner's folder.

    Args:
        installation: Settings and what all owners share.
        owner: The owner's key. Only its SHA-256 is written anywhere.

    Raises:
        ConfigError: It is no key.
    """

    def __init__(self, installation: Installation, owner: str) -> None:
        if not _KEY.fullmatch(owner):
            raise ConfigError("This page has lost its key.", fix="Load it again.")
        self.installation = installation
        self.settings = installation.settings
        self.owner_id = hashlib.sha256(owner.encode()).hexdigest()[:32]

    @property
    def folder(self) -> Path:
        """Where everything of this owner lies; it may not exist yet."""
        return self.settings.owners_dir / self.owner_id

    def require_room(self) -> None:
        """Refuses more where this owner's space is used up.

        Raises:
            ConfigError: It is.
        """
        used = folder_bytes(self.folder) // MIB
        if used >= self.settings.max_owner_mib:
            raise ConfigError(
                f"Your datasets and runs take {used} MiB; the limit is {self.settings.max_owner_mib} MiB.",
                where="SFT_MAX_OWNER_MIB",
                fix="Delete runs or datasets that you no longer need.",
            )

    def place(self, kind: str, name: str) -> Path:
        """The folder of a dataset or a run of this owner.

        Args:
            kind: "datasets" or "runs".
            name: Its id, which may come from anywhere.

        Raises:
            ArtifactError: This owner has no such thing; whether another has is not told.
        """
        if _ID.fullmatch(name):
            place = self.folder / kind / name
            if place.is_dir():
                return place
        raise ArtifactError(f"There is no such {kind.removesuffix('s')}.", fix="It may have been deleted.")
