"""What a topic can hold: good events, odd but valid ones, and messages that break the contract, kind by kind."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.instant import DAY, SECOND, to_rfc3339
from schemas.limits import MAX_ATTRIBUTES, MAX_EVENT_BYTES
from schemas.refusal import Reason

SIGNED_APP = "vault"
"""An app that declares a signing key: what names it here is not signed."""

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A record to send, and what must become of it.

    Attributes:
        kind: what is odd or wrong with it; "good" where nothing is.
        reason: of its dead letter; None = it is stored.
        flags: what must have been cleaned.
        expected: columns as they must be stored.
        secret: a text that must not be found in its dead letter.
    """

    key: bytes
    value: bytes | None
    kind: str
    event_id: str
    reason: Reason | None = None
    flags: frozenset[str] = frozenset()
    expected: Fields = field(default_factory=dict)
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Odd:
    """A strange event that is valid: the fields that make it so, and what is stored of them."""

    fields: Fields
    flags: frozenset[str] = frozenset()
    expected: Fields = field(default_factory=dict)


def odd(*flags: str, expected: Fields | None = None, **fields: Any) -> Odd:
    """Make an odd event; texts without flags are expected as they are."""
    return Odd(fields, frozenset(flags), expected if expected is not None else ({} if flags else fields))


ODD: dict[str, Odd] = {
    "control characters": odd(
        "user_agent:cleaned", user_agent="a\x00b\x1b[31m\x9fc", expected={"user_agent": "a\ufffdb\ufffd[31m\ufffdc"}
    ),
    "lone surrogates": odd("device_id:cleaned", device_id="x\ud83dy", expected={"device_id": "x\ufffdy"}),
    "emoji": odd(user_agent="\U0001f98a\U0001f3f4\u200d\u2620\ufe0f/1.0"),
    "bidi marks": odd(user_agent="\u202egnp.exe\u2066\u2069"),
    "foreign scripts": odd(user_agent="Браузер/1.0 浏览器 متصفح", user_id="Ælfgifu 王"),
    "long agent": odd("user_agent:cleaned", user_agent="a" * 5_000, expected={"user_agent": "a" * 1_024}),
    "invalid address": odd("ip:unreadable", ip="999.1.2.3", expected={"ip": None}),
    "address with a port": odd("ip:unreadable", ip="192.0.2.1:443", expected={"ip": None}),
    "markup as an address": odd("ip:unreadable", ip="<script>" * 3_000, expected={"ip": None}),
    "address in an address": odd(ip="::ffff:192.0.2.7", expected={"ip": "192.0.2.7"}),
    "long address form": odd(ip="2001:0DB8:0:0:0:0:0:1", expected={"ip": "2001:db8::1"}),
    "empty optional fields": odd(
        ip="", user_agent="", device_id="", reason="", country="", expected=dict.fromkeys(("ip", "user_agent"))
    ),
    "null optional fields": odd(ip=None, user_agent=None, device_id=None, mfa=None, lat=None, attributes=None),
    "placeholder user": odd("user_id:placeholder", user_id="Anonymous", expected={"user_id": None}),
    "long user id": odd("user_id:cut", user_id="u" * 3_000),
    "another reason": odd(reason="teleported"),
    "unknown scalars": odd(tenant="north", shard=7, expected={}),
    "unknown objects": odd("unknown:dropped", trace={"span": [1, 2, 3]}),
    "attribute with control characters": odd("attributes:cleaned", attributes={"note": "a\rb\x00"}),
    "as many attributes as fit": odd(attributes={f"a{n}": n for n in range(MAX_ATTRIBUTES)}, expected={}),
    "a drill of its own": odd("drill:unsigned", drill="fire", expected={"drill": None}),
    "largest numbers": odd(count=2**63 - 1, token_generation=2**63 - 1, asn=2**32 - 1, gap_dev_ms=1.5e308),
    "flags of its own": odd("input_flags:cleaned", input_flags=["\x07" * 100] * 40, expected={}),
}


