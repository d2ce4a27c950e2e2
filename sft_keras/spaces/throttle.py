"""How often something may be done, counted in memory."""

from __future__ import annotations

import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter


class Throttle:
    """Counts what was done in the last 60 seconds, by whatever it is counted for.

    Each time is kept, so that a new minute of the clock gives nobody more.
    """

    def __init__(self) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def take(self, per_minute: int, *names: str, cost: int = 1) -> int:
        """Counts `cost` more, or none; returns 0, or in how many seconds there is room again for some."""
        item = RateLimitItemPerMinute(per_minute)
        return 0 if self._window.hit(item, *names, cost=cost) else self._seconds(item, names)

    def full(self, per_minute: int, *names: str) -> int:
        """Likewise, without counting."""
        item = RateLimitItemPerMinute(per_minute)
        return 0 if self._window.test(item, *names) else self._seconds(item, names)

    def _seconds(self, item: RateLimitItemPerMinute, names: tuple[str, ...]) -> int:
        ends = self._window.get_window_stats(item, *names).reset_time
        return max(1, min(60, round(ends - time.time())))
