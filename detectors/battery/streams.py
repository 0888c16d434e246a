"""The streams of the battery: made from a seed, so that every run asks the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from detectors.battery.stage import APP, START_US, happening
from schemas.event import Event, Place
from schemas.instant import MINUTE, SECOND
from schemas.signal import Signal

Item = Event | Signal
Stream = Sequence[Item]

_RESORT = 30
"""Events shuffled with each other: fewer than the 64 of one key that the engine keeps sorted."""
_RESORT_US = 170 * SECOND
"""Just inside the bound of disorder, 3 minutes."""

USERS = ("alice", "bob", "carol")
_PLACES = ("home", "home", "home-v6", "cafe", "carrier", "office", "vpn", "new-york", "hosting", "nowhere")
_CLIENTS = ("firefox", "firefox", "firefox-next", "iphone", "curl", "nothing")
_KINDS = ("login", "use", "use", "use", "refusal", "refusal", "logout", "rotation", "refresh", "act", "signal")
_REFUSALS = ("bad_credentials", "bad_credentials", "mfa_denied", "mfa_timeout", "unknown_session", "revoked", "locked")


def order_of(item: Item) -> tuple[int, str]:
    """Return what a stream is sorted by: event time, then id."""
    return item.time_us, item.event_id if isinstance(item, Event) else item.signal_id


def provoking(seed: int, length: int = 60, span_s: int = 900) -> list[Item]:
    """Return a stream in order in which anything may follow anything.

    Args:
        seed: another one is another stream.
        length: events in it; at most 64 of a key can be told in any order.
        span_s: how long it takes, seconds.
    """
    rng = random.Random(seed)
    items = {order_of(item): item for item in (_any(rng, span_s) for _ in range(length))}
    return [items[order] for order in sorted(items)]


def attack(seed: int) -> list[Item]:
    """Return a stream in order of what many rules look for: failures by the dozen, takeovers, haste, old tokens."""
    rng = random.Random(seed)
    place, client = rng.choice(("hosting", "new-york", "cafe")), rng.choice(("curl", "iphone", "headless"))
    items: list[Item] = []
    for number in range(48):
        reason = "unknown_session" if number % 4 == 3 else "bad_credentials"
        user = f"user{number % 24}" if reason == "bad_credentials" else None
        session = f"s_none{number}" if reason == "unknown_session" else None
        items.append(
            happening("fail", number * 5 + rng.random(), place, client, reason=reason, user_id=user, session_id=session)
        )
    for number in range(14):
        reason = "mfa_denied" if number % 2 else "bad_credentials"
        items.append(happening("fail", 260 + number * 9, place, client, reason=reason, user_id="alice"))
    items += [
        happening("create", 5, session_id="s_alice", user_id="alice", reason="login", device_id="d1", bound="dbsc"),
        happening("validate", 30, session_id="s_alice", user_id="alice", reason="request", device_id="d1"),
        happening("create", 400, place, client, session_id="s_thief", user_id="alice", reason="login", device_id="d2"),
        happening("validate", 410, place, client, session_id="s_alice", user_id="alice", reason="request"),
        happening("validate", 420, place, client, session_id="s_thief", user_id="alice", action="email"),
    ]
    for minute in range(6):
        items.append(
            happening(
                "validate", 430 + minute * 60, place, client, session_id="s_thief", user_id="alice", count=900,
                gap_min_ms=60.0, gap_dev_ms=0.5,
            )
        )  # fmt: skip
    return sorted(items, key=order_of)


def odd(needs: frozenset[str]) -> list[Event]:
    """Return events of which each is valid and none is usual: nothing known, everything long, foreign or extreme."""
    long = "\U0001f575\u202e" + "x" * 1_000
    items = []
    for number, kind in enumerate(sorted(needs or {"validate"})):
        session = None if kind in ("fail", "heartbeat") else "s_odd"
        base = number * 40
        items += [
            happening(kind, base, "nowhere", "nothing", session_id=session),
            happening(kind, base + 1, user_id=long[:256], session_id=session, reason=long[:64], device_id=long),
            happening(kind, base + 2, session_id=session, user_id="u", user_hint=long, count=2**62, gap_dev_ms=0.0),
            happening(kind, base + 3, session_id=session, user_id="u", token_generation=2**62, bound=long, action=long),
            happening(kind, base + 4, session_id=session, user_id="u", token_generation=0, parent_session_id="s_odd"),
            happening(kind, base - 9_000, session_id=session, user_id="u", attributes={"ü": long}, mfa=False),
            happening(kind, base + 90_000_000, "cafe", session_id=session, user_id="u", input_flags=("cut",)),
        ]
    return items


def flood_of_values(key: str, count: int) -> Iterator[Event]:
    """Yield events that all belong to one key of this kind and differ in everything else, within a minute."""
    for number in range(count):
        at_s = number * 60 / count
        invented = _invented(number)
        fixed: dict[str, Any] = {}
        if key == "session":
            fixed["session_id"] = "s_one"
        elif key == "user":
            fixed["user_id"] = "one"
        elif key == "device":
            fixed["device_id"] = "one"
        place: dict[str, Any] = {} if key == "network" else {"place": _invented_place(number)}
        kind = ("validate", "fail", "create")[number % 3]
        reason = ("request", ("bad_credentials", "unknown_session", "mfa_denied")[number // 3 % 3], "login")[number % 3]
        yield happening(kind, at_s, "hosting", "curl", **{**invented, **place, "reason": reason, **fixed})


def flood_of_keys(count: int) -> Iterator[Event]:
    """Yield events of which each invents every key there is, but the app's."""
    for number in range(count):
        kind = ("fail", "validate", "create")[number % 3]
        reason = ("bad_credentials", "request", "login")[number % 3]
        yield happening(
            kind, number * 0.01, "hosting", "curl", **_invented(number), place=_invented_place(number), reason=reason
        )


