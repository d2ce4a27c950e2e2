"""The use cases: every way in (command line, web app, Python) goes through here.

Nothing heavy is imported until it is used; a listing answers without Keras.
"""

from __future__ import annotations

from sft_keras.services.accounts import Accounts, owner_key_for_user
from sft_keras.services.choices import ChoiceServices
from sft_keras.services.data import CheckResult, DataServices, FixResult, SampleInfo
from sft_keras.services.decisions import DecisionServices
from sft_keras.services.diagnostics import DiagnosticsServices
from sft_keras.services.examples import VISITOR_SECONDS, VISITOR_WAIT_SECONDS, require_rows
from sft_keras.services.memory import shared
from sft_keras.services.models import ModelServices
from sft_keras.services.queue import QueueServices
from sft_keras.services.runs import BackboneInfo, RunInfo, RunServices
from sft_keras.services.secret import derived, installation_secret
from sft_keras.services.sessions import Sessions
from sft_keras.services.space import Space
from sft_keras.services.space.public import PublicLinks
from sft_keras.services.tickets import Tickets
from sft_keras.services.uploads import Uploads

__all__ = [
    "BackboneInfo",
    "CheckResult",
    "FixResult",
    "RunInfo",
    "SampleInfo",
    "Services",
    "Space",
    "owner_key_for_user",
]


class Services(
    ChoiceServices, DataServices, RunServices, ModelServices, DecisionServices, DiagnosticsServices, QueueServices
):
    """All use cases over one installation.

    Args:
        settings: Paths and limits; from the environment if left out.
    """

    def space(self, owner: str) -> Space:
        """What one owner has and can do.

        Args:
            owner: The owner's key.

        Raises:
            ConfigError: It is no key.
        """
        return Space(self, owner)

    @shared
    def links(self) -> PublicLinks:
        """What visitors do with links."""
        return PublicLinks(
            self,
            lambda bundle, texts: self.pool.predictor(bundle).predict(texts),
            lambda run, text: self.explainer.neighbours(
                run / "bundle", require_rows(run / "bundle"), text, seconds=VISITOR_SECONDS, wait=VISITOR_WAIT_SECONDS
            ),
        )

    @shared
    def secret(self) -> str:
        """What this installation signs with; made once, and the same after a restart."""
        return installation_secret(self.settings.data_dir)

    @shared
    def browser_secret(self) -> str:
        """What browsers garble their own notes with: everybody who opens the page is told it, so it signs nothing."""
        return derived(self.secret, "browser")

    @shared
    def tickets(self) -> Tickets:
        """Tickets for downloads."""
        return Tickets(self.settings, self.secret)

    @shared
    def uploads(self) -> Uploads:
        """Where uploads lie until they are copied."""
        return Uploads(self.settings)

    @shared
    def accounts(self) -> Accounts:
        """Who may log in."""
        return Accounts(self)

    @shared
    def sessions(self) -> Sessions:
        """Who has logged in."""
        return Sessions(self.accounts, self.secret)
