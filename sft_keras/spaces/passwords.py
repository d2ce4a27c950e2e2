"""Passwords are kept as Argon2id hashes; keys, which nobody can guess, as SHA-256."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cachetools import LRUCache

# OWASP's smallest recommended setting: 19 MiB and two passes, about 30 ms.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Many who guess at once must not take the memory of the machine.
_AT_ONCE = threading.BoundedSemaphore(2)
MOST_CHARACTERS = 200


class Passwords:
    """Checks passwords; a right one is recognised at once the next time, without being kept."""

    def __init__(self) -> None:
        self._secret = os.urandom(32)
        self._right: LRUCache[bytes, bool] = LRUCache(4096)
        self._lock = threading.Lock()

    def fits(self, hashed: str | None, password: str, *, client: str = "") -> bool:
        """Whether a password is the one that was hashed; None takes as long and fits nothing.

        Args:
            hashed: The hash.
            password: What was given, by anybody.
            client: The address of who gave it, for `known`.
        """
        if len(password) > MOST_CHARACTERS:
            return False
        mark = self._mark(hashed, password)
        with self._lock:
            right = mark in self._right
        if not right:
            with _AT_ONCE:
                right = _verified(hashed or _nobody(), password) and hashed is not None
        if right:
            with self._lock:
                self._right[mark] = self._right[self._mark(hashed, password, client)] = True
        return right

    def known(self, hashed: str | None, password: str, *, client: str) -> bool:
        """Whether this client gave this password before and it was right; that takes no time.

        Another client is not told so: where a limit of guesses is not asked because of it, guesses would have none.
        """
        if len(password) > MOST_CHARACTERS:
            return False
        with self._lock:
            return self._mark(hashed, password, client) in self._right

    def _mark(self, *told: str | None) -> bytes:
        return hmac.digest(self._secret, "\n".join(map(str, told)).encode("utf-8", "replace"), "sha256")


def hash_password(password: str) -> str:
    """The Argon2id hash of a password, with its salt."""
    with _AT_ONCE:
        return _HASHER.hash(password.encode("utf-8", "replace"))


def is_hash(text: str) -> bool:
    """Whether a text is an Argon2 hash."""
    return text.startswith("$argon2") and _checkable(text)


def new_key() -> str:
    """A new API key (256 bits)."""
    return f"sft_{secrets.token_urlsafe(32)}"


def hash_key(key: str) -> str:
    """What is kept of an API key."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def key_fits(hashes: list[str], key: str) -> bool:
    """Whether a key is one of those that were hashed; takes as long whichever it is."""
    told = hash_key(key)
    fits = False
    for each in hashes:
        fits |= hmac.compare_digest(told, each)
    return fits


@cache
def _nobody() -> str:
    """Compared against where there is no hash, so that a name that exists is not answered later than another."""
    return _HASHER.hash(secrets.token_urlsafe(16))


def _verified(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password.encode("utf-8", "replace"))
    except (VerificationError, InvalidHashError):
        return False


def _checkable(text: str) -> bool:
    try:
        _HASHER.check_needs_rehash(text)
    except (InvalidHashError, ValueError):
        return False
    return True
