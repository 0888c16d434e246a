"""Decoding: records in, events and dead letters out. After this stage the types can be trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from ingest.clean import clean_event
from ingest.dead_letter import dead_letter
from ingest.plain_event import place_of, plain_event
from ingest.record import Record
from ingest.signature import verify
from ingest.strict_json import Json, parse_object
from schemas.app import Apps
from schemas.drill import DrillKey
from schemas.event import Event, SessionEvent
from schemas.instant import parse_rfc3339, to_datetime
from schemas.limits import EARLIEST_YEAR, LATEST_YEAR, MAX_FUTURE_US
from schemas.refusal import Reason, Refused
from store.rows import DeadLetter

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_NUMBER = re.compile(r"\s*[-+]?\d+(\.\d+)?([eE][-+]?\d+)?\s*", re.ASCII)
_NEEDS_SESSION = frozenset({"create", "validate", "destroy"})
_PATTERN_REASONS = {
    "app": Reason.BAD_APP,
    "session_id": Reason.RAW_TOKEN,
    "parent_session_id": Reason.RAW_TOKEN,
}
# A raw token must be known as one whatever else is wrong with the event.
_FIRST = (Reason.RAW_TOKEN, Reason.SCHEMA_VERSION, Reason.MISSING_FIELD)


class Decoder:
    """Holds every record against the contract.

    Args:
        apps: for the signing keys of those that declare one.
        drills: knows the installation's own fire drills; None = no mark counts.
    """

    def __init__(self, apps: Apps, drills: DrillKey | None = None) -> None:
        self.apps = apps
        self._drills = drills

    def decode(self, records: Iterable[Record], arrival_us: int) -> tuple[list[Event], list[DeadLetter]]:
        """Return the events of a batch, and a dead letter for every record that is none.

        Args:
            records: as they came.
            arrival_us: the pipeline's clock at their poll; an event far ahead of it is refused.
        """
        events, dead = [], []
        for record in records:
            try:
                events.append(self._decode_record(record, arrival_us))
            except Refused as refused:
                dead.append(dead_letter(record, arrival_us, refused))
        return events, dead

    def _decode_record(self, record: Record, arrival_us: int) -> Event:
        if record.value is None:
            raise Refused(Reason.TOMBSTONE, detail="a record without a value")
        event = decode_event(record.value, self._drills)
        keys = self.apps[event.app].signing_keys
        if keys:
            if not verify(keys, event.app, record.key, record.value, record.headers):
                raise Refused(Reason.FORGED, "app", "the app signs its events; no valid signature")
            event.signed = True
        if event.time_us > arrival_us + MAX_FUTURE_US:
            raise Refused(Reason.FUTURE_TIME, "event_time", "more than 5 min ahead of its arrival")
        event.arrival_us = arrival_us
        event.topic, event.partition, event.offset = record.topic, record.partition, record.offset
        return event


def decode_event(value: bytes, drills: DrillKey | None = None) -> Event:
    """Return the event in a record's value.

    Args:
        value: as it came.
        drills: knows the installation's own fire drills; None = no mark counts.

    Raises:
        Refused: with one of the closed list of reasons.
    """
    return plain_event(value) or careful_event(value, drills)


def careful_event(value: bytes, drills: DrillKey | None = None) -> Event:
    """Return the event in a record's value, cleaned and held against the contract field by field.

    Args:
        value: as it came.
        drills: as in `decode_event`.

    Raises:
        Refused: with one of the closed list of reasons.
    """
    fields, flags = clean_event(parse_object(value), drills)
    try:
        wire = SessionEvent.model_validate(fields)
    except ValidationError as error:
        raise _refusal(error, fields) from None
    if not _UUID.fullmatch(wire.event_id):
        raise Refused(Reason.WRONG_TYPE, "event_id", "expected a UUID")
    if wire.session_id is None and wire.type in _NEEDS_SESSION:
        if wire.reason != "logout_all" or wire.type != "destroy":
            raise Refused(Reason.MISSING_FIELD, "session_id", f"{wire.type} needs one")
        if wire.user_id is None:
            raise Refused(Reason.MISSING_FIELD, "user_id", "logout_all needs a session or a user")
    return Event(
        event_id=wire.event_id.lower(),
        time_us=_time(wire.event_time),
        type=wire.type,
        app=wire.app,
        reason=wire.reason,
        session_id=wire.session_id,
        user_id=wire.user_id,
        user_hint=wire.user_hint,
        ip=wire.ip,
        user_agent=wire.user_agent,
        device_id=wire.device_id,
        auth_method=wire.auth_method,
        mfa=wire.mfa,
        idp=wire.idp,
        idp_session_id=wire.idp_session_id,
        parent_session_id=wire.parent_session_id,
        token_generation=wire.token_generation,
        count=wire.count or 1,
        gap_min_ms=wire.gap_min_ms,
        gap_dev_ms=wire.gap_dev_ms,
        bound=wire.bound,
        action=wire.action,
        drill=wire.drill,
        input_flags=(*(wire.input_flags or ()), *flags),
        attributes=wire.attributes,
        place=place_of(wire),
    )


def _time(text: str) -> int:
    if _NUMBER.fullmatch(text):
        raise Refused(Reason.WRONG_TYPE, "event_time", "expected RFC 3339, not a number in a text")
    try:
        time_us = parse_rfc3339(text)
        year = to_datetime(time_us).year
    except (ValueError, OverflowError):
        raise Refused(Reason.BAD_TIME, "event_time", "expected RFC 3339 with an offset") from None
    if not EARLIEST_YEAR <= year < LATEST_YEAR:
        raise Refused(Reason.BAD_TIME, "event_time", f"outside {EARLIEST_YEAR}-{LATEST_YEAR}")
    return time_us


def _refusal(error: ValidationError, fields: dict[str, Json]) -> Refused:
    found = [_one_refusal(detail, fields) for detail in error.errors(include_url=False, include_input=False)]
    for reason in _FIRST:
        for refused in found:
            if refused.reason is reason:
                return refused
    return found[0]


def _one_refusal(detail: Any, fields: dict[str, Json]) -> Refused:
    field, kind = str(detail["loc"][0]), str(detail["type"])
    expected = str(detail["msg"])
    if kind == "missing":
        return Refused(Reason.MISSING_FIELD, field)
    if field == "attributes":
        return Refused(Reason.ATTRIBUTES, field, "expected at most 32 scalars")
    if field == "schema_version" and type(fields.get(field)) is int:
        return Refused(Reason.SCHEMA_VERSION, field, "expected 1")
    if field == "type" and isinstance(fields.get(field), str):
        return Refused(Reason.UNKNOWN_TYPE, field, expected)
    if kind in ("string_pattern_mismatch", "string_unicode") and field in _PATTERN_REASONS:
        return Refused(_PATTERN_REASONS[field], field)
    return Refused(Reason.WRONG_TYPE, field, expected)
