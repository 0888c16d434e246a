"""The wire format: from the facts of one event to the bytes of a record."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from sessionwatch_emitter import signature
from sessionwatch_emitter.keys import KeyRing
from sessionwatch_emitter.uuid7 import uuid7

SCHEMA_VERSION = 1
Scalar = str | int | float | bool | None
Fields = dict[str, object]

# The pipeline cuts what a client can choose at 1,024 characters and flags it; a little more than that is
# sent, so that it still sees that there was more, and a header of megabytes cannot make an event
# undeliverable.
LONGEST_CLIENT_TEXT = 4096
MAX_ATTRIBUTES = 32
LONGEST_ATTRIBUTE = 1024
# The pipeline refuses a larger event, and a refused event is a thief whom nobody sees.
LARGEST_EVENT = 64 * 1024
# To what the texts of an event that is too large are cut, one step after the other. By the last one it fits: at most
# 14 texts, of which each character takes 6 bytes at most. No hashed id is as long.
_SHORTER_TEXTS = (LONGEST_ATTRIBUTE + 1, 512)

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a request came from, if the app knows better than the pipeline's own look-up."""

    country: str | None = None
    region: str | None = None
    city: str | None = None
    lat: float | None = None
    lon: float | None = None
    asn: int | None = None
    network_type: str | None = None

    def fields(self) -> Fields:
        """Return the event's fields of the same names."""
        return {
            "country": self.country,
            "region": self.region,
            "city": self.city,
            "lat": self.lat,
            "lon": self.lon,
            "asn": self.asn,
            "network_type": self.network_type,
        }


@dataclass(frozen=True, slots=True)
class Record:
    """What goes to Kafka: key, value and headers.

    Attributes:
        key: where in the topic it goes.
        value: the event as JSON.
        headers: the signature.
        attributes_dropped: how many of the event's attributes were left out, for it would have been too large.
    """

    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    attributes_dropped: int = 0


def scalars(attributes: Mapping[str, object]) -> dict[str, object]:
    """Return those of the app's attributes that an event can carry: the first 32 scalars, texts cut to 1,024.

    One that is none must not cost the event: the pipeline would refuse it whole.
    """
    kept = {
        name: value[:LONGEST_ATTRIBUTE] if isinstance(value, str) else value
        for name, value in attributes.items()
        if isinstance(name, str) and _is_scalar(value)
    }
    return dict(islice(kept.items(), MAX_ATTRIBUTES))


def _is_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return value is None or isinstance(value, str)


def client_text(text: str | None) -> str | None:
    """Return text that a client could choose, cut to what an event may carry; empty text is none."""
    return text[:LONGEST_CLIENT_TEXT] if text else None


def timestamp(time_us: int) -> str:
    """Return microseconds since the epoch as RFC 3339 in UTC, with six digits and `Z`."""
    seconds, microseconds = divmod(time_us, 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{microseconds:06d}Z"


def safe_utf8(text: str) -> bytes:
    """Return `text` as UTF-8; lone surrogates, which UTF-8 cannot hold, become U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _LONE_SURROGATES.sub("\ufffd", text).encode()


def build_record(app: str, keys: KeyRing, kind: str, time_us: int, fields: Mapping[str, object]) -> Record:
    """Return the signed record of one event, of at most 64 KiB: what is too much of it is left out or cut.

    Args:
        app: the app's name.
        keys: sign the record.
        kind: create, validate, fail, destroy or heartbeat.
        time_us: when it happened, in microseconds since the epoch.
        fields: the event's further fields; those that are null are left out.

    Raises:
        TypeError, ValueError: a value that JSON cannot hold.
    """
    event: Fields = {
        "schema_version": SCHEMA_VERSION,
        "event_id": uuid7(time_us),
        "event_time": timestamp(time_us),
        "type": kind,
        "app": app,
    }
    event.update((name, value) for name, value in fields.items() if value is not None)
    value = _encode(event)
    attributes_dropped = 0
    if len(value) > LARGEST_EVENT:
        attributes = event.pop("attributes", None)
        attributes_dropped = len(attributes) if isinstance(attributes, dict) else 0
        event, value = _shorten(event)
    subject = event.get("user_id") or event.get("session_id") or event.get("ip")
    key = safe_utf8(str(subject)) if subject else None
    signed = signature.header_value(keys.key_id, signature.sign(keys.signing_key, app, key, value))
    return Record(key, value, ((signature.HEADER, signed),), attributes_dropped)


def _shorten(event: Fields) -> tuple[Fields, bytes]:
    """Return an event with its texts as short as it takes to fit, and as JSON."""
    value = _encode(event)
    for longest in _SHORTER_TEXTS:
        if len(value) <= LARGEST_EVENT:
            break
        event = {name: fact[:longest] if isinstance(fact, str) else fact for name, fact in event.items()}
        value = _encode(event)
    return event, value


def _encode(event: Fields) -> bytes:
    return safe_utf8(_JSON.encode(event))
