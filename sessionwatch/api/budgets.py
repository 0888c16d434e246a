"""The guard's budgets as the store shows them, counted once in half a minute whoever asks."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from response.guard import Budget, Guard, Limits
from schemas.app import Apps
from schemas.instant import HOUR, SECOND
from store.reader import Reader

COUNTED_EVERY_US = 30 * SECOND
"""A share is of the live sessions of a day's hours, which is the one dear thing to count; any number of consoles
may ask."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Budgets, and when they were counted, microseconds since the epoch."""

    at_us: int
    budgets: tuple[Budget, ...]


class Budgets:
    """Counts for people, apart from the guard of the pipeline's own thread and by the same rules.

    Args:
        apps: what is declared.
        limits: what the configuration says about the guard.
    """

    def __init__(self, apps: Apps, limits: Limits) -> None:
        self._apps = apps
        self._limits = limits
        self._lock = threading.Lock()
        self._counted: Counted | None = None

    @property
    def limits(self) -> Limits:
        """What the configuration says about the guard."""
        return self._limits

    def at(self, now_us: int, reader: Reader) -> Counted:
        """Return the budgets, half a minute old at most.

        Args:
            now_us: the pipeline's clock, microseconds since the epoch.
            reader: of the calling thread.
        """
        with self._lock:
            known = self._counted
            if known is None or not 0 <= now_us - known.at_us < COUNTED_EVERY_US:
                guard = Guard(reader, self._apps, self._limits)
                guard.restore(reader.revocations_since(now_us - HOUR))
                known = self._counted = Counted(now_us, tuple(guard.budgets(now_us)))
            return known
