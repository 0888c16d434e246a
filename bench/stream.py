"""A stream to measure with: ordinary sessions, a few thefts, in the wire format."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator

from schemas.instant import SECOND, to_rfc3339

AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1",
)
EVENTS_A_SECOND = 500
SESSION_EVENTS = 40


def events(count: int, start_us: int, seed: int = 1) -> Iterator[tuple[bytes, bytes]]:
    """Yield record keys and values: sessions of 40 events, 1 in 200 of them used from a second place.

    Args:
        count: how many.
        start_us: time of the first, microseconds since the epoch; 500 a second follow.
        seed: the same seed gives the same stream, but for the event ids' being fixed too.
    """
    chance = random.Random(seed)
    live: list[list[object]] = []
    for number in range(count):
        time_us = start_us + number * SECOND // EVENTS_A_SECOND
        if len(live) < 1_000 or chance.random() < 1 / SESSION_EVENTS:
            session = [number, chance.randrange(20_000), chance.randrange(1, 250), chance.choice(AGENTS)]
            live.append(session)
            kind, reason = "create", "login"
        elif len(live) > 2_000:
            session, kind, reason = live.pop(chance.randrange(len(live))), "destroy", "logout"
        else:
            session, kind, reason = chance.choice(live), "validate", "request"
        stolen = kind == "validate" and chance.random() < 1 / 20_000
        yield _record(chance, time_us, kind, reason, session, stolen=stolen)


def _record(
    chance: random.Random, time_us: int, kind: str, reason: str, session: list[object], *, stolen: bool
) -> tuple[bytes, bytes]:
    number, user, network, agent = session
    more = {
        "ip": "198.51.100.9" if stolen else f"10.{network}.{network}.7",
        "user_agent": "curl/8.5.0" if stolen else agent,
        "count": 3,
        "gap_min_ms": 812.5,
        "gap_dev_ms": 420.25,
    }
    return f"user-{user}".encode(), wire(chance, time_us, kind, reason, number, user, **more)


def wire(
    chance: random.Random, time_us: int, kind: str, reason: str, session: object, user: object, **more: object
) -> bytes:
    """Return an event of a user's session in the bank, in the wire format, with whatever fields it has besides."""
    value = {
        "schema_version": 1,
        "event_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "event_time": to_rfc3339(time_us),
        "type": kind,
        "reason": reason,
        "app": "bank",
        "session_id": f"s_k1_{session:043d}",
        "user_id": f"user-{user}",
        **more,
    }
    return json.dumps(value, separators=(",", ":")).encode()
