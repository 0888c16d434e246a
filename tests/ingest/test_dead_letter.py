"""Dead letters: enough to find out what went wrong, and nothing that opens an account."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dead_letter import READABLE, dead_letter, redacted
from schemas.event import SessionEvent
from schemas.limits import MAX_EVENT_BYTES
from schemas.refusal import Reason, Refused
from tests.ingest.wire import GOOD, NOON_US, record, wire

TOKEN = "5f2b0c9e7a4d41d6b8a3c2e1f0d9b7a6"


def content(value: bytes) -> dict[str, Any]:
    return dict(json.loads(redacted(value)))


def test_it_says_where_when_why_and_what() -> None:
    value = wire(mfa="yes")
    letter = dead_letter(record(value, offset=7), NOON_US, Refused(Reason.WRONG_TYPE, "mfa", "expected a boolean"))
    assert (letter.topic, letter.partition, letter.offset, letter.arrival_us) == ("session-events", 0, 7, NOON_US)
    assert (letter.reason, letter.detail) == ("wrong_type", "mfa: expected a boolean")
    assert (letter.length, letter.sha256) == (len(value), hashlib.sha256(value).hexdigest())


def test_what_tells_the_app_its_mistake_stays_readable() -> None:
    kept = content(wire(session_id=TOKEN))
    assert {name: kept[name] for name in READABLE if name in GOOD} == {
        name: GOOD[name] for name in READABLE if name in GOOD
    }


def test_a_hash_stands_where_the_secret_stood() -> None:
    assert content(wire(session_id=TOKEN))["session_id"] == f"sha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}"


def test_numbers_and_booleans_stay() -> None:
    kept = content(wire(mfa=True, count=3, lat=None))
    assert (kept["mfa"], kept["count"], kept["lat"]) == (True, 3, None)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(wire(session_id=TOKEN), id="session id"),
        pytest.param(wire(parent_session_id=TOKEN), id="parent"),
        pytest.param(wire(user_id=TOKEN), id="user"),
        pytest.param(wire(user_hint=TOKEN), id="typed name"),
        pytest.param(wire(device_id=TOKEN), id="device"),
        pytest.param(wire(idp_session_id=TOKEN), id="session of the identity provider"),
        pytest.param(wire(input_flags=[TOKEN]), id="flags"),
        pytest.param(wire(attributes={"cookie": TOKEN}), id="attribute"),
        pytest.param(wire(attributes={TOKEN: 1}), id="name of an attribute"),
        pytest.param(wire(attributes=[[TOKEN]]), id="attributes that are none"),
        pytest.param(wire(cookie=TOKEN), id="unknown field"),
        pytest.param(wire(**{TOKEN: 1}), id="name of an unknown field"),
        pytest.param(wire(cookie={"a": [{"b": TOKEN}]}), id="inside an unknown field"),
        pytest.param(wire(ip={"type": TOKEN}), id="object in a readable field"),
        pytest.param(wire(type=[TOKEN]), id="list in a readable field"),
        pytest.param(b"[" + wire(session_id=TOKEN) + b"]", id="array"),
        pytest.param(json.dumps(TOKEN).encode(), id="text"),
        pytest.param(wire(cookie=TOKEN)[:-1] + b',"lat":NaN}', id="with NaN"),
        pytest.param(wire(cookie=TOKEN)[:-1] + b',"app":"x"}', id="with a name twice"),
        pytest.param(wire(cookie=TOKEN)[:-1] + b',"n":' + b"9" * 10_000 + b"}", id="with a number of many digits"),
        pytest.param(wire(cookie=TOKEN)[:-1] + b',"x":' + b"[" * 9_000 + b"]" * 9_000 + b"}", id="too deep to be read"),
        pytest.param(wire(cookie=TOKEN, padding="x" * 70_000), id="larger than 64 KiB"),
        pytest.param(wire(cookie=TOKEN, padding="x" * 2_000_000), id="larger than anybody reads"),
        pytest.param(wire(padding="x" * 60_000, cookie=TOKEN * 50_000), id="cut in a secret"),
    ],
)
def test_no_secret_stays_in_what_can_be_read(value: bytes) -> None:
    assert TOKEN.encode() not in redacted(value)
    assert TOKEN[:16].encode() not in redacted(value)


@pytest.mark.parametrize("value", [b"alice logged in", wire()[:-1], wire().decode().encode("utf-16"), b"\xff\xfe", b""])
def test_what_cannot_be_read_is_kept_as_it_came(value: bytes) -> None:
    assert redacted(value) == value


@pytest.mark.parametrize(
    "value", [b"x" * 100_000, wire(padding="x" * 100_000), wire(a=[""] * 20_000), b'"' + b"\\" * 3_000_000]
)
def test_at_most_64_kib_are_kept(value: bytes) -> None:
    assert len(redacted(value)) <= MAX_EVENT_BYTES


def test_a_megabyte_of_texts_is_no_burden() -> None:
    value = json.dumps({"a": [""] * 200_000}).encode()
    began = time.process_time()
    redacted(value)
    # Work that grows with the square of the length would take minutes.
    assert time.process_time() - began < 20


TEXTS = st.text(min_size=8, max_size=40)
NESTED = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SECRET_FIELDS = sorted((SessionEvent.model_fields.keys() - READABLE) | {"cookie", "authorization", "x"})


@given(st.dictionaries(st.sampled_from(SECRET_FIELDS), NESTED, min_size=1))
def test_no_text_of_eight_characters_survives(fields: dict[str, Any]) -> None:
    kept = texts_of(json.loads(redacted(wire(**fields))))
    readable = {value for name, value in GOOD.items() if name in READABLE}
    assert not (set(texts_of(list(fields.values()))) - readable) & kept


@given(st.binary(max_size=200))
def test_any_bytes_can_be_a_dead_letter(value: bytes) -> None:
    letter = dead_letter(record(value), NOON_US, Refused(Reason.NOT_JSON))
    assert len(letter.content) <= MAX_EVENT_BYTES


def texts_of(value: object) -> set[str]:
    """Every text of eight characters and more among the values."""
    if isinstance(value, str):
        return {value} if len(value) >= 8 else set()
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {text for item in items for text in texts_of(item)}
