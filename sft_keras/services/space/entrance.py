"""Who may use a public link: that it answers at all, its password and keys, and how much is asked at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sft_keras.errors import LinkError
from sft_keras.services.base import Installation
from sft_keras.spaces.links import LinkFile, LinkRecord
from sft_keras.spaces.passwords import key_fits

# Wrong passwords and keys a minute: of one client, and of all clients together for one link.
WRONG_OF_CLIENT, WRONG_OF_LINK = 10, 100
LONGEST_ID = 64


@dataclass(frozen=True)
class Access:
    """What a visitor brings.

    Attributes:
        password: What the visitor gave; "" if nothing.
        key: An API key, which stands for the password, too.
        client: The visitor's address, for which wrong passwords are counted.
        program: The request comes from a program: if the link has API keys, it needs one.
    """

    password: str = ""
    key: str = ""
    client: str = ""
    program: bool = False


class Entrance:
    """Lets visitors of links in; everything that it raises is a `LinkError`.

    Args:
        installation: Settings and what all owners share.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def enter(self, link: str, access: Access) -> tuple[Path, LinkRecord]:
        """The run of a link that answers, for who may use it."""
        folder, record = self.open(link)
        self.admit(record, access)
        return folder, record

    def open(self, link: str) -> tuple[Path, LinkRecord]:
        """The run of a link that answers, whoever asks."""
        folder = self._installation.index.find(link) if _is_id(link) else None
        record = LinkFile(folder).read() if folder else None
        if folder is None or record is None or record.id != link or not (folder / "bundle").is_dir():
            raise LinkError("There is no model behind this link.", status=404, fix="Ask whoever gave it to you.")
        if not record.enabled:
            raise LinkError("This link is switched off.", status=403, fix="Ask whoever gave it to you.")
        if record.expired:
            raise LinkError("This link has expired.", status=410, fix="Ask whoever gave it to you for a new one.")
        return folder, record

    def admit(self, record: LinkRecord, access: Access) -> None:
        """Checks the key or the password, where one is needed or given; wrong ones are counted."""
        password, key, client = access.password, access.key, access.client
        keyed = access.program and bool(record.keys)
        if not (key or keyed or record.password):
            return
        # Before the limits of guesses: whoever holds a key, which nobody can guess, is not kept out by those who guess.
        if key and key_fits(list(record.keys.values()), key):
            return
        throttle, passwords = self._installation.throttle, self._installation.passwords
        for_client, for_link = ("wrong", client, record.id), ("wrong", record.id)
        wait = throttle.full(WRONG_OF_CLIENT, *for_client)
        # Nor is a client that has been let in before, by what others guess.
        if not passwords.known(record.password, password, client=client):
            wait = max(wait, throttle.full(WRONG_OF_LINK, *for_link))
        if wait:
            raise too_many("There were too many wrong passwords or keys.", wait)
        if key:
            right, what = False, "key"
        elif keyed:
            raise LinkError(
                "This link needs an API key.", status=401, where="Authorization", fix="Send it as: Bearer KEY."
            )
        elif not password:
            raise LinkError("This link needs a password.", status=401, where="password", fix="Give the password.")
        else:
            right, what = passwords.fits(record.password, password, client=client), "password"
        if not right:
            throttle.take(WRONG_OF_CLIENT, *for_client)
            throttle.take(WRONG_OF_LINK, *for_link)
            raise LinkError(f"The {what} is wrong.", status=401, where=what, fix="Check it and try again.")

    def require_short(self, texts: Sequence[str]) -> None:
        """Checks the number and the size of texts."""
        settings = self._installation.settings
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise LinkError("The texts must be a list of strings.", status=422, where="texts", fix='["a text"]')
        if not texts:
            raise LinkError("There is no text.", status=422, where="texts", fix="Send at least one.")
        if len(texts) > settings.max_request_texts:
            raise LinkError(
                f"There are more than {settings.max_request_texts} texts. Received: {len(texts)}",
                status=413,
                where="texts",
                fix="Send them in several requests.",
            )
        characters = sum(map(len, texts))
        if characters > settings.max_request_characters:
            raise LinkError(
                f"The texts have more than {settings.max_request_characters:,} characters. Received: {characters:,}",
                status=413,
                where="texts",
                fix="Send fewer or shorter ones.",
            )

    def count(self, record: LinkRecord, requests: int = 1) -> None:
        """Counts so many requests of a link at once, or none if there are too many."""
        wait = self._installation.throttle.take(record.requests_per_minute, "link", record.id, cost=requests)
        if wait:
            raise too_many("This link gets too many requests.", wait)


def too_many(problem: str, seconds: int) -> LinkError:
    """The refusal of who asks too often.

    Args:
        problem: What there is too much of.
        seconds: When there is room again.
    """
    return LinkError(problem, status=429, fix=f"Try again in {seconds} seconds.", retry_after=seconds)


def _is_id(link: str) -> bool:
    return isinstance(link, str) and 0 < len(link) <= LONGEST_ID and link.isascii() and link.isalnum()
