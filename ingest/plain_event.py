"""The short way of decoding: most events are well formed and need no cleaning.

It takes an event only where the careful way (`ingest.decode`) would return exactly the same, and leaves every
other to it; a property test holds the two against each other.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple, TypeVar

import msgspec

from schemas.cleaning import clean_ip, clean_user_id
from schemas.event import APP_PATTERN, NOWHERE, REASONS, SESSION_PATTERN, Event, Place, SessionEvent
from schemas.instant import to_us
from schemas.limits import EARLIEST_YEAR, INT64_MAX, LATEST_YEAR, MAX_EVENT_BYTES, MAX_TEXT

Key = TypeVar("Key")
Value = TypeVar("Value")

_Natural = Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)]
# A whole number beyond 64 bits has a refusal of its own.
_Milliseconds = Annotated[float, msgspec.Meta(ge=0, lt=2**63)]


class PlainEvent(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The fields of `SessionEvent` that need no care; an event with any other goes the careful way.

    First come those that differ from event to event, then those that many events have in common (`_COMMON`).
    """

    schema_version: Literal[1]
    event_id: str
    event_time: str
    type: Literal["create", "validate", "fail", "destroy", "heartbeat"]
    session_id: str | None = None
    user_id: str | None = None
    user_hint: str | None = None
    ip: str | None = None
    idp_session_id: str | None = None
    parent_session_id: str | None = None
    token_generation: _Natural | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=INT64_MAX)] | None = None
    gap_min_ms: _Milliseconds | None = None
    gap_dev_ms: _Milliseconds | None = None
    app: str = ""
    reason: str | None = None
    user_agent: str | None = None
    device_id: str | None = None
    auth_method: str | None = None
    mfa: bool | None = None
    idp: str | None = None
    bound: str | None = None
    action: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    asn: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] | None = None
    network_type: str | None = None


class Common(NamedTuple):
    """What many events have in common, found plain once; one object a value, so that comparing costs little."""

    app: str
    reason: str | None
    user_agent: str | None
    device_id: str | None
    auth_method: str | None
    mfa: bool | None
    idp: str | None
    bound: str | None
    action: str | None
    place: Place


_decode = msgspec.json.Decoder(PlainEvent).decode
_fields_of = msgspec.json.Decoder(dict[str, object]).decode
_as_tuple = msgspec.structs.astuple
_uuid = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII).fullmatch
_app = re.compile(APP_PATTERN.rstrip("$"), re.ASCII).fullmatch
_session = re.compile(SESSION_PATTERN.rstrip("$"), re.ASCII).fullmatch
_hint = re.compile(r"h_[A-Za-z0-9_-]{1,126}", re.ASCII).fullmatch
_reasons = frozenset({None, *(reason for reasons in REASONS.values() for reason in reasons)})
_NO_SESSION = frozenset({"fail", "heartbeat"})
_EARLIEST_US = to_us(datetime(EARLIEST_YEAR, 1, 1, tzinfo=UTC))
_LATEST_US = to_us(datetime(LATEST_YEAR, 1, 1, tzinfo=UTC))
_LENGTHS = frozenset({20, 24, 27})
"""Of a time in whole seconds, milliseconds and microseconds, in UTC."""

_FIELDS = len(PlainEvent.__struct_fields__)
_COMMON = PlainEvent.__struct_fields__.index("app")

_REMEMBERED = 20_000
"""Values found plain that are remembered by kind; then it begins anew."""

_common: dict[tuple[object, ...], Common] = {}
_people: dict[tuple[str | None, str | None], tuple[str | None, str | None]] = {}


def plain_event(value: bytes) -> Event | None:
    """Return the event in a record's value, or None where it has to go the careful way."""
    if len(value) > MAX_EVENT_BYTES:
        return None
    try:
        wire = _decode(value)
        said = _as_tuple(wire)
        # The decoder keeps the last of two equal keys. Where nothing stands between a key and its colon, colons tell.
        colons = value.count(b'":')
        if colons != _FIELDS - said.count(None) and colons != len(_fields_of(value)):
            return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if b'" ' in value or b"\n" in value or b"\t" in value or b"\r" in value:
        return None
    time_us = _time(wire.event_time)
    common = _common.get(said[_COMMON:]) or _find_plain(wire, said[_COMMON:])
    if time_us is None or common is None or not _uuid(wire.event_id):
        return None
    people = _people.get(said[4:6]) or _know_people(wire)
    if people is None or not _rest_is_plain(wire):
        return None
    ip = wire.ip
    if ip is not None and (ip := clean_ip(ip)) is None:
        return None
    app, reason, user_agent, device_id, auth_method, mfa, idp, bound, action, place = common
    return Event(
        wire.event_id.lower(), time_us, wire.type, app, reason, *people, wire.user_hint, ip, user_agent, device_id,
        auth_method, mfa, idp, wire.idp_session_id, wire.parent_session_id, wire.token_generation, wire.count or 1,
        wire.gap_min_ms, wire.gap_dev_ms, bound, action, place=place,
    )  # fmt: skip


def _find_plain(wire: PlainEvent, said: tuple[object, ...]) -> Common | None:
    if not _app(wire.app) or wire.reason not in _reasons:
        return None
    if not _are_printable(
        wire.user_agent, wire.device_id, wire.auth_method, wire.idp, wire.bound, wire.action,
        wire.country, wire.region, wire.city, wire.network_type,
    ):  # fmt: skip
        return None
    common = Common(
        wire.app, wire.reason, wire.user_agent, wire.device_id, wire.auth_method, wire.mfa, wire.idp, wire.bound,
        wire.action, place_of(wire),
    )  # fmt: skip
    # A sign that equality does not see: what was found for 0.0 is not what -0.0 says.
    if wire.lat != 0 and wire.lon != 0:
        _remember(_common, said, common)
    return common


def _know_people(wire: PlainEvent) -> tuple[str | None, str | None] | None:
    """Return session and user, where both are plain."""
    people = (wire.session_id, wire.user_id)
    if wire.session_id is not None and not _session(wire.session_id):
        return None
    if wire.user_id is not None and clean_user_id(wire.user_id) != (wire.user_id, None):
        return None
    _remember(_people, people, people)
    return people


def _remember(known: dict[Key, Value], key: Key, value: Value) -> None:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = value


def _rest_is_plain(wire: PlainEvent) -> bool:
    if wire.session_id is None and wire.type not in _NO_SESSION:
        return False
    if wire.parent_session_id is not None and not _session(wire.parent_session_id):
        return False
    if wire.idp_session_id is not None and not _are_printable(wire.idp_session_id):
        return False
    return wire.user_hint is None or _hint(wire.user_hint) is not None


def _are_printable(*texts: str | None) -> bool:
    return all(text is None or (0 < len(text) <= MAX_TEXT and text.isprintable()) for text in texts)


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


def place_of(wire: PlainEvent | SessionEvent) -> Place:
    """Return where an emitter says that an event came from."""
    if wire.country is None and wire.asn is None and wire.lat is None and wire.network_type is None:
        return NOWHERE
    return Place(
        country=wire.country.upper() if wire.country else None,
        region=wire.region,
        city=wire.city,
        lat=wire.lat,
        lon=wire.lon,
        asn=wire.asn,
        network_type=wire.network_type,
        precision="exact" if wire.lat is not None and wire.lon is not None else None,
    )