@dataclass(frozen=True, slots=True)
class Bad:
    """A way to break the contract.

    Attributes:
        break_: makes the value from a good event's fields and a secret.
        hidden: the secret is in it and must not be in its dead letter. What cannot be parsed is kept as it came.
    """

    reason: Reason
    break_: Callable[[Fields, str], bytes | None]
    hidden: bool = True


def changed(reason: Reason, **changes: Any) -> Bad:
    """A good event with fields changed, and a secret in its attributes and in an unknown field."""

    def break_(fields: Fields, secret: str) -> bytes:
        attributes = changes.get("attributes", {"token": secret})
        return to_json({**fields, "cookie": secret, **changes, "attributes": attributes})

    return Bad(reason, break_)


def without(name: str) -> Bad:
    """A good event that lacks a field."""

    def break_(fields: Fields, secret: str) -> bytes:
        return to_json({**{key: value for key, value in fields.items() if key != name}, "cookie": secret})

    return Bad(Reason.MISSING_FIELD, break_)


def in_text(reason: Reason, addition: str) -> Bad:
    """A good event with something added that `json.dumps` would not write."""
    return Bad(reason, lambda fields, secret: _close(to_json({**fields, "cookie": secret}), addition))


def _close(text: bytes, addition: str) -> bytes:
    return text[:-1] + b"," + addition.encode() + b"}"


def to_json(fields: object) -> bytes:
    """Return JSON in ASCII: lone surrogates travel as escapes."""
    return json.dumps(fields).encode()


BAD: dict[str, Bad] = {
    "no JSON": Bad(Reason.NOT_JSON, lambda _fields, _secret: b"user alice logged in", hidden=False),
    "cut short": Bad(Reason.NOT_JSON, lambda fields, _secret: to_json(fields)[:-9], hidden=False),
    "UTF-16": Bad(Reason.NOT_JSON, lambda fields, _secret: json.dumps(fields).encode("utf-16"), hidden=False),
    "Latin-1": Bad(Reason.NOT_JSON, lambda fields, _secret: to_json(fields)[:-1] + b',"x":"\xe9"}', hidden=False),
    "empty": Bad(Reason.NOT_JSON, lambda _fields, _secret: b"", hidden=False),
    "tombstone": Bad(Reason.TOMBSTONE, lambda _fields, _secret: None, hidden=False),
    "null": Bad(Reason.NOT_OBJECT, lambda _fields, _secret: b"null"),
    "an array": Bad(Reason.NOT_OBJECT, lambda fields, secret: to_json([{**fields, "cookie": secret}])),
    "a text": Bad(Reason.NOT_OBJECT, lambda _fields, secret: to_json(secret)),
    "larger than 64 KiB": changed(Reason.TOO_LARGE, padding="x" * MAX_EVENT_BYTES),
    "nested too deep": in_text(Reason.TOO_DEEP, '"deep":' + "[" * 9 + "]" * 9),
    "nested past any parser": in_text(Reason.TOO_DEEP, '"deep":' + "[" * 20_000 + "]" * 20_000),
    "duplicate key": in_text(Reason.DUPLICATE_KEY, '"app":"shop"'),
    "NaN": in_text(Reason.NOT_FINITE, '"lat":NaN'),
    "infinite": in_text(Reason.NOT_FINITE, '"gap_min_ms":1e999'),
    "number beyond 64 bits": in_text(Reason.NOT_FINITE, f'"token_generation":{2**63}'),
    "number of many digits": in_text(Reason.NOT_FINITE, '"token_generation":' + "9" * 20_000),
    "wrong type": changed(Reason.WRONG_TYPE, mfa="yes"),
    "number out of range": changed(Reason.WRONG_TYPE, lat=91),
    "missing field": without("event_time"),
    "no session": without("session_id"),
    "bad app": changed(Reason.BAD_APP, app="The Bank"),
    "numeric text as time": changed(Reason.WRONG_TYPE, event_time="1760000000"),
    "no offset": changed(Reason.BAD_TIME, event_time="2026-11-01T12:00:00"),
    "far past": changed(Reason.BAD_TIME, event_time="1970-01-01T00:00:00Z"),
    "far future": changed(Reason.BAD_TIME, event_time="2100-01-01T00:00:00Z"),
    "another schema version": changed(Reason.SCHEMA_VERSION, schema_version=2),
    "unknown type": changed(Reason.UNKNOWN_TYPE, type="logon"),
    "too many attributes": Bad(
        Reason.ATTRIBUTES,
        lambda fields, secret: to_json({**fields, "attributes": {f"a{n}": secret for n in range(MAX_ATTRIBUTES + 1)}}),
    ),
    "nested attributes": Bad(
        Reason.ATTRIBUTES, lambda fields, secret: to_json({**fields, "attributes": {"cart": {"token": secret}}})
    ),
    "raw session token": Bad(Reason.RAW_TOKEN, lambda fields, secret: to_json({**fields, "session_id": secret})),
    "raw parent token": Bad(Reason.RAW_TOKEN, lambda fields, secret: to_json({**fields, "parent_session_id": secret})),
    "forged": changed(Reason.FORGED, app=SIGNED_APP),
}
"""What one message alone breaks. `future_time` hangs on its arrival and `id_conflict` on another message."""


