"""What all use cases share: the installation that they run on."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from sft_keras.services.memory import Memory, shared
from sft_keras.settings import MIB, Settings

if TYPE_CHECKING:
    from sft_keras.inference.exact import Explainer
    from sft_keras.inference.pool import ModelPool
    from sft_keras.runs.store import Index
    from sft_keras.spaces.passwords import Passwords
    from sft_keras.spaces.throttle import Throttle
    from sft_keras.spaces.uses import Uses


class Installation:
    """Paths and limits.

    Args:
        settings: From the environment if left out.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings.from_environment()
        self.memory = Memory()

    @shared
    def index(self) -> Index:
        """Finds the run of a link."""
        from sft_keras.runs.store import Index

        return Index(self.settings)

    @shared
    def uses(self) -> Uses:
        """Counts the uses of links."""
        from sft_keras.spaces.uses import Uses

        return Uses()

    @shared
    def throttle(self) -> Throttle:
        """Counts what may not be done too often."""
        from sft_keras.spaces.throttle import Throttle

        return Throttle()

    @shared
    def passwords(self) -> Passwords:
        """Checks passwords."""
        from sft_keras.spaces.passwords import Passwords

        return Passwords()

    @shared
    def explainer(self) -> Explainer:
        """Explains exactly, in a process of its own with Keras."""
        from sft_keras.inference.exact import Explainer

        return Explainer()

    @shared
    def pool(self) -> ModelPool:
        """The loaded models of all owners and links, from their graphs, without Keras."""
        from sft_keras.inference.pool import ModelPool, open_predictor

        limits = self.settings
        return ModelPool(
            most_models=limits.max_models,
            most_bytes=limits.max_models_mib * MIB,
            opener=functools.partial(open_predictor, eight_bit=limits.int8),
        )
