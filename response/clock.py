"""The one clock of this room: guard, retries and deadlines go by it, never by event time."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns now in microseconds since the epoch, UTC."""


def now_us() -> int:
    """Return now in microseconds since the epoch, UTC."""
    return time.time_ns() // 1_000