class Corpus:
    """Messages in the order in which they are to be sent, every kind as often as every other.

    Args:
        seed: makes ids and order; equal seeds give equal messages for an equal start.
        start_us: event time of the first message, microseconds since the epoch.
    """

    def __init__(self, seed: int, start_us: int) -> None:
        self._random = random.Random(seed)
        self._start_us = start_us
        self._count = 0

    def messages(self, good: int, odd: int, bad: int) -> list[Message]:
        """Return so many good, odd and bad messages, mixed."""
        mixed = [self.good() for _ in range(good)]
        mixed += [self.odd(kind) for kind, _ in zip(_in_turn(ODD), range(odd), strict=False)]
        mixed += [self.bad(kind) for kind, _ in zip(_in_turn([*BAD, "future"]), range(bad - good // 20), strict=False)]
        self._random.shuffle(mixed)
        # Behind the events whose ids they claim, in the same partition.
        firsts = [message for message in mixed if message.kind == "good"][: good // 20]
        return mixed + [self.conflict(first) for first in firsts]

    def good(self) -> Message:
        """Return an event with nothing odd about it."""
        fields = self._fields()
        return Message(_key(fields), to_json(fields), "good", fields["event_id"], expected={"ip": fields["ip"]})

    def odd(self, kind: str) -> Message:
        """Return a strange but valid event."""
        fields, case = self._fields(), ODD[kind]
        value = to_json({**fields, **case.fields})
        return Message(_key(fields), value, kind, fields["event_id"], None, case.flags, case.expected)

    def bad(self, kind: str) -> Message:
        """Return a message that breaks the contract."""
        fields, secret = self._fields(), self._random.randbytes(16).hex()
        case = BAD.get(kind)
        if case is None:
            case = changed(Reason.FUTURE_TIME, event_time=to_rfc3339(self._start_us + DAY))
        value = case.break_(fields, secret)
        return Message(_key(fields), value, kind, fields["event_id"], case.reason, secret=secret if case.hidden else "")

    def conflict(self, first: Message) -> Message:
        """Return an event that claims the id of another one."""
        fields = {**self._fields(), "event_id": first.event_id}
        return Message(first.key, to_json(fields), "same id with another time", first.event_id, Reason.ID_CONFLICT)

    def _fields(self) -> Fields:
        self._count += 1
        number = self._count
        user = f"user{number % 200}"
        return {
            "schema_version": 1,
            "event_id": str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            "event_time": to_rfc3339(self._start_us + number * SECOND // 100),
            "type": "validate",
            "app": "bank",
            "reason": "request",
            "session_id": f"s_k1_{user}",
            "user_id": user,
            "ip": f"192.0.2.{number % 200}",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        }


def _in_turn(kinds: Any) -> Iterator[str]:
    while True:
        yield from kinds


def _key(fields: Fields) -> bytes:
    return str(fields["user_id"]).encode()
