"""The link of a run: `link.json` in the run folder, which holds hashes of the password and the keys, never these."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import TypeAdapter

from sft_keras.errors import ArtifactError
from sft_keras.json_files import read_json
from sft_keras.spaces.files import save_json

# As in `runs.store`, which takes a while to import.
LINK = "link.json"
LOCK_SECONDS = 10


@dataclass(frozen=True)
class LinkRecord:
    """What `link.json` holds.

    Attributes:
        id: The unguessable id.
        title: What visitors read.
        created: ISO 8601 in UTC.
        enabled: Whether it answers.
        expires: When it ends, ISO 8601 in UTC; None if it does not.
        password: The Argon2 hash, or "".
        requests_per_minute: Most requests a minute.
        uses: Number of texts that were predicted.
        keys: The SHA-256 of each API key, by name.
        share_examples: Whether visitors may see training examples that are like their texts.
    """

    id: str
    title: str
    created: str
    enabled: bool = True
    expires: str | None = None
    password: str = ""
    requests_per_minute: int = 60
    uses: int = 0
    keys: dict[str, str] = field(default_factory=dict)
    share_examples: bool = False

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires is not None and datetime.fromisoformat(self.expires) <= datetime.now(UTC)


_RECORD = TypeAdapter(LinkRecord)


class LinkFile:
    """The link in a run folder.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> LinkRecord | None:
        """The link; None if there is none, or none that can be read."""
        values = read_json(self.folder / LINK)
        try:
            record = _RECORD.validate_python(values)
            return replace(record, expires=None if record.expires is None else iso_utc(record.expires))
        except ValueError:
            return None

    def write(self, record: LinkRecord) -> None:
        """Replaces the link; only this user of the machine may read it."""
        save_json(self.folder / LINK, asdict(record), private=True)

    def change(self, make: Callable[[LinkRecord], LinkRecord]) -> LinkRecord:
        """Changes the link, one change after the other.

        Raises:
            ArtifactError: There is none, or the disk is full.
        """
        with self.locked():
            record = self.read()
            if record is None:
                raise ArtifactError("This run has no link.", fix="Make one first.")
            changed = make(record)
            if changed != record:
                self.write(changed)
        return changed

    def count(self, link: str, texts: int) -> None:
        """Adds uses; does nothing if the link is gone."""
        with contextlib.suppress(FileNotFoundError), self.locked():
            record = self.read()
            if record is not None and record.id == link:
                self.write(replace(record, uses=record.uses + texts))

    def remove(self) -> None:
        """Removes the link."""
        with self.locked():
            (self.folder / LINK).unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One change at a time, also from another process."""
        if not self.folder.is_dir():
            raise FileNotFoundError(self.folder)
        try:
            with FileLock(str(self.folder / ".link.lock"), timeout=LOCK_SECONDS):
                yield
        except Timeout:
            raise ArtifactError("The link is being changed elsewhere.", fix="Try again in a while.") from None


def iso_utc(text: str) -> str:
    """A moment in UTC; without a time zone it is taken to be in UTC.

    Raises:
        ValueError: It is no moment.
    """
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="seconds")
