"""What is ordinary for a user: facts by day, and the profile that they add up to.

A user's *day* (UTC, by event time) is open while it lasts and teaches nothing; when it is over, what its sessions
showed becomes `DayFacts`, a row in the store, and enters the `Profile` once. So an intruder's own uses cannot make
the intruder ordinary on the spot, and a session that was flagged meanwhile is left out for good. Only successes are
learned from. A profile depends on the set of days alone, not on how they were put together: one kept up to date in
memory equals one read from the store.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Hashable, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

import msgspec

from detectors.networks import ANONYMISER_TYPES
from schemas.event import Agent, Event, Place
from schemas.instant import DAY, HOUR
from store.rows import UserDay

FACTS_VERSION = 1
"""Of `DayFacts` as stored. Rows of another version are passed over: baselines are not rebuilt."""

HORIZON_DAYS = 92
"""How far back days count: the longest baseline of a rule (90 days), and its edges."""

MAX_SIGHTS = 32
"""Combinations of session, place and client kept apart in one day. Beyond that, sessions that showed the same are
one, and can no longer be left out singly."""

MAX_FLAGGED = 64
"""Flagged sessions remembered a user; one with more is told of by then."""

MAX_NETWORKS, MAX_ASNS, MAX_COUNTRIES, MAX_DEVICES, MAX_AGENTS = 256, 128, 64, 64, 64
"""Values remembered in a profile, those seen last. A person has a tenth of that; the bound is for those who invent."""

MAX_DEVICE_ID = 128
"""A longer device id is not learned: 64 of them a user must stay small."""

UserKey = tuple[str, str]
"""A user: realm and id."""

T = TypeVar("T", bound=Hashable)

_CALENDAR = struct.Struct(">Q")
_HOURS_SHIFT = 8
_DAY_SHIFT = 32
_ANONYMISED = 1
_HOURS_A_DAY = 24
_HOURS_A_WEEK = 7 * _HOURS_A_DAY
_ALL_HOURS = (1 << _HOURS_A_DAY) - 1


class Sight(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What one session of a user showed on one day from one place with one client.

    Attributes:
        app, session_id: the session; empty where several were put together.
        logins: sessions begun by it, refreshes and rotations not counted.
        hours: the hours of the day (UTC) in which it succeeded, a bit each.
    """

    app: str
    session_id: str
    place: Place
    agent: Agent
    device_id: str | None
    logins: int
    hours: int


