"""Words for stories about many people at once."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from schemas.event import Event
from tests.detectors.story import AMSTERDAM_HOSTING, OFFICE, event, login

BOT = "python-requests/2.32"


def attempt(
    user: str, at: float, ip: str | None = AMSTERDAM_HOSTING, reason: str = "bad_credentials", **fields: Any
) -> Event:
    """Somebody tries to sign in as a user, and fails: there is no session yet."""
    return replace(event("fail", user, at, ip, BOT, reason=reason, **fields), session_id=None)


def typed(name: str, at: float, ip: str | None = AMSTERDAM_HOSTING) -> Event:
    """Somebody tries a name that no account has."""
    return replace(attempt(name, at, ip), user_id=None, user_hint=f"h_{name}")


def spray(
    users: int, at: float = 0, every: float = 10, ip: str = AMSTERDAM_HOSTING, prefix: str = "user"
) -> list[Event]:
    """One try on each of many users."""
    return [attempt(f"{prefix}{number}", at + number * every, ip) for number in range(users)]


def morning(people: int, at: float = 0, every: float = 3, ip: str = OFFICE, prefix: str = "clerk") -> list[Event]:
    """Many people sign in one after the other."""
    return [login(f"{prefix}{number}", at + number * every, ip) for number in range(people)]


def new_passwords(people: int, at: float = 0, every: float = 3, ip: str = OFFICE, takes: float = 35) -> list[Event]:
    """The day of new passwords: everybody tries the old one first, and gets it right a little later."""
    stream = []
    for number in range(people):
        start = at + number * every
        stream.append(attempt(f"clerk{number}", start, ip))
        stream.append(login(f"clerk{number}", start + takes, ip))
    return sorted(stream, key=lambda one: (one.time_us, one.event_id))


def guess(number: int, at: float, ip: str | None = AMSTERDAM_HOSTING) -> Event:
    """Somebody asks with a session id that does not exist."""
    return refusal(f"guess{number}", at, ip)


def refusal(session: str, at: float, ip: str | None = AMSTERDAM_HOSTING) -> Event:
    """The app refuses a session id as unknown; it cannot say whose it was."""
    return replace(event("fail", "-", at, ip, BOT, session=session, reason="unknown_session"), user_id=None)
