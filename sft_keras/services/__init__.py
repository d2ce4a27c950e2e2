"""The use cases: every way in (command line, web app, Python) goes through here.

Nothing heavy is imported until it is used; a listing answers without Keras.
"""

from __future__ import annotations

from sft_keras.services.data import CheckResult, DataServices, FixResult, SampleInfo
from sft_keras.services.models import ModelServices
from sft_keras.services.runs import BackboneInfo, RunInfo, RunServices
from sft_keras.services.space import Space

__all__ = ["BackboneInfo", "CheckResult", "FixResult", "RunInfo", "SampleInfo", "Services", "Space"]


class Services(DataServices, RunServices, ModelServices):
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
