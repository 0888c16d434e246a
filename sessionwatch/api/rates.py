"""How often one may ask: a bucket of requests for each token, and one for each address that guesses."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_BUCKETS = 10_000
"""Askers remembered; beyond, the one unheard of for longest is forgotten, and begins anew with a full bucket."""

GUESSES_PER_MINUTE = 60
"""Wrong tokens and codes from one address. 256 random bits are safe anyway; this keeps the log short."""


class Rates:
    """Token buckets: each holds a quarter of a minute's requests, and fills up steadily.

    Args:
        per_minute: requests that one asker may make in the long run.
        clock: seconds, only ever rising.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_minute / 60
        self._size = max(1.0, per_minute / 4)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, asker: str) -> int:
        """Take one request; return 0, or after how many seconds there is room again."""
        with self._lock:
            return self._take(asker)

    def _take(self, asker: str) -> int:
        now = self._clock()
        level, at = self._buckets.pop(asker, (self._size, now))
        level = min(self._size, level + (now - at) * self._per_second)
        room = level >= 1
        self._buckets[asker] = (level - 1 if room else level, now)
        while len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return 0 if room else max(1, math.ceil((1 - level) / self._per_second))
