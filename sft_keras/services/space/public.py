"""What visitors do with a link."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sft_keras.errors import LinkError, OverloadedError, SftError
from sft_keras.services.base import Installation
from sft_keras.services.examples import has_rows
from sft_keras.services.space.entrance import Access, Entrance
from sft_keras.spaces.cards import public_card
from sft_keras.spaces.links import LinkRecord

if TYPE_CHECKING:
    from sft_keras.services.examples import Neighbours
    from sft_keras.tasks.base import Prediction

_LOG = logging.getLogger(__name__)
ASK = "Ask whoever gave it to you."
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
        self._entrance = Entrance(installation)
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

        folder, record = self._entrance.open(link)
        if record.password:
            if not (password or key):
                return PublicModel(record.id, record.title, (), "", True, bool(record.keys))
            self._entrance.admit(record, Access(password, key, client))
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
        shows = record.share_examples and has_rows(folder)
        return PublicModel(record.id, record.title, labels, card, *locks, shows)

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
        folder, record = self._entrance.enter(link, Access(password, key, client, program))
        self._entrance.require_short(texts)
        self._entrance.count(record)
        predictions = self._answers(folder, texts)
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
            LinkError: As for `predict`; 403 also where the owner does not share them, 404 where the run has none.
        """
        return self._compared(link, texts, Access(password, key, client, program), lambda _folder: [])[1]

    def predict_with_examples(
        self,
        link: str,
        texts: Sequence[str],
        *,
        password: str = "",
        key: str = "",
        client: str = "",
        program: bool = False,
    ) -> tuple[list[Prediction], list[Neighbours]]:
        """What `predict` and `examples` tell, counted once: as one request a text."""
        access = Access(password, key, client, program)
        return self._compared(link, texts, access, lambda folder: self._answers(folder, texts))

    def _compared(
        self, link: str, texts: Sequence[str], access: Access, predict: Callable[[Path], list[Prediction]]
    ) -> tuple[list[Prediction], list[Neighbours]]:
        folder, record = self._entrance.enter(link, access)
        _require_shared(folder, record)
        self._entrance.require_short(texts)
        most = min(MOST_COMPARED, record.requests_per_minute)
        if len(texts) > most:
            raise LinkError(
                f"Similar training examples are told for at most {most} texts at once. Received: {len(texts)}",
                status=413,
                where="texts",
                fix="Send them in several requests.",
            )
        if not self._comparing.acquire(blocking=False):
            raise _not_now("Similar training examples are being looked up for somebody else.")
        try:
            self._entrance.count(record, len(texts))
            predictions = predict(folder)
            found = [self._similar(folder, text) for text in texts]
        finally:
            self._comparing.release()
            # It may have taken a while, in which the owner changed their mind or deleted the run.
            _require_shared(*self._entrance.enter(link, access))
        if predictions:
            self._installation.uses.add(folder, record.id, len(predictions))
        return predictions, found

    def unlock(self, link: str, password: str, *, client: str = "") -> None:
        """Raises `LinkError` unless the password is right, or none is needed."""
        self._entrance.enter(link, Access(password, client=client))

    def _answers(self, folder: Path, texts: Sequence[str]) -> list[Prediction]:
        try:
            return self._predict(folder / "bundle", list(texts))
        except OverloadedError as error:
            raise LinkError(error.problem, status=503, fix=error.fix, retry_after=BUSY_SECONDS) from None

    def _similar(self, folder: Path, text: str) -> Neighbours:
        """See `Compare`; what goes wrong is not told to visitors, since it may name a folder of this machine."""
        try:
            return self._compare(folder, text)
        except OverloadedError:
            raise _not_now("Similar training examples cannot be looked up now.") from None
        except (SftError, OSError):
            _LOG.warning("Similar training examples cannot be looked up: %s", folder.name, exc_info=True)
            raise LinkError(
                "Similar training examples cannot be looked up.", status=500, where="examples", fix=ASK
            ) from None


def _require_shared(folder: Path, record: LinkRecord) -> None:
    if not record.share_examples:
        raise LinkError("This link shows no training examples.", status=403, where="examples", fix=ASK)
    if not has_rows(folder):
        raise LinkError("No training examples are kept here.", status=404, where="examples", fix=ASK)


def _stamp(bundle: Path) -> int:
    try:
        return (bundle / "manifest.json").stat().st_mtime_ns
    except OSError:
        return 0


def _not_now(problem: str) -> LinkError:
    return LinkError(problem, status=503, fix="Try again in a minute.", retry_after=BUSY_SECONDS)
