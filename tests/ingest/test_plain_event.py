"""The short way of decoding returns what the careful way returns, or leaves the event to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.decode import careful_event
from ingest.plain_event import plain_event
from schemas.event import EVENT_TYPES, REASONS, SessionEvent
from schemas.refusal import Refused
from tests.ingest.wire import GOOD, wire

TEXTS = st.sampled_from([
    "", "-", "alice", "Anonymous", " alice ", "é", "\u202egnp.exe", "a\x00b", "\ud800", "x" * 257, "x" * 1_025,
    "h_abc", "198.51.100.7", "::FFFF:192.0.2.1", "fe80::1%eth0", "s_k1_abc", "s_" + "a" * 127, "s_é",
    '":', '"', "\\", "DE", "de",
    "2026-11-25T10:00:00Z", "2026-11-25T10:00:00.5Z", "2026-11-25T10:00:00.123456Z", "2026-11-25T10:00:00,123456Z",
    "2026-W48-3T10:00:00Z", "2026-11-25T24:00:00Z", "2026-11-25T10:00:00+01:00", "1999-12-31T23:59:59Z", "1760000000",
    "2100-01-01T00:00:00Z", "2026-11-25t10:00:00z", "refresh_reused", "another reason",
])  # fmt: skip
NUMBERS = st.sampled_from([0, 1, -1, 1.0, 0.5, 90, 90.5, -180, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 1e300, -0.0])
VALUES: st.SearchStrategy[Any] = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none(), st.just({"a": 1}), st.just([]))
FIELDS = st.dictionaries(st.sampled_from([*SessionEvent.model_fields, "unknown"]), VALUES, max_size=4)
FORMATS = st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : "), (",\n", ":\t")])
WORDS = st.sampled_from([(kind, reason) for kind in EVENT_TYPES for reason in (*REASONS[kind], None)])


def careful(value: bytes) -> object:
    try:
        return careful_event(value)
    except Refused as refused:
        return refused.reason


@settings(max_examples=1_500, deadline=None)
@given(FIELDS, WORDS, FORMATS, st.booleans())
@example({"count": True}, ("validate", "request"), (",", ":"), False)
@example({"schema_version": True}, ("validate", "request"), (",", ":"), False)
@example({"gap_min_ms": 5}, ("validate", "request"), (",", ":"), False)
def test_both_ways_agree(
    changed: dict[str, Any], word: tuple[str, str | None], separators: tuple[str, str], escaped: bool
) -> None:
    fields = {**GOOD, "type": word[0], "reason": word[1], **changed}
    text = json.dumps(fields, separators=separators, ensure_ascii=escaped)
    value = text.encode("utf-8", "surrogatepass")
    short = plain_event(value)
    if short is not None:
        assert repr(short) == repr(careful(value))


@pytest.mark.parametrize(
    "twice",
    [
        b'"app":"shop"',
        b'"app" :"shop"',
        b'"app"\n:"shop"',
        b'"app":"shop","device_id":"\\":"',
        b'"app" :"shop","device_id":"\\":"',
        b'"\\u0061pp" :"shop"',
    ],
)
def test_a_key_that_comes_twice_is_left_to_the_careful_way(twice: bytes) -> None:
    value = b"{" + twice + b"," + wire()[1:]
    assert plain_event(value) is None


def test_the_usual_event_goes_the_short_way() -> None:
    assert plain_event(wire()) == careful_event(wire())
    assert plain_event(json.dumps(GOOD).encode()) is not None
