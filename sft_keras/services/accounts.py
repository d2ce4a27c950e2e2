"""The accounts of the web app: a text file with a name and an Argon2 hash on each line."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from sft_keras.errors import ConfigError
from sft_keras.services.base import Installation
from sft_keras.spaces.passwords import MOST_CHARACTERS, hash_password, is_hash

log = logging.getLogger(__name__)
# Wrong passwords a minute: for one account, and of one client, which may try one password with many names.
WRONG_PER_MINUTE, WRONG_OF_CLIENT = 10, 20
FEWEST_CHARACTERS = 8
_NAME = re.compile(r"[^\s:#][^:\r\n]{0,99}")


class Accounts:
    """Checks names and passwords.

    Args:
        installation: Says where the file lies, and counts wrong attempts.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._file = installation.settings.auth
        self._read: tuple[float, dict[str, str]] | None = None

    @property
    def required(self) -> bool:
        """Whether a file of accounts is named; nobody comes in without a login, whatever the file holds."""
        return self._file is not None

    @property
    def enabled(self) -> bool:
        """Whether anybody has to log in.

        Raises:
            ConfigError: The file cannot be read or holds a wrong line, which is told when the app starts.
        """
        return bool(self.accounts())

    def check(self, name: str, password: str, *, client: str = "") -> bool:
        """Whether the password of an account is right; after too many wrong ones a minute, none is.

        While the file cannot be read, nobody gets in, and the log says why.

        Args:
            name: The name.
            password: The password.
            client: The address of whoever wants to come in. Where that account was let in from before, it is not kept
                out by what others guess elsewhere.
        """
        name = name[:MOST_CHARACTERS]
        try:
            hashed = self.accounts().get(name)
        except ConfigError as error:
            log.error("Nobody can log in: %s", error)
            return False
        throttle, passwords = self._installation.throttle, self._installation.passwords
        for_client, for_name = ("login from", client), ("login", name)
        # Before the hash, which takes long on purpose.
        if throttle.full(WRONG_OF_CLIENT, *for_client):
            return False
        if throttle.full(WRONG_PER_MINUTE, *for_name) and not passwords.known(hashed, password, client=client):
            return False
        if passwords.fits(hashed, password, client=client):
            return True
        throttle.take(WRONG_OF_CLIENT, *for_client)
        throttle.take(WRONG_PER_MINUTE, *for_name)
        return False

    def accounts(self) -> dict[str, str]:
        """The hash of each account by its name; read again when the file has changed.

        Raises:
            ConfigError: The file cannot be read, or a line is no account.
        """
        if self._file is None:
            return {}
        try:
            stamp = self._file.stat().st_mtime
            if self._read is None or self._read[0] != stamp:
                self._read = stamp, read_accounts(self._file.read_text(encoding="utf-8-sig"), self._file)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise ConfigError(
                f"The accounts cannot be read: {reason}.", where=str(self._file), fix="Correct SFT_AUTH or the file."
            ) from None
        return self._read[1]


def read_accounts(text: str, file: Path) -> dict[str, str]:
    """The accounts in a text; empty lines and those that begin with `#` are skipped.

    Raises:
        ConfigError: A line is no account, a name stands twice, or there is none.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, hashed = line.strip().partition(":")
        if not _NAME.fullmatch(name) or not is_hash(hashed) or name in found:
            # What stands there is not told: it may be a password.
            raise ConfigError(
                "This line is no account, or its name stands twice.",
                where=f"{file}, line {number}",
                fix="Write name:hash with what `sft-keras hash-password` prints.",
            )
        found[name] = hashed
    if not found:
        raise ConfigError("There is no account.", where=str(file), fix="Add a line with `sft-keras hash-password`.")
    return found


def account_line(name: str, password: str) -> str:
    """The line of an account.

    Raises:
        ConfigError: The name or the password cannot be used.
    """
    if not FEWEST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise ConfigError(
            f"A password has from {FEWEST_CHARACTERS} to {MOST_CHARACTERS} characters. Received: {len(password)}",
            where="password",
            fix="Choose one that nobody can guess, such as four words.",
        )
    if not _NAME.fullmatch(name) or name != name.strip():
        raise ConfigError(
            f'An account cannot have this name. Received: "{name[:40]}"',
            where="name",
            fix="Take up to 100 characters without colons, and no # or space in front.",
        )
    return f"{name}:{hash_password(password)}"


def owner_key_for_user(name: str) -> str:
    """The owner's key of somebody who has logged in."""
    return f"user:{name}"
