"""Events on the wire, as the emitter writes them: UUIDv7, RFC 3339, no nulls, one order of fields."""

from __future__ import annotations

import random
import time

import msgspec

from sample_logs.simulate.internet import KINDS_BY_ASN, Address
from schemas.instant import SECOND

Record = tuple[int, bytes]
"""Event time in microseconds, and the line without its end."""


class _Line(msgspec.Struct, omit_defaults=True):
    schema_version: int
    event_id: str
    event_time: str
    type: str
    app: str
    user_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    device_id: str | None = None
    reason: str | None = None
    country: str | None = None
    city: str | None = None
    lat: float | None = None
    lon: float | None = None
    asn: int | None = None
    network_type: str | None = None
    session_id: str | None = None
    auth_method: str | None = None
    mfa: bool | None = None
    idp: str | None = None
    parent_session_id: str | None = None
    token_generation: int | None = None
    user_hint: str | None = None
    count: int | None = None
    gap_min_ms: float | None = None
    gap_dev_ms: float | None = None
    bound: str | None = None
    action: str | None = None
    drill: str | None = None


_encode = msgspec.json.Encoder().encode
_seconds: dict[int, str] = {}


def timestamp(time_us: int) -> str:
    """Return an instant as RFC 3339 in UTC with microseconds."""
    seconds, micros = divmod(time_us, SECOND)
    day, second = divmod(seconds, 86_400)
    # The date changes once in 86,400 seconds, and formatting it costs more than all the rest.
    date = _seconds.get(day)
    if date is None:
        _seconds.clear()
        date = _seconds[day] = time.strftime("%Y-%m-%dT", time.gmtime(seconds))
    return f"{date}{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{micros:06}Z"


def uuid7(time_us: int, chance: random.Random) -> str:
    """Return a UUIDv7 (RFC 9562) of an instant, with the fraction of the millisecond as the emitter puts it."""
    milliseconds, micros = divmod(time_us, 1000)
    low = 0x8000_0000_0000_0000 | chance.getrandbits(62)
    text = f"{milliseconds:012x}7{micros * 4096 // 1000:03x}{low:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Wire:
    """Writes events to a list.

    Args:
        chance: for the event ids.
        located: the apps whose edge knows where a client is, and says so in their events.
        drill: the signed id of the drill that all of this belongs to. A deployment has not heard of the simulated
            networks, so that the events say themselves what these are.
        app: the app in whose name everything is told; None = as it was written.
    """

    def __init__(
        self, chance: random.Random, located: frozenset[str], drill: str | None = None, app: str | None = None
    ) -> None:
        self.records: list[Record] = []
        self._chance = chance
        self._located = located
        self._drill = drill
        self._app = app

    def write(
        self,
        time_us: int,
        kind: str,
        app: str,
        reason: str,
        source: Address | None,
        agent: str | None,
        device_id: str | None = None,
        user_id: str | None = None,
        session_id: str | None = None,
        count: int | None = None,
        gap_min_ms: float | None = None,
        gap_dev_ms: float | None = None,
        auth_method: str | None = None,
        mfa: bool | None = None,
        idp: str | None = None,
        parent: str | None = None,
        generation: int | None = None,
        user_hint: str | None = None,
        bound: str | None = None,
        action: str | None = None,
    ) -> None:
        """Write one event; the fields are those of the contract."""
        known = app in self._located or self._drill is not None
        city = source.city if source is not None and known else None
        line = _Line(
            1, uuid7(time_us, self._chance), timestamp(time_us), kind, self._app or app, user_id,
            None if source is None else source.ip, agent, device_id, reason,
            None if city is None else city.country,
            None if city is None else city.name,
            None if city is None else city.lat,
            None if city is None else city.lon,
            None if city is None or source is None else source.asn,
            None if self._drill is None or source is None else KINDS_BY_ASN[source.asn],
            session_id, auth_method, mfa, idp, parent, generation, user_hint, count, gap_min_ms, gap_dev_ms, bound,
            action, self._drill,
        )  # fmt: skip
        self.records.append((time_us, _encode(line)))
