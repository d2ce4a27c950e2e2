"""The public links of an owner's models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sft_keras.services.space.base import OwnedFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sft_keras.tasks.base import Prediction


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


@dataclass(frozen=True)
class PublicModel:
    """What anybody with the link may know.

    Attributes:
        id: Id of the link.
        title: Its name.
        labels: The labels that it tells apart.
        card: The model card as Markdown, which names no path and holds no text of the data.
        needs_password: Whether it is protected.
    """

    id: str
    title: str
    labels: tuple[str, ...]
    card: str
    needs_password: bool


class LinkSpace(OwnedFolder):
    """Links, by run: a run has at most one. All errors are `SftError`."""

    def publish(self, run: str, *, title: str = "") -> LinkView:
        """Makes the link of a run; the one that is there is returned."""
        raise NotImplementedError

    def link(self, run: str) -> LinkView | None:
        """The link of a run."""
        raise NotImplementedError

    def change_link(self, run: str, changes: Mapping[str, Any]) -> LinkView:
        """Changes title, enabled, expires, requests_per_minute, or password ("" removes it)."""
        raise NotImplementedError

    def unpublish(self, run: str) -> None:
        """Removes it; its address never comes back."""
        raise NotImplementedError

    def new_api_key(self, run: str, name: str) -> str:
        """A new API key, which is told only now."""
        raise NotImplementedError

    def remove_api_key(self, run: str, name: str) -> None:
        """Makes a key useless."""
        raise NotImplementedError


class PublicLinks:
    """What visitors do with a link; `Services.links` is one.

    A link that is unknown, switched off or expired raises `LinkError`, whose `status` is 404, 403 or 410; a wrong
    password or key 401, too many requests 429.
    """

    def model(self, link: str) -> PublicModel:
        """What the page of the link shows."""
        raise NotImplementedError

    def predict(self, link: str, texts: Sequence[str], *, password: str = "", key: str = "") -> list[Prediction]:
        """Predictions through the link, counted and limited."""
        raise NotImplementedError
