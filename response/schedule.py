"""When a failed message is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass

from schemas.instant import HOUR, MINUTE, SECOND

STANDARD_OFFSETS_US = (
    5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR,
)  # fmt: skip
"""From the first try, microseconds; the example schedule of Standard Webhooks 1.0."""

URGENT_OFFSETS_US = (SECOND // 5, SECOND, 5 * SECOND, 15 * SECOND, 60 * SECOND, *STANDARD_OFFSETS_US[1:])
"""For revocations: a session is being stolen meanwhile."""

_PROMPT_US = MINUTE
_SOONEST_US = SECOND // 5
_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Schedule:
    """The tries of one kind of message.

    Attributes:
        offsets_us: from the first try, rising, microseconds.
    """

    offsets_us: tuple[int, ...] = STANDARD_OFFSETS_US

    def next_try(self, attempts: int, first_try_us: int, now_us: int, chance: random.Random) -> int | None:
        """Return when to try again, or None after the last try.

        A try within the first minute whose instant has passed, because the one before took so long, is made at
        once; later ones that were missed are left out, so that a restart is no burst.

        Args:
            attempts: how many tries have failed, at least one.
            first_try_us: when the first was made, microseconds since the epoch.
            now_us: now, microseconds since the epoch.
            chance: for the jitter of a tenth, which spreads the tries of many messages.
        """
        for offset in self.offsets_us[attempts - 1 :]:
            due_us = first_try_us + int(offset * chance.uniform(1 - _JITTER, 1 + _JITTER))
            if due_us > now_us:
                return due_us
            if offset <= _PROMPT_US:
                return now_us + _SOONEST_US
            if first_try_us + offset > now_us:
                # Not missed: the one before came late and this one early, by the jitter alone.
                return first_try_us + offset
        return None


STANDARD = Schedule()
URGENT = Schedule(URGENT_OFFSETS_US)
