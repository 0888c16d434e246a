"""What the crowd's process is told, and what it tells: one JSON object a line, no cookie and no password."""

from __future__ import annotations

import time

import msgspec

from sessionwatch.demo.people import Person


class CrowdOrder(msgspec.Struct, frozen=True):
    """Who browses where: the file that the crowd starts with.

    Attributes:
        urls: of the apps, by name.
        people: with their passwords, which is why the file is private.
    """

    urls: dict[str, str]
    people: list[Person]


class Steal(msgspec.Struct, frozen=True):
    """An order: carry out a theft.

    Attributes:
        number: of the theft, from 1.
        theft: its name.
    """

    number: int
    theft: str


class Fact(msgspec.Struct, frozen=True, tag_field="fact"):
    """Something that happened in the crowd."""


class SignedOut(Fact, frozen=True):
    """The owner of a cookie that was stolen has logged out."""

    number: int
    user: str
    app: str


class Stolen(Fact, frozen=True):
    """A thief is about to send the first request: after a logout, the first after the rule's grace.

    Attributes:
        number: of the theft.
        session: the session by its hashed id, as the app shows it to its user.
        began_us: just before the request, microseconds since the epoch.
    """

    number: int
    theft: str
    user: str
    app: str
    session: str
    began_us: int


class LockedOut(Fact, frozen=True):
    """The app has refused the thief.

    Attributes:
        number: of the theft.
        at_us: when the answer was there, microseconds since the epoch.
        status: of the answer.
        accepted: how many of the thief's requests were answered before.
    """

    number: int
    at_us: int
    status: int
    accepted: int


class GaveUp(Fact, frozen=True):
    """The thief was never refused, and the demo has to go on."""

    number: int
    accepted: int


class Refused(Fact, frozen=True):
    """A visitor was refused with a session that had been good."""

    user: str
    app: str
    session: str


class Trouble(Fact, frozen=True):
    """The crowd cannot go on."""

    why: str


CrowdFact = SignedOut | Stolen | LockedOut | GaveUp | Refused | Trouble


def now_us() -> int:
    """Return the wall clock, which all processes of a machine share, in microseconds since the epoch."""
    return time.time_ns() // 1_000
