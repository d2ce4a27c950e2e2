"""The public links of an owner's models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from sft_keras.errors import ArtifactError, ConfigError, did_you_mean, one_line
from sft_keras.json_files import read_json
from sft_keras.services.space.base import OwnedFolder, new_id
from sft_keras.services.space.public import PublicLinks, PublicModel
from sft_keras.spaces.links import LinkFile, LinkRecord, iso_utc
from sft_keras.spaces.passwords import MOST_CHARACTERS, hash_key, hash_password, new_key

__all__ = ["LinkSpace", "LinkView", "PublicLinks", "PublicModel"]

LONGEST_TITLE, LONGEST_KEY_NAME, MOST_KEYS, FEWEST_CHARACTERS = 120, 60, 20, 4
MOST_REQUESTS = 6000
CHANGES = ("title", "enabled", "expires", "requests_per_minute", "password", "share_examples")


@dataclass(frozen=True)
class LinkView:
    """A link as its owner sees it.

    Attributes:
        id: The unguessable id, which is its address.
        run: The run whose model it shows.
        title: What visitors read as its name.
        enabled: Whether it answers.
        expires: When it ends, ISO 8601 in UTC; None if it does not.
        has_password: Whether visitors are asked for one.
        requests_per_minute: Most requests a minute, of all visitors together.
        uses: Number of texts that were predicted through it.
        api_keys: Names of the API keys; without any, the REST routes need none beyond the password.
        created: ISO 8601 in UTC.
        share_examples: Whether visitors may see training examples that are like their texts.
    """

    id: str
    run: str
    title: str
    enabled: bool
    expires: str | None
    has_password: bool
    requests_per_minute: int
    uses: int
    api_keys: tuple[str, ...]
    created: str
    share_examples: bool = False


class LinkSpace(OwnedFolder):
    """Links, by run: a run has at most one. All errors are `SftError`."""

    def publish(self, run: str, *, title: str = "") -> LinkView:
        """Makes the link of a run; the one that is there is returned.

        Raises:
            ArtifactError: There is no such run, or it has no model.
        """
        folder = self.place("runs", run)
        file = LinkFile(folder)
        with file.locked():
            record = file.read()
            if record is None:
                if not (folder / "bundle" / "manifest.json").is_file():
                    raise ArtifactError("This run has no model to share.", fix="Wait until its training has finished.")
                named = str(read_json(folder / "about.json").get("name") or "")
                created = datetime.now(UTC).isoformat(timespec="seconds")
                record = LinkRecord(id=new_id(), title=_title(title or named), created=created)
                file.write(record)
        try:
            self.installation.index.put(record.id, folder)
        except SQLAlchemyError:  # once more finds the same link
            raise ArtifactError("The link could not be saved.", fix="Free space on the disk, then try again.") from None
        return self._view(run, folder, record)

    def link(self, run: str) -> LinkView | None:
        """The link of a run."""
        folder = self.place("runs", run)
        record = LinkFile(folder).read()
        return None if record is None else self._view(run, folder, record)

    def change_link(self, run: str, changes: Mapping[str, Any]) -> LinkView:
        """Changes title, enabled, expires, requests_per_minute, password ("" removes it), or share_examples.

        Raises:
            ArtifactError: The run has no link.
            ConfigError: There is no such setting, or its value cannot be used.
        """
        folder = self.place("runs", run)
        made = {name: _checked(name, value) for name, value in changes.items()}
        return self._view(run, folder, LinkFile(folder).change(lambda record: replace(record, **made)))

    def unpublish(self, run: str) -> None:
        """Removes it; its address never comes back."""
        folder = self.place("runs", run)
        record = LinkFile(folder).read()
        LinkFile(folder).remove()
        if record is not None:
            self.installation.index.remove(record.id)

    def new_api_key(self, run: str, name: str) -> str:
        """A new API key, which is told only now.

        Raises:
            ArtifactError: The run has no link.
            ConfigError: The name is empty or taken, or there are too many keys.
        """
        label = one_line(name).strip()[:LONGEST_KEY_NAME]
        key = new_key()

        def add(record: LinkRecord) -> LinkRecord:
            if not label or label in record.keys:
                raise ConfigError(
                    f'A key needs a name of its own. Received: "{label}"', where="name", fix="Choose another name."
                )
            if len(record.keys) >= MOST_KEYS:
                raise ConfigError(f"There are {MOST_KEYS} keys already.", where="name", fix="Remove one first.")
            return replace(record, keys={**record.keys, label: hash_key(key)})

        LinkFile(self.place("runs", run)).change(add)
        return key

    def remove_api_key(self, run: str, name: str) -> None:
        """Makes a key useless.

        Raises:
            ArtifactError: The run has no link.
            ConfigError: There is no key of this name.
        """

        def drop(record: LinkRecord) -> LinkRecord:
            if name not in record.keys:
                raise ConfigError(f'There is no key "{name}".', where="name", fix=did_you_mean(name, record.keys))
            return replace(record, keys={each: value for each, value in record.keys.items() if each != name})

        LinkFile(self.place("runs", run)).change(drop)

    def _view(self, run: str, folder: Path, record: LinkRecord) -> LinkView:
        return LinkView(
            id=record.id,
            run=run,
            title=record.title,
            enabled=record.enabled,
            expires=record.expires,
            has_password=bool(record.password),
            requests_per_minute=record.requests_per_minute,
            uses=record.uses + self.installation.uses.unwritten(folder, record.id),
            api_keys=tuple(record.keys),
            created=record.created,
            share_examples=record.share_examples,
        )


def _checked(name: str, value: Any) -> Any:
    """A value as `link.json` keeps it.

    Raises:
        ConfigError: There is no such setting, or its value cannot be used.
    """
    if name == "title" and isinstance(value, str):
        return _title(value)
    if name in ("enabled", "share_examples") and isinstance(value, bool):
        return value
    if name == "expires":
        return _moment(value)
    if name == "requests_per_minute" and isinstance(value, int) and not isinstance(value, bool):
        if 1 <= value <= MOST_REQUESTS:
            return value
        raise ConfigError(
            f"The requests a minute must be from 1 to {MOST_REQUESTS}. Received: {value}", where=name, fix="Take 60."
        )
    if name == "password" and isinstance(value, str):
        if value and not FEWEST_CHARACTERS <= len(value) <= MOST_CHARACTERS:
            raise ConfigError(
                f"A password has from {FEWEST_CHARACTERS} to {MOST_CHARACTERS} characters. Received: {len(value)}",
                where=name,
                fix="Choose a longer one that nobody can guess.",
            )
        return hash_password(value) if value else ""
    if name not in CHANGES:
        raise ConfigError(f'A link has no "{name}".', where="link", fix=did_you_mean(name, CHANGES))
    raise ConfigError(f"This value cannot be used. Received: {type(value).__name__}", where=name, fix="Check its type.")


def _title(text: str) -> str:
    return " ".join(one_line(text).split())[:LONGEST_TITLE] or "A text classifier"


def _moment(value: Any) -> str | None:
    if value is None or value == "":
        return None
    try:
        return iso_utc(value)
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(
            f'This is no date. Received: "{str(value)[:40]}"', where="expires", fix="Write 2030-12-31T18:00."
        ) from None