def ordinary(days: int = 3, people: int = 12) -> list[Event]:
    """Return ordinary life in order: work and home, a phone and a laptop, a forgotten password now and then."""
    rng = random.Random(7)
    items: list[Event] = []
    for day in range(days):
        for number in range(people):
            items += _day(rng, f"person{number}", number, day)
    items += _robot(days)
    return sorted(items, key=order_of)


def told(stream: Stream, seed: int) -> list[Item]:
    """Return a stream as it may arrive: out of order, but inside the bound of disorder."""
    rng = random.Random(seed)
    ordered = sorted(stream, key=order_of)
    arrived: list[Item] = []
    block: list[Item] = []
    for item in ordered:
        if block and (len(block) == _RESORT or item.time_us - block[0].time_us > _RESORT_US):
            rng.shuffle(block)
            arrived += block
            block = []
        block.append(item)
    rng.shuffle(block)
    return arrived + block


def batches(stream: Stream, seed: int) -> list[Stream]:
    """Return a stream cut into batches at random places."""
    rng = random.Random(seed)
    cuts = sorted(rng.randrange(len(stream) + 1) for _ in range(min(8, len(stream))))
    return [stream[start:end] for start, end in pairwise([0, *cuts, len(stream)])]


def _any(rng: random.Random, span_s: int) -> Item:
    user = rng.choice(USERS)
    session = f"s_{user}{rng.randrange(3)}"
    at_s = rng.randrange(span_s * 10) / 10
    place, client = rng.choice(_PLACES), rng.choice(_CLIENTS)
    device = rng.choice((None, "d1", "d2", "-"))
    common = {"session_id": session, "user_id": user, "device_id": device}
    kind = rng.choice(_KINDS)
    if kind == "signal":
        name = rng.choice(("revocation_delivered", "revocation_released"))
        time_us = START_US + round(at_s * SECOND)
        return Signal(f"{name}:{at_s}", time_us, name, APP, session, user, {"revocation_id": f"r-{session}"})  # type: ignore[arg-type]
    if kind == "login":
        return happening("create", at_s, place, client, reason=rng.choice(("login", "sso")), bound="dbsc", **common)
    if kind == "rotation":
        parent = f"s_{user}{rng.randrange(3)}"
        return happening("create", at_s, place, client, reason="rotation", parent_session_id=parent, **common)
    if kind == "refresh":
        return happening("validate", at_s, place, client, reason="refresh", token_generation=rng.randrange(4), **common)
    if kind == "act":
        action = rng.choice(("password", "payout"))
        return happening("validate", at_s, place, client, reason="request", action=action, **common)
    if kind == "logout":
        reason = rng.choice(("logout", "logout_all", "revoked", "idle_timeout"))
        return happening("destroy", at_s, place, client, reason=reason, **common)
    if kind == "refusal":
        reason = rng.choice(_REFUSALS)
        resolved = {"session_id": session if reason in ("unknown_session", "revoked") else None}
        return happening("fail", at_s, place, client, reason=reason, **{**common, **resolved})
    return happening(
        "validate", at_s, place, client, reason="request", count=rng.choice((1, 1, 1, 400)),
        gap_dev_ms=rng.choice((None, 0.1, 900.0)), **common,
    )  # fmt: skip


