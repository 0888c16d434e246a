"""The circuit breaker: a receiver that only fails is left alone for a while, then probed."""

from __future__ import annotations

from schemas.instant import MINUTE, SECOND

FAILURES = 10
"""In a row, before it opens (decision 34 of the design)."""
FIRST_PAUSE_US = 5 * SECOND
LONGEST_PAUSE_US = MINUTE
"""Short, since revocations wait behind it: one probe a minute hurts no receiver."""


class Breaker:
    """Counts failures in a row. Closed: all may pass. Open: nobody, until one probe may."""

    def __init__(self, failures: int = FAILURES) -> None:
        self._limit = failures
        self._failed = 0
        self._pause_us = FIRST_PAUSE_US
        self._open_until_us = 0

    @property
    def is_open(self) -> bool:
        """Whether the last tries have all failed, so that only probes are made."""
        return self._failed >= self._limit

    def opens_at(self) -> int:
        """Return when the next try may be made, microseconds since the epoch; 0 = at any time."""
        return self._open_until_us if self.is_open else 0

    def succeeded(self) -> None:
        """Note a success: it closes."""
        self._failed = 0
        self._pause_us = FIRST_PAUSE_US

    def failed(self, now_us: int) -> bool:
        """Note a failure and return whether it has just opened.

        Args:
            now_us: microseconds since the epoch.
        """
        self._failed += 1
        if not self.is_open:
            return False
        if self._failed > self._limit:
            self._pause_us = min(2 * self._pause_us, LONGEST_PAUSE_US)
        self._open_until_us = now_us + self._pause_us
        return self._failed == self._limit
