"""How many sessions of an app began and ended in a day, and which of them.

A day keeps the sessions with the smallest hashes: of up to 512 sessions every one, of more a sample that depends
on nothing but which sessions there were, neither on their order nor on how they were told.
Source of the estimate: Beyer et al., "On synopses for distinct-value estimation under multiset operations", 2007.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from detectors.context import LINEAGE_REASONS
from detectors.findings.derived import Counted
from schemas.event import Event
from schemas.instant import DAY

LOGIN, LOGOUT, EXPIRY, END = 1, 2, 4, 8

SAMPLE = 512
"""Sessions kept a day and app: a share is then right within 4 points in 19 of 20 days."""
MAX_DAYS = 10
"""Days kept an app. Sessions that may live longer than eight days are not judged."""
MAX_SAMPLES = 1_000
"""Samples in all, about 50 MB: anybody who may write to the topic can invent apps."""

LOGOUTS = frozenset({"logout", "logout_all"})
EXPIRED = frozenset({"expired_idle", "expired_absolute"})
TIMEOUTS = frozenset({"idle_timeout", "absolute_timeout"})

_ALL = 2**63
_FLAGS: dict[Counted, int] = {"logins": LOGIN, "logouts": LOGOUT, "expiries": EXPIRY}

DayKey = tuple[str, int]
"""App, and days since the epoch."""


class Sample(msgspec.Struct, gc=False, array_like=True):
    """The sessions of a day with the smallest hashes, and what was seen of each.

    Attributes:
        cut: hashes from here on were dropped.
    """

    flags: dict[int, int] = {}
    cut: int = _ALL

    def add(self, place: int, flag: int) -> bool:
        """Take in what was seen of a session; say whether it is news."""
        if place >= self.cut:
            return False
        before = self.flags.get(place, 0)
        if before | flag == before:
            return False
        self.flags[place] = before | flag
        if len(self.flags) > 2 * SAMPLE:
            kept = heapq.nsmallest(SAMPLE + 1, self.flags)
            self.cut = kept[-1] + 1
            self.flags = {place: self.flags[place] for place in kept}
        return True

    def bound(self) -> int:
        """Return the hash below which the sample holds every session."""
        return _ALL if len(self.flags) <= SAMPLE else heapq.nsmallest(SAMPLE + 1, self.flags)[-1]

    def count(self, flag: int) -> int:
        """Return how many sessions of the day show this, estimated where there are more than are kept."""
        bound = self.bound()
        found = sum(1 for place, flags in self.flags.items() if flags & flag and place < bound)
        return round(found * _ALL / bound)


@dataclass(frozen=True, slots=True)
class Unended:
    """Sessions that a login of one day began, and those of them that nothing ended."""

    unended: int
    judged: int


class Counts:
    """The days of every app.

    Attributes:
        newest_us: time of the newest event that counted, by app.
        touched: the days in which something new was seen since somebody last looked.
        advanced: by app whose newest event is a later one since, the time before.
    """

    def __init__(self) -> None:
        self.newest_us: dict[str, int] = {}
        self.touched: set[DayKey] = set()
        self.advanced: dict[str, int] = {}
        self._samples: dict[str, dict[int, Sample]] = {}
        self._size = 0
        self._changed: set[DayKey] = set()

    def observe(self, event: Event) -> None:
        """Take in an event: of a `validate` there is nothing to count."""
        if event.type == "create":
            if event.reason in LINEAGE_REASONS and event.parent_session_id is not None:
                self._add(event, event.parent_session_id, END)
            else:
                self._add(event, event.session_id, LOGIN)
        elif event.type == "destroy":
            ended = END | (LOGOUT if event.reason in LOGOUTS else 0)
            self._add(event, event.session_id, ended | (EXPIRY if event.reason in TIMEOUTS else 0))
        elif event.type == "fail" and event.reason in EXPIRED:
            self._add(event, event.session_id, END | EXPIRY)

    def count(self, app: str, day: int, counted: Counted) -> int:
        """Return how many sessions of an app and day there were."""
        sample = self._samples.get(app, {}).get(day)
        return 0 if sample is None else sample.count(_FLAGS[counted])

    def unended(self, app: str, day: int, life_us: int) -> Unended | None:
        """Return how many of the sessions that a day's logins began did not end within their life.

        Returns:
            None while one of them may still end, or where that day is no longer known.
        """
        days = self._samples.get(app, {})
        first, last = days.get(day), last_day(day, life_us)
        if first is None or last - day >= MAX_DAYS - 1 or self.newest_us[app] < settled_us(day, life_us):
            return None
        samples = [days[one] for one in range(day, last + 1) if one in days]
        bound = min(sample.bound() for sample in samples)
        begun = [place for place, flags in first.flags.items() if flags & LOGIN and place < bound]
        unended = sum(not any(sample.flags.get(place, 0) & END for sample in samples) for place in begun)
        return Unended(round(unended * _ALL / bound), round(len(begun) * _ALL / bound))

    def days(self, app: str) -> list[int]:
        """Return the days of an app that are known."""
        return list(self._samples.get(app, ()))

    def put(self, key: DayKey, sample: Sample, newest_us: int) -> None:
        """Take over a stored day."""
        app, day = key
        self._size += day not in self._samples.setdefault(app, {})
        self._samples[app][day] = sample
        self.newest_us[app] = max(newest_us, self.newest_us.get(app, 0))
        self.touched.add(key)
        self.advanced[app] = 0

    def stored(self) -> Iterator[tuple[DayKey, Sample | None]]:
        """Yield the days that changed since the last call; None = no longer known."""
        changed, self._changed = self._changed, set()
        for app, day in sorted(changed):
            yield (app, day), self._samples.get(app, {}).get(day)

    def _add(self, event: Event, session_id: str | None, flag: int) -> None:
        if session_id is None:
            return
        app, day = event.app, event.time_us // DAY
        newest_us = self.newest_us.get(app, 0)
        if day <= newest_us // DAY - MAX_DAYS:
            return
        days = self._samples.setdefault(app, {})
        sample = days.get(day)
        if sample is None:
            sample = days[day] = Sample()
            self._size += 1
        if event.time_us > newest_us:
            self.advanced.setdefault(app, newest_us)
            self.newest_us[app] = event.time_us
            # The time up to which sessions have settled is stored with its day.
            self._changed.add((app, day))
            for old in [old for old in days if old <= day - MAX_DAYS]:
                self._drop(app, old)
        if sample.add(_place(session_id), flag):
            self.touched.add((app, day))
            self._changed.add((app, day))
        while self._size > MAX_SAMPLES:
            idle = min(self._samples, key=lambda name: self.newest_us[name])
            self._drop(idle, min(self._samples[idle]))

    def _drop(self, app: str, day: int) -> None:
        days = self._samples[app]
        del days[day]
        self._size -= 1
        self._changed.add((app, day))
        if not days:
            del self._samples[app], self.newest_us[app]
            self.advanced.pop(app, None)


def settled_us(day: int, life_us: int) -> int:
    """Return when the last session that began on a day must have ended."""
    return (day + 1) * DAY + life_us


def last_day(day: int, life_us: int) -> int:
    """Return the last day on which such a session may end."""
    return (settled_us(day, life_us) - 1) // DAY


def _place(session_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(session_id.encode("utf-8", "replace"), digest_size=8).digest(), "big") >> 1
