"""The short way of decoding: most events are well formed and need no cleaning.

It takes an event only where the careful way (`ingest.decode`) would return exactly the same, and leaves every
other to it; a property test holds the two against each other.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from schemas.cleaning import clean_ip, clean_user_id
from schemas.event import APP_PATTERN, NOWHERE, REASONS, SESSION_PATTERN, Event, Place
from schemas.instant import to_us
from schemas.limits import EARLIEST_YEAR, INT64_MAX, LATEST_YEAR, MAX_EVENT_BYTES, MAX_TEXT

_Natural = Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)]
# A whole number beyond 64 bits has a refusal of its own.
_Milliseconds = Annotated[float, msgspec.Meta(ge=0, lt=2**63)]


class PlainEvent(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The fields of `SessionEvent` that need no care; an event with any other goes the careful way."""

    schema_version: Literal[1]
    event_id: str
    event_time: str
    type: Literal["create", "validate", "fail", "destroy", "heartbeat"]
    app: str
    reason: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    user_hint: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    device_id: str | None = None
    auth_method: str | None = None
    mfa: bool | None = None
    idp: str | None = None
    idp_session_id: str | None = None
    parent_session_id: str | None = None
    token_generation: _Natural | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=INT64_MAX)] | None = None
    gap_min_ms: _Milliseconds | None = None
    gap_dev_ms: _Milliseconds | None = None
    bound: str | None = None
    action: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    asn: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] | None = None
    network_type: str | None = None


_decode = msgspec.json.Decoder(dict[str, str | int | float | bool | None]).decode
_uuid = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII).fullmatch
_app = re.compile(APP_PATTERN.rstrip("$"), re.ASCII).fullmatch
_session = re.compile(SESSION_PATTERN.rstrip("$"), re.ASCII).fullmatch
_blank = re.compile(rb"[\t\n\r]").search
_hint = re.compile(r"h_[A-Za-z0-9_-]{1,126}", re.ASCII).fullmatch
_reasons = frozenset({None, *(reason for reasons in REASONS.values() for reason in reasons)})
_NO_SESSION = frozenset({"fail", "heartbeat"})
_EARLIEST_US = to_us(datetime(EARLIEST_YEAR, 1, 1, tzinfo=UTC))
_LATEST_US = to_us(datetime(LATEST_YEAR, 1, 1, tzinfo=UTC))
_LENGTHS = frozenset({20, 24, 27})
"""Of a time in whole seconds, milliseconds and microseconds, in UTC."""

_PLACES = 10_000
_places: dict[tuple[object, ...], Place] = {}


def plain_event(value: bytes) -> Event | None:
    """Return the event in a record's value, or None where it has to go the careful way."""
    if len(value) > MAX_EVENT_BYTES:
        return None
    try:
        fields = _decode(value)
        # The decoder keeps the last of two equal keys. Where nothing stands between a key and its colon, colons tell.
        if value.count(b'":') != len(fields) or b'" ' in value or _blank(value):
            return None
        wire = msgspec.convert(fields, PlainEvent)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    time_us = _time(wire.event_time)
    if time_us is None or not (_identities_are_plain(wire) and _texts_are_plain(wire)):
        return None
    ip = wire.ip
    if ip is not None and (ip := clean_ip(ip)) is None:
        return None
    return Event(
        wire.event_id.lower(), time_us, wire.type, wire.app, wire.reason, wire.session_id, wire.user_id, wire.user_hint,
        ip, wire.user_agent, wire.device_id, wire.auth_method, wire.mfa, wire.idp, wire.idp_session_id,
        wire.parent_session_id, wire.token_generation, wire.count or 1, wire.gap_min_ms, wire.gap_dev_ms, wire.bound,
        wire.action, place=_place(wire),
    )  # fmt: skip


def _identities_are_plain(wire: PlainEvent) -> bool:
    if not (_uuid(wire.event_id) and _app(wire.app)) or wire.reason not in _reasons:
        return False
    if wire.session_id is None:
        if wire.type not in _NO_SESSION:
            return False
    elif not _session(wire.session_id):
        return False
    if wire.parent_session_id is not None and not _session(wire.parent_session_id):
        return False
    if wire.user_hint is not None and not _hint(wire.user_hint):
        return False
    return wire.user_id is None or clean_user_id(wire.user_id) == (wire.user_id, None)


def _texts_are_plain(wire: PlainEvent) -> bool:
    for text in (
        wire.user_agent, wire.device_id, wire.auth_method, wire.idp, wire.idp_session_id, wire.bound, wire.action,
        wire.country, wire.region, wire.city, wire.network_type,
    ):  # fmt: skip
        if text is not None and not (0 < len(text) <= MAX_TEXT and text.isprintable()):
            return False
    return True


def _time(text: str) -> int | None:
    """Return the usual form of an RFC 3339 time in microseconds since the epoch, None for any other."""
    if len(text) not in _LENGTHS or text[-1] != "Z" or text[19] not in ".Z":
        return None
    if not (text[4] == text[7] == "-" and text[10] == "T" and text[13] == text[16] == ":"):
        return None
    try:
        time_us = to_us(datetime.fromisoformat(text))
    except ValueError:
        return None
    return time_us if _EARLIEST_US <= time_us < _LATEST_US else None


def _place(wire: PlainEvent) -> Place:
    if wire.country is None and wire.asn is None and wire.lat is None and wire.network_type is None:
        return NOWHERE
    said = (wire.country, wire.region, wire.city, wire.lat, wire.lon, wire.asn, wire.network_type)
    place = _places.get(said)
    if place is None:
        if len(_places) >= _PLACES:
            _places.clear()
        exact = wire.lat is not None and wire.lon is not None
        place = _places[said] = Place(
            country=wire.country.upper() if wire.country else None,
            region=wire.region,
            city=wire.city,
            lat=wire.lat,
            lon=wire.lon,
            asn=wire.asn,
            network_type=wire.network_type,
            precision="exact" if exact else None,
        )
    return place
