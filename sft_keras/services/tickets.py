"""Tickets for private files: whoever is handed one may fetch one file for ten minutes.

A ticket is made by a handler that has checked whose file it is. It is signed, so that nobody else can make one.
"""

from __future__ import annotations

from pathlib import Path

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from sft_keras.errors import LinkError
from sft_keras.settings import Settings
from sft_keras.spaces.names import shown_name

SECONDS = 600
LONGEST = 4096


class Tickets:
    """Makes and reads tickets.

    Args:
        settings: Say in which folders the files lie.
        secret: What they are signed with.
    """

    def __init__(self, settings: Settings, secret: str) -> None:
        self._root = settings.data_dir.resolve()
        # Nothing else in the data folder, such as the secret itself, may ever leave.
        self._allowed = (settings.owners_dir.resolve(), settings.cache_dir.resolve())
        self._signer = URLSafeTimedSerializer(secret, salt="download")

    def make(self, file: Path, name: str) -> str:
        """A ticket for a file.

        Args:
            file: A file in an owner's folder or in the cache.
            name: The name to save it under.

        Raises:
            LinkError: It lies elsewhere.
        """
        place = self._inside(file)
        return str(self._signer.dumps([place.relative_to(self._root).as_posix(), shown_name(name, "download")]))

    def open(self, ticket: str) -> tuple[Path, str]:
        """The file of a ticket, and the name to save it under.

        Raises:
            LinkError: The ticket is forged (403), too old (410), or its file is gone (404).
        """
        try:
            if len(ticket) > LONGEST:
                raise BadSignature("too long")
            place, name = self._signer.loads(ticket, max_age=SECONDS)
        except SignatureExpired:
            raise LinkError("This download has expired.", status=410, fix="Ask for it once more on the page.") from None
        except (BadSignature, ValueError, TypeError):
            raise LinkError("This download is not valid.", status=403, fix="Ask for it on the page.") from None
        file = self._inside(self._root / str(place))
        if not file.is_file():
            raise LinkError("The file is gone.", status=404, fix="It may have been deleted.")
        return file, str(name)

    def _inside(self, file: Path) -> Path:
        place = file.resolve()
        if not any(place.is_relative_to(folder) for folder in self._allowed):
            raise LinkError("This file cannot be downloaded.", status=403)
        return place