def _invented(number: int) -> dict[str, Any]:
    return {
        "session_id": f"s_invented{number}",
        "user_id": f"invented{number}",
        "user_hint": f"hint{number}",
        "device_id": f"device{number}",
        "token_generation": number,
        "parent_session_id": f"s_parent{number}",
        "user_agent": f"invented/{number}",
        "bound": f"key{number}",
    }


def _invented_place(number: int) -> Place:
    network = f"10.{number >> 8 & 255}.{number & 255}.0/24"
    return Place(network, 4, ("DE", "US", "NL")[number % 3], None, None, None, None, 100_000 + number, "hosting")


def _day(rng: random.Random, user: str, number: int, day: int) -> list[Event]:
    """A working day of one person: the phone at home and on the way, the laptop in the office."""
    start_s = day * 86_400 + rng.randrange(3_600)
    home: dict[str, Any] = {"place": _home(number)}
    items: list[Event] = []
    if rng.random() < 0.3:
        for wrong in range(rng.randrange(1, 4)):
            items.append(happening("fail", start_s + wrong * 15, user_id=user, reason="bad_credentials", **home))
    phone: dict[str, Any] = {"session_id": f"s_{user}-phone{day}", "user_id": user, "device_id": f"{user}-phone"}
    laptop: dict[str, Any] = {"session_id": f"s_{user}-laptop{day}", "user_id": user, "device_id": f"{user}-laptop"}
    items += _visit(rng, start_s + 60, 900, "home", "iphone", {**phone, **home})
    items += _visit(rng, start_s + 4_000, 24_000, "office", "firefox" if day < 2 else "firefox-next", laptop)
    items += _visit(
        rng, start_s + 36_000, 1_200, "home", "iphone", {**phone, "session_id": f"{phone['session_id']}b", **home}
    )
    return items


def _visit(
    rng: random.Random, start_s: float, length_s: int, place: str, client: str, common: dict[str, Any]
) -> list[Event]:
    items = [happening("create", start_s, place, client, reason="login", **common)]
    at_s = start_s
    while at_s < start_s + length_s:
        at_s += 20 + rng.random() * 600
        items.append(happening("validate", at_s, place, client, reason="request", **common))
    items.append(happening("destroy", at_s + 5 + rng.random(), place, client, reason="logout", **common))
    return items


def _robot(days: int) -> list[Event]:
    """The monitoring robot: a login an hour and a look every five minutes, day and night, from the office."""
    items = []
    for hour in range(days * 24):
        common = {"session_id": f"s_robot{hour}", "user_id": "robot", "device_id": "robot"}
        start_s = hour * 3_600
        items.append(happening("create", start_s, "office", "firefox", reason="login", **common))
        for minute in range(1, 56, 5):
            items.append(happening("validate", start_s + minute * 60, "office", "firefox", reason="request", **common))
        items.append(happening("destroy", start_s + 58 * MINUTE // SECOND, "office", reason="logout", **common))
    return items


def _home(number: int) -> Place:
    return Place(f"192.0.{64 + number}.0/24", 4, "DE", None, None, 52.52, 13.40, 64500 + number % 3, "home", "exact")
