"""The use case of a running web app: attending to the queue of trainings."""

from __future__ import annotations

from sft_keras.services.base import Installation


class QueueServices(Installation):
    """The queue."""

    def attend(self) -> None:
        """Looks at all runs, starts what waits, and sees to it from now on; once, at the start of the web app.

        Runs that are alive go on; those whose process is gone are called interrupted. Nothing ends when the web app
        does.
        """
        from sft_keras.runs.queue import Watchdog
        from sft_keras.runs.removal import sweep
        from sft_keras.runs.store import Index

        sweep(self.settings)
        Index(self.settings).rebuild()
        Watchdog(self.settings).start()
