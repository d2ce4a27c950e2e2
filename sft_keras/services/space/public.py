"""What visitors do with a link."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sft_keras.errors import LinkError, OverloadedError, SftError
from sft_keras.services.base import Installation
from sft_keras.spaces.cards import public_card
from sft_keras.spaces.links import LinkFile, LinkRecord
from sft_keras.spaces.passwords import key_fits

if TYPE_CHECKING:
    from sft_keras.services.examples import Neighbours
    from sft_keras.tasks.base import Prediction

# Wrong passwords and keys a minute: of one client, and of all clients together for one link.
WRONG_OF_CLIENT, WRONG_OF_LINK = 10, 100
LONGEST_ID = 64
BUSY_SECONDS = 5
# For so many texts at once, visitors may see similar training examples.
MOST_COMPARED = 5

Predict = Callable[[Path, Sequence[str]], "list[Prediction]"]
Compare = Callable[[Path, str], "Neighbours"]


@dataclass(frozen=True)
class PublicModel:
    """What anybody with the link may know.

    Attributes:
        id: Id of the link.
        title: Its name.
        labels: The labels that it tells apart; none before the password of a protected link was given.
        card: The model card as Markdown, which names no path and holds no text of the data; "" likewise.
        needs_password: Whether it is protected.
        needs_key: Whether programs need an API key.
        shows_examples: Whether visitors may see training examples that are like their texts; False before the password.
    """

    id: str
    title: str
    labels: tuple[str, ...]
    card: str
    needs_password: bool
    needs_key: bool = False
    shows_examples: bool = False


class PublicLinks:
    """What visitors do with a link; `Services.links` is one.

    A link that is unknown, switched off or expired raises `LinkError`, whose `status` is 404, 403 or 410; a wrong
    password or key 401, too many requests 429, too long texts 413 or 422, a model that cannot answer now 503.

    Args:
        installation: Settings and what all owners share.
        predict: Predicts texts with the bundle in a folder.
        compare: Finds the training examples of the run in a folder that are most like a text.
    """

    def __init__(self, installation: Installation, predict: Predict, compare: Compare) -> None:
        self._installation = installation
        self._predict = predict
        self._compare = compare
        self._comparing = threading.Lock()

    def model(self, link: str, *, password: str = "", key: str = "", client: str = "") -> PublicModel:
        """What the page of the link shows: of a protected one no more than its name, unless the password is given.

        Args:
            link: Its id.
            password: What the visitor gave; "" if nothing.
            key: An API key, which stands for the password, too.
            client: The visitor's address, for which wrong passwords are counted.
        """
        from sft_keras.data.labels import Labels
        from sft_keras.modeling.backbones.base import known_presets

        folder, record = self._open(link)
        if record.password:
            if not (password or key):
                return PublicModel(record.id, record.title, (), "", True, bool(record.keys))
            self._admit(record, password, key, client, program=False)
        bundle = folder / "bundle"
        stamp = _stamp(bundle)

        def read() -> tuple[tuple[str, ...], str]:
            try:
                card = (bundle / "README.md").read_text(encoding="utf-8", errors="replace")
            except OSError:
                card = ""
            return tuple(Labels.from_json((bundle / "labels.json").read_text(encoding="utf-8")).names), public_card(
                card, known_presets()
            )

        labels, card = self._installation.memory.get(("card", str(bundle), stamp), read)
        locks = bool(record.password), bool(record.keys)
        return PublicModel(record.id, record.title, labels, card, *locks, record.share_examples)

    def predict(
        self,
        link: str,
        texts: Sequence[str],
        *,
        password: str = "",
        key: str = "",
        client: str = "",
        program: bool = False,
    ) -> list[Prediction]:
        """Predictions through the link, counted and limited.

        Args:
            link: Its id.
            texts: The texts.
            password: What the visitor gave.
            key: An API key, which stands for the password, too.
            client: The visitor's address, for which wrong passwords are counted.
            program: The request comes from a program: if the link has API keys, it needs one.
        """
        folder, record = self._open(link)
        self._admit(record, password, key, client, program=program)
        self._require_short(texts)
        wait = self._installation.throttle.take(record.requests_per_minute, "link", record.id)
        if wait:
            raise _too_many("This link gets too many requests.", wait)
        try:
            predictions = self._predict(folder / "bundle", list(texts))
        except OverloadedError as error:
            raise LinkError(error.problem, status=503, fix=error.fix, retry_after=BUSY_SECONDS) from None
        self._installation.uses.add(folder, record.id, len(predictions))
        return predictions

    def examples(
        self,
        link: str,
        texts: Sequence[str],
        *,
        password: str = "",
        key: str = "",
        client: str = "",
        program: bool = False,
    ) -> list[Neighbours]:
        """The training examples most like each text, where the owner of the link lets visitors see them.

        It takes a process with Keras, hence one visitor at a time, few texts, and each counts as a request. The
        arguments are those of `predict`.

        Raises:
            LinkError: As for `predict`; 403 also where the owner does not share them.
        """
        folder, record = self._open(link)
        self._admit(record, password, key, client, program=program)
        _require_shared(record)
        self._require_short(texts)
        if len(texts) > MOST_COMPARED:
            raise LinkError(
                f"Similar training examples are told for at most {MOST_COMPARED} texts at once. Received: {len(texts)}",
                status=413,
                where="texts",
                fix="Send them in several requests.",
            )
        for _ in texts:
            wait = self._installation.throttle.take(record.requests_per_minute, "link", record.id)
            if wait:
                raise _too_many("This link gets too many requests.", wait)
        if not self._comparing.acquire(blocking=False):
            raise _not_now("Similar training examples are being looked up for somebody else.")
        try:
            found = [self._compare(folder, text) for text in texts]
        except SftError:  # it may name a folder of this machine
            raise _not_now("Similar training examples cannot be looked up now.") from None
        finally:
            self._comparing.release()
        # It may have taken a while, in which the owner changed their mind.
        _require_shared(self._open(link)[1])
        return found

    def unlock(self, link: str, password: str, *, client: str = "") -> None:
        """Raises `LinkError` unless the password is right, or none is needed."""
        _, record = self._open(link)
        self._admit(record, password, "", client, program=False)

    def _open(self, link: str) -> tuple[Path, LinkRecord]:
        folder = self._installation.index.find(link) if _is_id(link) else None
        record = LinkFile(folder).read() if folder else None
        if folder is None or record is None or record.id != link or not (folder / "bundle").is_dir():
            raise LinkError("There is no model behind this link.", status=404, fix="Ask whoever gave it to you.")
        if not record.enabled:
            raise LinkError("This link is switched off.", status=403, fix="Ask whoever gave it to you.")
        if record.expired:
            raise LinkError("This link has expired.", status=410, fix="Ask whoever gave it to you for a new one.")
        return folder, record

    def _admit(self, record: LinkRecord, password: str, key: str, client: str, *, program: bool) -> None:
        keyed = program and bool(record.keys)
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
            raise _too_many("There were too many wrong passwords or keys.", wait)
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

    def _require_short(self, texts: Sequence[str]) -> None:
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


def _require_shared(record: LinkRecord) -> None:
    if not record.share_examples:
        raise LinkError(
            "This link shows no training examples.", status=403, where="examples", fix="Ask whoever gave it to you."
        )


def _is_id(link: str) -> bool:
    return isinstance(link, str) and 0 < len(link) <= LONGEST_ID and link.isascii() and link.isalnum()


def _stamp(bundle: Path) -> int:
    try:
        return (bundle / "manifest.json").stat().st_mtime_ns
    except OSError:
        return 0


def _not_now(problem: str) -> LinkError:
    return LinkError(problem, status=503, fix="Try again in a minute.", retry_after=BUSY_SECONDS)


def _too_many(problem: str, seconds: int) -> LinkError:
    return LinkError(problem, status=429, fix=f"Try again in {seconds} seconds.", retry_after=seconds)
