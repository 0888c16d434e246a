"""Dead letters: nothing is lost, and nothing secret is kept."""

from __future__ import annotations

import hashlib
import json
import re

from ingest.record import Record
from ingest.strict_json import Json
from schemas.event import SessionEvent
from schemas.limits import MAX_DEPTH, MAX_EVENT_BYTES
from schemas.refusal import Refused
from store.rows import DeadLetter

READABLE = frozenset({
    "event_id", "event_time", "type", "app", "reason", "ip", "user_agent", "auth_method", "bound", "action",
    "country", "region", "city", "network_type",
})  # fmt: skip
"""Fields whose texts are no secret. Session ids, names, attributes and whatever is unknown may hold one."""

_LONGEST_PARSED = 1024 * 1024
_LONGEST_NAME = 20
"""A token can stand where a name belongs; the session ids of common frameworks have 24 characters and more."""

# A text that the cut has left open is one too.
_TEXT = re.compile(rb'"((?:[^"\\]|\\.)*)(?:"|\\?\Z)', re.DOTALL)


def dead_letter(record: Record, arrival_us: int, refused: Refused) -> DeadLetter:
    """Return the dead letter of a refused record."""
    value = record.value or b""
    detail = f"{refused.field}: {refused.detail}".strip(": ")
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        arrival_us=arrival_us,
        reason=refused.reason.value,
        detail=detail,
        length=len(value),
        sha256=hashlib.sha256(value).hexdigest(),
        content=redacted(value),
    )


def redacted(value: bytes) -> bytes:
    """Return at most 64 KiB of a value: as it came where it cannot be parsed, else without what may be a secret."""
    if len(value) > _LONGEST_PARSED:
        return _redact_texts(value)
    try:
        parsed: Json = json.loads(value.decode("utf-8"), parse_int=_kept_integer)
    except RecursionError:
        return _redact_texts(value)
    except ValueError:
        return value[:MAX_EVENT_BYTES]
    text = json.dumps(_redact(parsed, readable=True), separators=(",", ":"))
    return text.encode()[:MAX_EVENT_BYTES]


def _redact_texts(value: bytes) -> bytes:
    """Replace every text by its hash without parsing: for what is too deep or too long to be parsed."""
    hashed = _TEXT.sub(lambda text: b'"' + _hash(text[1]).encode() + b'"', value[:MAX_EVENT_BYTES])
    return hashed[:MAX_EVENT_BYTES]


def _kept_integer(text: str) -> int | str:
    # Python refuses to convert thousands of digits.
    return int(text) if len(text) <= 20 else text


def _redact(value: Json, *, readable: bool, level: int = 0) -> Json:
    if level > MAX_DEPTH:
        return "nested deeper"
    if isinstance(value, dict):
        top = readable and level == 0
        return {
            (name if top and name in SessionEvent.model_fields else _hash_long(name)): item
            if top and name in READABLE and not isinstance(item, dict | list)
            else _redact(item, readable=False, level=level + 1)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_redact(item, readable=False, level=level + 1) for item in value]
    return _hash(value) if isinstance(value, str) else value


def _hash(text: str | bytes) -> str:
    content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _hash_long(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else _hash(name)
