"""The decode stage: what is refused and why, what is cleaned, and that nothing else comes of any bytes."""

from __future__ import annotations

import json
import unicodedata
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessionwatch_emitter import signature

from ingest.decode import Decoder, decode_event
from ingest.strict_json import parse_object
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import MINUTE, SECOND
from schemas.limits import MAX_DEPTH, MAX_EVENT_BYTES
from schemas.refusal import Reason, Refused
from tests.ingest.wire import EVENT_ID, GOOD, NOON_US, record, wire

TOKEN = "5f2b0c9e7a4d41d6b8a3c2e1f0d9b7a6"


def added(text: str) -> bytes:
    """A good message with raw JSON text added."""
    return wire()[:-1] + b"," + text.encode() + b"}"


def nested(levels: int) -> str:
    return '"x":' + "[" * levels + "]" * levels


REFUSED: list[tuple[Reason, str, bytes]] = [
    (Reason.NOT_JSON, "words", b"alice logged in"),
    (Reason.NOT_JSON, "nothing", b""),
    (Reason.NOT_JSON, "cut short", wire()[:-1]),
    (Reason.NOT_JSON, "two objects", wire() + wire()),
    (Reason.NOT_JSON, "UTF-16", wire().decode().encode("utf-16")),
    (Reason.NOT_JSON, "UTF-8 with a mark of byte order", b"\xef\xbb\xbf" + wire()),
    (Reason.NOT_JSON, "Latin-1", added('"x":"').replace(b'"}', b'\xe9"}')),
    (Reason.NOT_JSON, "a control character as it is", added('"x":"\x01"')),
    (Reason.NOT_JSON, "single quotes", wire().replace(b'"', b"'")),
    (Reason.NOT_OBJECT, "null", b"null"),
    (Reason.NOT_OBJECT, "an array", b"[" + wire() + b"]"),
    (Reason.NOT_OBJECT, "a text", b'"alice"'),
    (Reason.NOT_OBJECT, "a number", b"1"),
    (Reason.NOT_OBJECT, "a boolean", b"true"),
    (Reason.TOO_LARGE, "a byte more than 64 KiB", wire() + b" " * (MAX_EVENT_BYTES + 1 - len(wire()))),
    (Reason.TOO_DEEP, "one level more than 8", added(nested(MAX_DEPTH))),
    (Reason.TOO_DEEP, "objects", added('"x":' + '{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH)),
    (Reason.TOO_DEEP, "deeper than the parser goes", added(nested(30_000))),
    (Reason.DUPLICATE_KEY, "a field twice", added('"app":"bank"')),
    (Reason.DUPLICATE_KEY, "an attribute twice", added('"attributes":{"a":1,"a":2}')),
    (Reason.NOT_FINITE, "NaN", added('"lat":NaN')),
    (Reason.NOT_FINITE, "Infinity", added('"lat":-Infinity')),
    (Reason.NOT_FINITE, "a float that is none", added('"lat":1e999')),
    (Reason.NOT_FINITE, "an integer above 64 bits", added(f'"x":{2**63}')),
    (Reason.NOT_FINITE, "an integer below 64 bits", added(f'"x":{-(2**63) - 1}')),
    (Reason.NOT_FINITE, "more digits than Python converts", added('"x":' + "9" * 4_301)),
    (Reason.WRONG_TYPE, "a text where a boolean belongs", wire(mfa="true")),
    (Reason.WRONG_TYPE, "a number where a text belongs", wire(ip=3_221_226_000)),
    (Reason.WRONG_TYPE, "a number where a user belongs", wire(user_id=7)),
    (Reason.WRONG_TYPE, "a list where an agent belongs", wire(user_agent=["curl"])),
    (Reason.WRONG_TYPE, "a text where a number belongs", wire(count="3")),
    (Reason.WRONG_TYPE, "a boolean where a number belongs", wire(count=True)),
    (Reason.WRONG_TYPE, "a count of none", wire(count=0)),
    (Reason.WRONG_TYPE, "a latitude beyond the pole", wire(lat=90.5)),
    (Reason.WRONG_TYPE, "a number as time", wire(event_time=1_793_534_400)),
    (Reason.WRONG_TYPE, "a numeric text as time", wire(event_time="1793534400")),
    (Reason.WRONG_TYPE, "a text with exponent as time", wire(event_time="1.79e9")),
    (Reason.WRONG_TYPE, "an id that is no UUID", wire(event_id="event-1")),
    (Reason.WRONG_TYPE, "a UUID in braces", wire(event_id=f"{{{EVENT_ID}}}")),
    (Reason.WRONG_TYPE, "a schema version as a text", wire(schema_version="1")),
    (Reason.WRONG_TYPE, "a type that is no text", wire(type=1)),
    (Reason.WRONG_TYPE, "a session that is no text", wire(session_id=5)),
    *[
        (Reason.MISSING_FIELD, name, wire(without=name))
        for name in ("schema_version", "event_id", "event_time", "type", "app", "session_id")
    ],
    (Reason.MISSING_FIELD, "an empty session", wire(session_id="")),
    (Reason.MISSING_FIELD, "a login without a session", wire(type="create", without="session_id")),
    (Reason.MISSING_FIELD, "a logout without a session", wire(type="destroy", reason="logout", without="session_id")),
    (
        Reason.MISSING_FIELD,
        "logout_all of nobody",
        wire(type="destroy", reason="logout_all", session_id="", user_id=""),
    ),
    (Reason.BAD_APP, "a capital", wire(app="Bank")),
    (Reason.BAD_APP, "nothing", wire(app="")),
    (Reason.BAD_APP, "65 characters", wire(app="a" * 65)),
    (Reason.BAD_APP, "a line end", wire(app="bank\n")),
    (Reason.BAD_APP, "a lone surrogate", wire(app="bank\ud800")),
    (Reason.BAD_TIME, "words", wire(event_time="yesterday")),
    (Reason.BAD_TIME, "nothing", wire(event_time="")),
    (Reason.BAD_TIME, "no offset", wire(event_time="2026-11-01T12:00:00")),
    (Reason.BAD_TIME, "a date alone", wire(event_time="2026-11-01")),
    (Reason.BAD_TIME, "a week date", wire(event_time="2026-W44-7T12:00:00Z")),
    (Reason.BAD_TIME, "no such day", wire(event_time="2026-02-30T12:00:00Z")),
    (Reason.BAD_TIME, "digits of another script", wire(event_time="２026-11-01T12:00:00Z")),
    (Reason.BAD_TIME, "before 2000", wire(event_time="1999-12-31T23:59:59Z")),
    (Reason.BAD_TIME, "2100", wire(event_time="2100-01-01T00:00:00Z")),
    (Reason.BAD_TIME, "before the first year", wire(event_time="0001-01-01T00:00:00+23:59")),
    (Reason.BAD_TIME, "after the last year", wire(event_time="9999-12-31T23:59:59-23:59")),
    (Reason.SCHEMA_VERSION, "the next one", wire(schema_version=2)),
    (Reason.SCHEMA_VERSION, "none", wire(schema_version=0)),
    (Reason.UNKNOWN_TYPE, "logon", wire(type="logon")),
    (Reason.UNKNOWN_TYPE, "a capital", wire(type="Create")),
    (Reason.UNKNOWN_TYPE, "nothing", wire(type="")),
    (Reason.ATTRIBUTES, "33", wire(attributes={f"a{n}": n for n in range(33)})),
    (
        Reason.ATTRIBUTES,
        "33 of which two clean to one",
        wire(attributes={"\x01": 0, **{chr(n): n for n in range(2, 34)}}),
    ),
    (Reason.ATTRIBUTES, "an object in one", wire(attributes={"cart": {"items": 3}})),
    (Reason.ATTRIBUTES, "a list in one", wire(attributes={"cart": [3]})),
    (Reason.ATTRIBUTES, "a list", wire(attributes=["a"])),
    (Reason.ATTRIBUTES, "a text", wire(attributes="a=1")),
    (Reason.RAW_TOKEN, "a cookie", wire(session_id=TOKEN)),
    (Reason.RAW_TOKEN, "a JWT", wire(session_id="eyJhbGciOiJub25lIn0.e30.c2ln")),
    (Reason.RAW_TOKEN, "a token behind the mark of a hash", wire(session_id="s_" + "a" * 127)),
    (Reason.RAW_TOKEN, "a lone surrogate", wire(session_id="s_\ud800")),
    (Reason.RAW_TOKEN, "in the parent", wire(parent_session_id=TOKEN)),
    (Reason.RAW_TOKEN, "whatever else is wrong", wire(session_id=TOKEN, mfa="yes", type="logon", schema_version=2)),
]


@pytest.mark.parametrize(
    ("reason", "value"),
    [pytest.param(reason, value, id=f"{reason.value}: {what}") for reason, what, value in REFUSED],
)
def test_what_breaks_the_structure_is_refused(reason: Reason, value: bytes) -> None:
    with pytest.raises(Refused) as refused:
        decode_event(value)
    assert refused.value.reason is reason


def test_every_reason_that_a_value_alone_can_have_has_an_example() -> None:
    elsewhere = {Reason.FUTURE_TIME, Reason.FORGED, Reason.ID_CONFLICT, Reason.TOMBSTONE}
    assert {reason for reason, _, _ in REFUSED} == set(Reason) - elsewhere


@pytest.mark.parametrize(
    "value", [value for reason, _, value in REFUSED if reason is Reason.RAW_TOKEN and TOKEN.encode() in value]
)
def test_a_refusal_does_not_quote_what_was_sent(value: bytes) -> None:
    with pytest.raises(Refused) as refused:
        decode_event(value)
    assert TOKEN not in str(refused.value)


VALID: list[tuple[str, bytes]] = [
    ("64 KiB", wire() + b" " * (MAX_EVENT_BYTES - len(wire()))),
    ("8 levels", added(nested(MAX_DEPTH - 1))),
    ("the largest integer", wire(count=2**63 - 1)),
    ("the smallest integer", wire(attributes={"a": -(2**63)})),
    ("32 attributes", wire(attributes={f"a{n}": None for n in range(32)})),
    ("a whole number where a fraction may be", wire(gap_min_ms=3, lat=52)),
    ("logout_all of a user", wire(type="destroy", reason="logout_all", session_id=None)),
    ("a failure before a session", wire(type="fail", reason="bad_credentials", session_id=None, user_id=None)),
    ("a heartbeat", wire(type="heartbeat", without="session_id")),
    ("the longest session id", wire(session_id="s_" + "a" * 126)),
    ("the longest app", wire(app="a" * 64)),
    ("nothing but what is needed", json.dumps({name: GOOD[name] for name in list(GOOD)[:6]}).encode()),
]


@pytest.mark.parametrize("value", [pytest.param(value, id=what) for what, value in VALID])
def test_what_is_just_inside_the_limits_is_an_event(value: bytes) -> None:
    assert isinstance(decode_event(value), Event)


CLEANED: list[tuple[str, dict[str, Any], str, Any, tuple[str, ...]]] = [
    ("a control character", {"user_agent": "a\x1b[2Jb"}, "user_agent", "a\ufffd[2Jb", ("user_agent:cleaned",)),
    ("a zero byte", {"device_id": "d\x00"}, "device_id", "d\ufffd", ("device_id:cleaned",)),
    ("a control character beyond ASCII", {"idp": "a\x85b"}, "idp", "a\ufffdb", ("idp:cleaned",)),
    ("a lone surrogate", {"user_agent": "\udc00"}, "user_agent", "\ufffd", ("user_agent:cleaned",)),
    ("a long agent", {"user_agent": "a" * 1_025}, "user_agent", "a" * 1_024, ("user_agent:cleaned",)),
    ("an agent that just fits", {"user_agent": "a" * 1_024}, "user_agent", "a" * 1_024, ()),
    ("emoji stay", {"user_agent": "\U0001f98a"}, "user_agent", "\U0001f98a", ()),
    ("bidi marks stay", {"user_agent": "\u202ea"}, "user_agent", "\u202ea", ()),
    ("an empty agent is none", {"user_agent": ""}, "user_agent", None, ()),
    ("an unreadable address", {"ip": "localhost"}, "ip", None, ("ip:unreadable",)),
    ("an address with a port", {"ip": "192.0.2.1:80"}, "ip", None, ("ip:unreadable",)),
    ("an address with a zone", {"ip": "fe80::1%eth0"}, "ip", None, ("ip:unreadable",)),
    ("an address of 60,000 characters", {"ip": "1" * 60_000}, "ip", None, ("ip:unreadable",)),
    ("an octal address", {"ip": "010.0.0.1"}, "ip", None, ("ip:unreadable",)),
    ("an empty address is none", {"ip": ""}, "ip", None, ()),
    ("blanks around an address", {"ip": " 192.0.2.1 "}, "ip", "192.0.2.1", ()),
    ("blanks without end", {"ip": " " * 60 + "192.0.2.1"}, "ip", None, ("ip:unreadable",)),
    ("an IPv4 address in IPv6", {"ip": "::ffff:192.0.2.1"}, "ip", "192.0.2.1", ()),
    ("IPv6 written long", {"ip": "2001:0DB8::0:1"}, "ip", "2001:db8::1", ()),
    ("a placeholder user", {"user_id": "anonymous"}, "user_id", None, ("user_id:placeholder",)),
    ("a placeholder in capitals", {"user_id": " NULL "}, "user_id", None, ("user_id:placeholder",)),
    ("a control character in a user", {"user_id": "al\nice"}, "user_id", "al\ufffdice", ("user_id:cleaned",)),
    ("a typed name's hash", {"user_hint": "h_k1_abc"}, "user_hint", "h_k1_abc", ()),
    ("an empty reason is none", {"reason": ""}, "reason", None, ()),
    ("a reason of its own", {"reason": "teleported"}, "reason", "teleported", ()),
    ("a long reason", {"reason": "r" * 65}, "reason", "r" * 64, ("reason:cleaned",)),
    ("a drill that nobody signed", {"drill": "d1"}, "drill", None, ("drill:unsigned",)),
    ("an unknown scalar", {"tenant": "north"}, "attributes", {"tenant": "north"}, ()),
    ("an unknown object", {"trace": {"id": 1}}, "attributes", None, ("unknown:dropped",)),
    ("no attributes", {"attributes": {}}, "attributes", None, ()),
    ("an attribute's text", {"attributes": {"a": "\n"}}, "attributes", {"a": "\ufffd"}, ("attributes:cleaned",)),
    ("an attribute's name", {"attributes": {"\x07": 1}}, "attributes", {"\ufffd": 1}, ("attributes:cleaned",)),
    ("a flag of the emitter", {"input_flags": ["ip:proxy"]}, "input_flags", ("ip:proxy",), ("ip:proxy",)),
    ("an event id in capitals", {"event_id": EVENT_ID.upper()}, "event_id", EVENT_ID, ()),
    ("no count is one", {"count": None}, "count", 1, ()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field", "value", "flags"), [pytest.param(*case, id=what) for what, *case in CLEANED]
)
def test_what_a_client_can_choose_is_cleaned(
    changes: dict[str, Any], field: str, value: object, flags: tuple[str, ...]
) -> None:
    event = decode_event(wire(**changes))
    assert (getattr(event, field), event.input_flags) == (value, flags)


def test_a_typed_name_is_hashed_before_it_goes_further() -> None:
    event = decode_event(wire(type="fail", user_hint="my password, by mistake"))
    assert event.user_hint is not None
    assert event.user_hint.startswith("h_")
    assert "password" not in event.user_hint
    assert event.input_flags == ("user_hint:hashed",)


def test_two_long_users_that_begin_alike_stay_two() -> None:
    first, second = (decode_event(wire(user_id="u" * 1_000 + end)) for end in "ab")
    assert first.user_id != second.user_id
    assert len(first.user_id or "") == 256
    assert first.input_flags == ("user_id:cut",)


def test_unknown_scalars_fill_the_attributes_in_the_order_of_the_message() -> None:
    unknown = {f"extra{n}": n for n in range(40)}
    event = decode_event(wire(attributes={"own": 1}, **unknown))
    assert event.attributes == {"own": 1, **{f"extra{n}": n for n in range(31)}}
    assert event.input_flags == ("unknown:dropped",)


def test_an_attribute_of_the_app_is_not_replaced_by_an_unknown_field() -> None:
    event = decode_event(wire(attributes={"tenant": "app"}, tenant="stranger"))
    assert event.attributes == {"tenant": "app"}


def test_many_flags_of_a_sender_do_not_swell_an_event() -> None:
    event = decode_event(wire(input_flags=["\x07" * 100] * 100))
    assert event.input_flags == ("\ufffd" * 64,) * 32 + ("input_flags:cleaned",)


# Records: what hangs on more than the value.


def decode(*records: Any, apps: Apps | None = None, arrival_us: int = NOON_US + SECOND) -> tuple[list[Any], list[Any]]:
    return Decoder(apps or Apps()).decode(records, arrival_us)


def test_an_event_knows_its_place_and_arrival() -> None:
    ((event,), _) = decode(record(wire(), offset=7))
    assert (event.topic, event.partition, event.offset, event.arrival_us) == ("session-events", 0, 7, NOON_US + SECOND)


def test_a_tombstone_is_a_dead_letter() -> None:
    (_, (letter,)) = decode(record(None))
    assert (letter.reason, letter.length, letter.content) == ("tombstone", 0, b"")


def test_five_minutes_ahead_of_arrival_is_still_an_event() -> None:
    ((event,), _) = decode(record(wire()), arrival_us=NOON_US - 5 * MINUTE)
    assert event.time_us == NOON_US


def test_more_than_five_minutes_ahead_of_arrival_is_refused() -> None:
    (_, (letter,)) = decode(record(wire()), arrival_us=NOON_US - 5 * MINUTE - 1)
    assert letter.reason == "future_time"


def test_a_bad_message_takes_no_good_one_with_it() -> None:
    events, letters = decode(record(wire(), offset=0), record(b"{", offset=1), record(wire(), offset=2))
    assert [event.offset for event in events] == [0, 2]
    assert [letter.offset for letter in letters] == [1]


KEY = b"k" * 32
SIGNING = Apps({"bank": AppPolicy("bank", realm="bank", signing_keys={"k1": KEY})})


def signed(value: bytes, app: str = "bank", key_id: str = "k1", signing_key: bytes = KEY) -> Any:
    header = signature.header_value(key_id, signature.sign(signing_key, app, b"alice", value))
    return record(value, headers=((signature.HEADER, header),))


def test_a_signed_event_is_marked() -> None:
    ((event,), _) = decode(signed(wire()), apps=SIGNING)
    assert event.signed


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(record(wire()), id="unsigned"),
        pytest.param(signed(wire(), signing_key=b"x" * 32), id="another key"),
        pytest.param(signed(wire(), app="shop"), id="another app's signature"),
        pytest.param(msgspec.structs.replace(signed(wire()), key=b"bob"), id="another record key"),
        pytest.param(msgspec.structs.replace(signed(wire()), value=wire(user_id="bob")), id="another value"),
    ],
)
def test_an_app_that_signs_is_not_spoken_for(forged: Any) -> None:
    (_, (letter,)) = decode(forged, apps=SIGNING)
    assert letter.reason == "forged"


def test_an_app_without_a_signing_key_need_not_sign() -> None:
    ((event,), _) = decode(record(wire(app="shop")), apps=SIGNING)
    assert not event.signed


# Any bytes, any text.

SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(
    st.characters(), max_size=40
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
# `st.characters()` leaves surrogates out unless they are asked for.
ANY_TEXT = st.text(st.characters(categories=None, exclude_categories=()), max_size=60)
CLIENT = ("user_agent", "device_id", "ip", "user_id", "user_hint", "idp", "auth_method", "country", "city", "reason")


def judged(value: bytes) -> Event | Refused:
    try:
        return decode_event(value)
    except Refused as refused:
        return refused


@given(st.binary(max_size=300))
def test_any_bytes_are_an_event_or_refused(value: bytes) -> None:
    assert isinstance(judged(value), Event | Refused)


@given(st.dictionaries(st.sampled_from([*GOOD, "attributes", "count", "lat", "mfa", "x", "input_flags"]), VALUES))
def test_any_object_is_an_event_or_refused(changes: dict[str, Any]) -> None:
    assert isinstance(judged(wire(**changes)), Event | Refused)


@given(st.integers(1, 3_000), st.sampled_from(["[", '{"a":']))
@settings(max_examples=30)
def test_any_depth_is_an_event_or_too_deep(levels: int, opening: str) -> None:
    closing = {"[": "]", '{"a":': "}"}[opening]
    result = judged(added('"x":' + opening * levels + "1" * (opening != "[") + closing * levels))
    if levels < MAX_DEPTH:
        assert isinstance(result, Event)
    else:
        assert isinstance(result, Refused)
        assert result.reason is Reason.TOO_DEEP


@given(st.dictionaries(st.sampled_from(CLIENT), ANY_TEXT), st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=5))
def test_no_text_of_a_client_refuses_an_event(texts: dict[str, str], attributes: dict[str, str]) -> None:
    assert isinstance(judged(wire(**texts, attributes=attributes)), Event)


@given(
    st.dictionaries(st.sampled_from(CLIENT), ANY_TEXT),
    st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=5),
    st.lists(ANY_TEXT, max_size=5),
)
def test_what_is_stored_has_no_control_characters_and_is_utf8(
    texts: dict[str, str], attributes: dict[str, str], flags: list[str]
) -> None:
    event = decode_event(wire(**texts, attributes=attributes, input_flags=flags))
    for text in texts_of(event):
        text.encode()
        assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


