"""What all use cases share: the installation that they run on."""

from __future__ import annotations

from sft_keras.settings import Settings


class Installation:
    """Paths and limits.

    Args:
        settings: From the environment if left out.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings.from_environment()
