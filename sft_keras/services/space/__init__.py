"""What one owner can do: everything that is reached from here lies in that owner's folder."""

from __future__ import annotations

from sft_keras.services.space.corrections import CorrectionSpace
from sft_keras.services.space.links import LinkSpace

__all__ = ["Space"]


class Space(CorrectionSpace, LinkSpace):
    """The datasets, runs, models and links of one owner.

    Args:
        installation: Settings and what all owners share; `Services` is one.
        owner: The owner's key: an unguessable text from a browser, or `user:NAME` of an account.
    """

    def delete(self, run: str) -> None:
        """Stops and deletes a run, with its link and the tables that its model filled."""
        super().delete(run)
        self.forget_results(run)