class DayFacts(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One day of one user, as stored: successes only, flagged sessions left out of everything but the times.

    Attributes:
        day: days since the epoch, UTC.
        logins_before, known_since_us: what came before that day: all the user's logins, and the first success.
        first_us, last_us, successes: of the day, flagged sessions included: they are no habit.
        hours: the hours in which the user succeeded, a bit each.
        anonymised: whether one of the networks hides where its users are.
        agents: as ``<family>|<operating system>``.
    """

    day: int
    logins_before: int
    known_since_us: int
    logins: int
    successes: int
    first_us: int
    last_us: int
    hours: int
    anonymised: bool
    countries: tuple[str, ...]
    asns: tuple[int, ...]
    networks: tuple[str, ...]
    devices: tuple[str, ...]
    agents: tuple[str, ...]


class Profile(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is ordinary for a user: the finished days inside the horizon, and the newest one however old it is.

    Every ``knows_...`` says whether a value was seen on `since_day` (days since the epoch) or later.

    Attributes:
        newest_day: the newest finished day with a success; -1 where there is none.
        logins: all that were learned from, also those beyond the horizon.
        first_us, last_success_us: the first and the newest success of finished days, microseconds; 0 = none.
    """

    newest_day: int = -1
    logins: int = 0
    first_us: int = 0
    last_success_us: int = 0
    calendar: bytes = b""
    countries: dict[str, int] = {}
    asns: dict[int, int] = {}
    networks: dict[str, int] = {}
    devices: dict[str, int] = {}
    agents: dict[str, int] = {}

    @property
    def active_days(self) -> int:
        """Return on how many days of the horizon the user succeeded."""
        return len(self.calendar) // _CALENDAR.size

    def knows_country(self, country: str, since_day: int = 0) -> bool:
        """Say whether the user was seen in a country."""
        return self.countries.get(country, -1) >= since_day

    def knows_asn(self, asn: int, since_day: int = 0) -> bool:
        """Say whether the user was seen in an autonomous system."""
        return self.asns.get(asn, -1) >= since_day

    def knows_network(self, network: str, since_day: int = 0) -> bool:
        """Say whether the user was seen in a network (`Place.network`)."""
        return self.networks.get(network, -1) >= since_day

    def knows_device(self, device_id: str, since_day: int = 0) -> bool:
        """Say whether the user was seen with a device."""
        return self.devices.get(device_id, -1) >= since_day

    def knows_agent(self, agent: Agent, since_day: int = 0) -> bool:
        """Say whether the user was seen with a browser family on an operating system, in any version."""
        return self.agents.get(agent_name(agent), -1) >= since_day

    def days_since(self, since_day: int) -> int:
        """Return on how many finished days since then the user succeeded."""
        return sum(1 for day, _, _ in self._calendar() if day >= since_day)

    def anonymised_days(self, since_day: int) -> int:
        """Return on how many of them the user came through a network that hides its users."""
        return sum(1 for day, _, anonymised in self._calendar() if anonymised and day >= since_day)

    def share_of_hour(self, time_us: int, since_day: int) -> float:
        """Return the share of the user's history that lies within an hour of this hour of the week, 0 to 1.

        History counts hours in which the user succeeded, each once, so that a chatty app weighs no more than a
        quiet one. The hours before and after count in full: habits are no finer than that, and daylight saving
        moves them by one.

        Args:
            time_us: an instant in that hour, microseconds since the epoch.
            since_day: older days do not count.
        """
        near = {(time_us // HOUR + offset) % _HOURS_A_WEEK for offset in (-1, 0, 1)}
        wanted = [0] * 7
        for hour in near:
            wanted[hour // _HOURS_A_DAY] |= 1 << hour % _HOURS_A_DAY
        found = total = 0
        for day, hours, _ in self._calendar():
            if day >= since_day:
                total += hours.bit_count()
                found += (hours & wanted[day % 7]).bit_count()
        return found / total if total else 0.0

    def with_day(self, facts: DayFacts) -> Profile:
        """Return the profile with one more day, newer than those it holds."""
        day = facts.day
        packed = day << _DAY_SHIFT | (facts.hours & _ALL_HOURS) << _HOURS_SHIFT | _ANONYMISED * facts.anonymised
        return Profile(
            day,
            facts.logins_before + facts.logins,
            facts.known_since_us,
            facts.last_us,
            self.calendar + _CALENDAR.pack(packed),
            _seen(self.countries, facts.countries, day, MAX_COUNTRIES),
            _seen(self.asns, facts.asns, day, MAX_ASNS),
            _seen(self.networks, facts.networks, day, MAX_NETWORKS),
            _seen(self.devices, facts.devices, day, MAX_DEVICES),
            _seen(self.agents, facts.agents, day, MAX_AGENTS),
        )

    def as_of(self, day: int) -> Profile:
        """Return the profile without what lies beyond the horizon of a day; the newest day stays."""
        oldest = min(day - HORIZON_DAYS, self.newest_day)
        if not self.calendar or next(self._calendar())[0] >= oldest:
            return self
        kept = b"".join(
            self.calendar[place : place + _CALENDAR.size]
            for place in range(0, len(self.calendar), _CALENDAR.size)
            if _CALENDAR.unpack_from(self.calendar, place)[0] >> _DAY_SHIFT >= oldest
        )
        return msgspec.structs.replace(
            self,
            calendar=kept,
            countries=_since(self.countries, oldest),
            asns=_since(self.asns, oldest),
            networks=_since(self.networks, oldest),
            devices=_since(self.devices, oldest),
            agents=_since(self.agents, oldest),
        )

    def _calendar(self) -> Iterator[tuple[int, int, int]]:
        """Yield day, hours and whether it was anonymised, by day."""
        for (packed,) in _CALENDAR.iter_unpack(self.calendar):
            yield packed >> _DAY_SHIFT, packed >> _HOURS_SHIFT & _ALL_HOURS, packed & _ANONYMISED


EMPTY = Profile()

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(DayFacts).decode


def profile_of(days: Iterable[DayFacts], before_day: int) -> Profile:
    """Return the profile of a user as of a day, from finished days in any order; of two of one day the fuller counts.

    Args:
        days: the finished days that are known.
        before_day: that day, in days since the epoch; it and later ones are left out.
    """
    by_day: dict[int, DayFacts] = {}
    for facts in days:
        known = by_day.get(facts.day)
        if facts.day < before_day and (known is None or facts.successes > known.successes):
            by_day[facts.day] = facts
    profile = EMPTY
    for day in sorted(by_day):
        profile = profile.with_day(by_day[day])
    return profile.as_of(before_day)


def write_day(realm: str, user_id: str, facts: DayFacts) -> UserDay:
    """Return a day as a row of the store."""
    return UserDay(realm, user_id, facts.day, FACTS_VERSION, facts.successes, _encode(facts))


def read_days(rows: Iterable[UserDay]) -> dict[UserKey, list[DayFacts]]:
    """Return the days of users from rows of the store; what another version wrote is passed over."""
    found: dict[UserKey, list[DayFacts]] = {}
    for row in rows:
        if row.version == FACTS_VERSION:
            with suppress(msgspec.MsgspecError):
                found.setdefault((row.realm, row.user_id), []).append(_decode(row.content))
    return found


def user_of(key: str) -> UserKey:
    """Return the user of an engine's key."""
    realm, user_id = key.split(" ", 1)
    return realm, user_id


def sighted(sights: tuple[Sight, ...], event: Event, logins: int, flagged: Collection[str]) -> tuple[Sight, ...]:
    """Return the sights of a day with what one more success shows; as a rule that is nothing.

    Args:
        sights: of the same day.
        event: the success.
        logins: 1 where it begins a session.
        flagged: sessions that teach nothing, see `flag_of`.
    """
    bit = 1 << event.time_us % DAY // HOUR
    session_id = event.session_id or ""
    number = len(sights)
    while number:
        number -= 1
        sight = sights[number]
        if sight.session_id != session_id or not _shows(sight, event):
            continue
        if sight.hours & bit and not logins:
            return sights
        again = Sight(
            sight.app,
            session_id,
            sight.place,
            sight.agent,
            sight.device_id,
            sight.logins + logins,
            sight.hours | bit,
        )
        return (*sights[:number], again, *sights[number + 1 :])
    sight = Sight(event.app, session_id, event.place, event.agent, event.device_id, logins, bit)
    return _bounded((*sights, sight), flagged)


def facts_of(
    day: int,
    sights: Iterable[Sight],
    flagged: Collection[str],
    successes: tuple[int, int, int],
    before: tuple[int, int],
) -> DayFacts:
    """Return what a finished day teaches.

    Args:
        day: in days since the epoch.
        sights: all of that day.
        flagged: sessions that are left out, see `flag_of`.
        successes: how many, the first and the last, in microseconds.
        before: the logins of all days before, and the first success known, microseconds; 0 = none.
    """
    kept = [sight for sight in sights if flag_of(sight.app, sight.session_id) not in flagged]
    places = [sight.place for sight in kept]
    count, first_us, last_us = successes
    logins_before, known_since_us = before
    hours = 0
    for sight in kept:
        hours |= sight.hours
    return DayFacts(
        day,
        logins_before,
        known_since_us or first_us,
        sum(sight.logins for sight in kept),
        count,
        first_us,
        last_us,
        hours,
        any(place.network_type in ANONYMISER_TYPES for place in places),
        _distinct(place.country for place in places),
        _distinct(place.asn for place in places),
        _distinct(place.network for place in places),
        _distinct(sight.device_id for sight in kept if len(sight.device_id or "") <= MAX_DEVICE_ID),
        _distinct(agent_name(sight.agent) if sight.agent.family or sight.agent.os else None for sight in kept),
    )


def flag_of(app: str, session_id: str) -> str:
    """Return the name by which a session is flagged."""
    return f"{app} {session_id}"


def agent_name(agent: Agent) -> str:
    """Return the family and operating system of a client: what an upgrade leaves as it is."""
    return f"{agent.family or ''}|{agent.os or ''}"


def _shows(sight: Sight, event: Event) -> bool:
    return (
        sight.app == event.app
        and (sight.place is event.place or sight.place == event.place)
        and (sight.agent is event.agent or sight.agent == event.agent)
        and sight.device_id == event.device_id
    )


def _bounded(sights: tuple[Sight, ...], flagged: Collection[str]) -> tuple[Sight, ...]:
    if len(sights) <= MAX_SIGHTS:
        return sights
    together: dict[tuple[str, Place, Agent, str | None], Sight] = {}
    for sight in sights[:-1]:
        if flag_of(sight.app, sight.session_id) in flagged:
            continue
        key = (sight.app, sight.place, sight.agent, sight.device_id)
        known = together.get(key)
        if known is not None:
            sight = msgspec.structs.replace(known, hours=known.hours | sight.hours, logins=known.logins + sight.logins)
        together[key] = msgspec.structs.replace(sight, session_id="")
    return (*tuple(together.values())[-(MAX_SIGHTS - 1) :], sights[-1])


def _distinct(values: Iterable[T | None]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(value for value in values if value is not None))


def _seen(known: dict[T, int], values: tuple[T, ...], day: int, bound: int) -> dict[T, int]:
    if not values:
        return known
    seen = known | dict.fromkeys(values, day)
    if len(seen) > bound:
        newest = sorted(seen, key=lambda value: (seen[value], str(value)))[-bound:]
        seen = {value: seen[value] for value in newest}
    return seen


def _since(known: dict[T, int], oldest: int) -> dict[T, int]:
    return {value: day for value, day in known.items() if day >= oldest}
