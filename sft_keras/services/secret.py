"""The secret of an installation: what it signs stays readable after a restart, and nobody else can sign."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from pathlib import Path

from sft_keras.errors import ConfigError

FILE = "secret.key"
FEWEST_CHARACTERS = 32


def installation_secret(data_dir: Path) -> str:
    """Reads the secret, or makes it once; whoever comes first decides, also among several processes.

    Args:
        data_dir: Where it lies, in a file that only this user of the machine may read.

    Raises:
        ConfigError: The file cannot be read or written, or holds too little.
    """
    path = data_dir / FILE
    try:
        if not path.exists():
            _make(path)
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no plain text"
        raise ConfigError(
            f"The secret of this installation cannot be read or made: {reason}.",
            where=str(path),
            fix="Check that the folder is writable and the file yours.",
        ) from None
    if len(secret) < FEWEST_CHARACTERS:
        raise ConfigError(
            "The secret of this installation is damaged.",
            where=str(path),
            fix="Delete the file: a new one is made, and browsers forget which datasets are theirs.",
        )
    return secret


def derived(secret: str, purpose: str) -> str:
    """A secret for one purpose, from which neither the installation's nor that of another purpose can be found."""
    return hmac.digest(secret.encode(), purpose.encode(), "sha256").hex()


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link fails if the name is taken, where a rename would replace what another process made.
        with contextlib.suppress(FileExistsError):
            try:
                os.link(temporary, path)
            except (PermissionError, NotImplementedError, OSError) as error:
                if isinstance(error, FileExistsError) or path.exists():
                    return
                temporary.replace(path)  # a file system without hard links
    finally:
        temporary.unlink(missing_ok=True)