@given(st.dictionaries(st.sampled_from(CLIENT), ANY_TEXT), st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=5))
def test_cleaning_again_changes_nothing(texts: dict[str, str], attributes: dict[str, str]) -> None:
    once = decode_event(wire(**texts, attributes=attributes))
    again = decode_event(
        wire(**{name: getattr(once, name, None) or getattr(once.place, name, None) for name in CLIENT},
             attributes=once.attributes)
    )  # fmt: skip
    assert again.input_flags == ()
    assert [getattr(again, name, None) for name in CLIENT] == [getattr(once, name, None) for name in CLIENT]
    assert (again.attributes, again.place) == (once.attributes, once.place)


@given(st.uuids(), st.sampled_from([str.upper, str.lower]))
def test_an_event_id_is_the_same_in_either_case(event_id: uuid.UUID, case: Any) -> None:
    assert decode_event(wire(event_id=case(str(event_id)))).event_id == str(event_id)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5))
def test_strict_json_reads_what_json_reads_or_refuses_it(fields: dict[str, Any]) -> None:
    value = json.dumps(fields).encode()
    try:
        parsed = parse_object(value)
    except Refused:
        return
    assert parsed == json.loads(value)


def texts_of(value: object) -> list[str]:
    """Every text in an event."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in texts_of(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in texts_of(item)]
    if isinstance(value, msgspec.Struct):
        return texts_of(list(msgspec.structs.astuple(value)))
    return []
