"""The days of users for those who judge without a store: a replay of a file, a backtest, a test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from detectors.engine import Engine
from detectors.profile import HORIZON_DAYS, UserKey
from schemas.event import Event
from schemas.signal import Signal
from store.rows import UserDay


class Days(Protocol):
    """Where users' finished days are looked up: the store's `Reader`, or `RememberedDays`."""

    def user_days(self, users: Mapping[UserKey, int]) -> Iterable[UserDay]:
        """Return the finished days of users, each before a day (days since the epoch): the horizon and the newest."""


class RememberedDays:
    """Finished days in memory, about 200 bytes a user and day."""

    def __init__(self) -> None:
        self._days: dict[UserKey, dict[int, UserDay]] = {}

    def save(self, days: Iterable[UserDay]) -> None:
        """Take in finished days; of two of one day the fuller counts."""
        for row in days:
            known = self._days.setdefault((row.realm, row.user_id), {})
            if row.day not in known or row.successes > known[row.day].successes:
                known[row.day] = row
            if len(known) > HORIZON_DAYS + 1:
                del known[min(known)]

    def user_days(self, users: Mapping[UserKey, int]) -> list[UserDay]:
        """Return the finished days of users, each before a day (days since the epoch)."""
        return [row for user, before in users.items() for row in self._days.get(user, {}).values() if row.day < before]


def inform(engine: Engine, items: Iterable[Event | Signal], days: Days) -> None:
    """Give an engine the baselines of the users who are about to succeed.

    Args:
        engine: what judges next.
        items: what it judges next.
        days: the look-up; asked once, and not at all where everybody is known.
    """
    absent = engine.absent_users(items)
    if absent:
        engine.provide(absent, days.user_days(absent))
