"""Which uses of a session are sent, and which are only counted.

A busy session is used many times a second, and each use says the same. Sent at once are the first use, the
first after the session was ended, and every one whose facts (address, agent, device ...) differ from the one
before; of the rest one event an interval is sent, which says for how many uses it stands and in which rhythm
they came. No use is lost: the counts of all that is sent add up to the uses.

A session that was ended and is used all the same is told each second: in its first seconds those may be requests
in flight, and whoever watches must not wait for the end of a long interval to learn that they were not.

Nothing here reads a clock or starts a thread.
"""

from __future__ import annotations

import heapq
import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

MAX_SESSIONS = 50_000

ENDED_INTERVAL_US = 1_000_000
"""At most one event in this time, in microseconds, of a session that was ended."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One event to send.

    Attributes:
        session_id: the session.
        fields: the event's fields, those of the last use it stands for.
        time_us: when that use happened, in microseconds since the epoch.
        count: for how many uses it stands.
        gap_min_ms: the shortest gap before one of these uses, in milliseconds; None for a first use.
        gap_dev_ms: the standard deviation of these gaps, in milliseconds; None for fewer than two.
    """

    session_id: str
    fields: Mapping[str, object]
    time_us: int
    count: int
    gap_min_ms: float | None
    gap_dev_ms: float | None


class _Session:
    """One session since its last event; mean and variance of the gaps by Welford's method, without a list."""

    __slots__ = (
        "count",
        "facts",
        "fields",
        "gap_mean",
        "gap_min",
        "gap_squares",
        "gaps",
        "interval_us",
        "scheduled",
        "sent_us",
        "time_us",
        "used_us",
    )

    def __init__(self, now_us: int, interval_us: int) -> None:
        self.interval_us = interval_us
        self.facts: Hashable = None
        self.fields: Mapping[str, object] = {}
        self.sent_us = now_us
        self.used_us: int | None = None
        self.time_us = 0
        self.scheduled = False
        self.clear()

    def clear(self) -> None:
        self.count = 0
        self.gaps = 0
        self.gap_mean = 0.0
        self.gap_squares = 0.0
        self.gap_min = math.inf

    def note(self, facts: Hashable, fields: Mapping[str, object], now_us: int, time_us: int) -> None:
        if self.used_us is not None:
            gap = max(0, now_us - self.used_us) / 1000
            self.gaps += 1
            distance = gap - self.gap_mean
            self.gap_mean += distance / self.gaps
            self.gap_squares += distance * (gap - self.gap_mean)
            self.gap_min = min(self.gap_min, gap)
        self.facts = facts
        self.fields = fields
        self.used_us = now_us
        self.time_us = time_us
        self.count += 1

    def take(self, session_id: str, now_us: int) -> Sample:
        sample = Sample(
            session_id,
            self.fields,
            self.time_us,
            self.count,
            round(self.gap_min, 3) if self.gaps else None,
            round(math.sqrt(max(0.0, self.gap_squares) / self.gaps), 3) if self.gaps > 1 else None,
        )
        self.clear()
        self.fields = {}
        self.sent_us = now_us
        return sample


class Sampler:
    """Decides which uses are sent; every method returns what is to be sent now, in order.

    Args:
        interval_us: at most one event a session in this time, in microseconds, if nothing changes.
        max_sessions: how many sessions are remembered; the one unused for longest is given up, and what
            was counted for it is sent.
    """

    def __init__(self, interval_us: int, max_sessions: int = MAX_SESSIONS) -> None:
        self._interval_us = interval_us
        self._max_sessions = max_sessions
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()
        # At most one entry a session: when its interval may end. Checked, not trusted, when it comes up.
        self._schedule: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._sessions)

    def use(
        self,
        session_id: str,
        facts: Hashable,
        fields: Mapping[str, object],
        now_us: int,
        time_us: int,
        *,
        unsampled: bool = False,
        ended: bool = False,
    ) -> list[Sample]:
        """Note one use of a session.

        Args:
            session_id: the session.
            facts: what is compared with the use before.
            fields: the event's fields, if this use is sent.
            now_us: a monotonic clock, in microseconds.
            time_us: the wall clock, in microseconds since the epoch.
            unsampled: send this one in any case.
            ended: it was ended, as another process knows; what `end` was told is known here.
        """
        session = self._sessions.get(session_id)
        samples = []
        if session is None:
            session = self._sessions[session_id] = _Session(now_us, self._interval_us)
            samples.extend(self._evict(now_us))
            at_once = True
        else:
            self._sessions.move_to_end(session_id)
            at_once = unsampled or facts != session.facts
        if ended or session_id in self._ended:
            session.interval_us = min(self._interval_us, ENDED_INTERVAL_US)
        if at_once and session.count:
            samples.append(session.take(session_id, now_us))
        session.note(facts, fields, now_us, time_us)
        if at_once or now_us - session.sent_us >= session.interval_us:
            samples.append(session.take(session_id, now_us))
        elif not session.scheduled:
            session.scheduled = True
            heapq.heappush(self._schedule, (session.sent_us + session.interval_us, session_id))
        return samples

    def due(self, now_us: int, limit: int = 256) -> list[Sample]:
        """Return what was counted in intervals that have ended, for at most `limit` sessions at a time."""
        samples: list[Sample] = []
        while self._schedule and self._schedule[0][0] <= now_us and len(samples) < limit:
            _, session_id = heapq.heappop(self._schedule)
            session = self._sessions.get(session_id)
            if session is None:
                continue
            ends_us = session.sent_us + session.interval_us
            if not session.count:
                session.scheduled = False
            elif ends_us <= now_us:
                session.scheduled = False
                samples.append(session.take(session_id, now_us))
            else:
                heapq.heappush(self._schedule, (ends_us, session_id))
        return samples

    def next_due_us(self) -> int | None:
        """Return the monotonic time at which `due` should next be called, or None."""
        return self._schedule[0][0] if self._schedule else None

    def begin(self, session_id: str, now_us: int) -> list[Sample]:
        """Begin a session anew: its next use is a first one. Return what was counted for it."""
        self._ended.pop(session_id, None)
        session = self._sessions.pop(session_id, None)
        return [session.take(session_id, now_us)] if session is not None and session.count else []

    def end(self, session_id: str, now_us: int) -> list[Sample]:
        """Note that a session was ended: its next use is a first one. Return what was counted for it."""
        samples = self.begin(session_id, now_us)
        self._ended[session_id] = None
        if len(self._ended) > self._max_sessions:
            self._ended.popitem(last=False)
        return samples

    def end_where(self, holds: Callable[[Hashable], bool], now_us: int) -> list[Sample]:
        """Note the end of every session whose facts meet a condition; return what was counted for them."""
        ended = [session_id for session_id, session in self._sessions.items() if holds(session.facts)]
        return [sample for session_id in ended for sample in self.end(session_id, now_us)]

    def drain(self, now_us: int) -> list[Sample]:
        """Return what was counted for all sessions, and go on."""
        return [session.take(key, now_us) for key, session in self._sessions.items() if session.count]

    def _evict(self, now_us: int) -> list[Sample]:
        if len(self._sessions) <= self._max_sessions:
            return []
        session_id, session = self._sessions.popitem(last=False)
        return [session.take(session_id, now_us)] if session.count else []
