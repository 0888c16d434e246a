from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sessionwatch_emitter.event import LARGEST_EVENT, Record, build_record, safe_utf8, scalars, timestamp
from sessionwatch_emitter.keys import KeyRing
from sessionwatch_emitter.signature import HEADER, verify
from sessionwatch_emitter.uuid7 import uuid7

from schemas.limits import MAX_TEXT

KEYS = KeyRing("bank", "a secret of the tests, long enough to be one")
MOMENT_US = 1_764_000_000_123_456


def build(**fields: object) -> Record:
    return build_record("bank", KEYS, "validate", MOMENT_US, fields)


def test_time_is_rfc_3339_in_utc_with_microseconds() -> None:
    assert timestamp(MOMENT_US) == "2025-11-24T16:00:00.123456Z"


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_time_reads_back_to_the_microsecond(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    time_us = (since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000 + since_epoch.microseconds
    assert datetime.fromisoformat(timestamp(time_us)) == moment


@given(st.integers(0, 4_000_000_000_000_000))
def test_an_event_id_is_a_uuid_of_version_7_at_its_time(time_us: int) -> None:
    made = uuid.UUID(uuid7(time_us))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == time_us // 1000


def test_event_ids_sort_by_time_within_a_millisecond() -> None:
    made = [uuid7(MOMENT_US + microseconds) for microseconds in range(500)]
    assert made == sorted(made)


def test_an_event_is_compact_json_without_its_null_fields() -> None:
    record = build(user_id="alice", ip=None)
    assert b" " not in record.value
    assert "ip" not in json.loads(record.value)


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"user_id": "alice", "session_id": "s_k1_x", "ip": "192.0.2.1"}, b"alice"),
        ({"session_id": "s_k1_x", "ip": "192.0.2.1"}, b"s_k1_x"),
        ({"ip": "192.0.2.1"}, b"192.0.2.1"),
        ({}, None),
    ],
)
def test_the_record_key_is_the_user_else_the_session_else_the_address(
    fields: dict[str, object], key: bytes | None
) -> None:
    assert build(**fields).key == key


def test_a_record_carries_the_signature_of_its_app_key_and_value() -> None:
    record = build(user_id="zoë")
    ((name, header),) = record.headers
    assert name == HEADER
    assert verify(KEYS.signing_key, "k1", "bank", record.key, record.value, header)


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_becomes_valid_utf_8(text: str) -> None:
    assert len(safe_utf8(text).decode()) == len(text)


def test_a_lone_surrogate_becomes_the_replacement_character() -> None:
    assert json.loads(build(user_agent="a\ud800b").value)["user_agent"] == "a\ufffdb"


# One, two, three and four bytes in UTF-8, and six in JSON.
CHARACTERS = st.sampled_from(["a", "\u00e9", "\u738b", "\U0001f98a", "\x01", "\ud800"])
TEXTS = st.builds(str.__mul__, CHARACTERS, st.sampled_from([1, 500, 1_000, 4_096, 100_000]))
TEXT_FIELDS = ["user_id", "ip", "user_agent", "device_id", "reason", "auth_method", "idp", "idp_session_id", "bound"]
TEXT_FIELDS += ["action", "country", "region", "city", "network_type"]


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from(TEXT_FIELDS), TEXTS),
    st.lists(TEXTS, max_size=40).map(lambda texts: {f"a{number}": text for number, text in enumerate(texts)}),
)
@example(dict.fromkeys(TEXT_FIELDS, "\x01" * 100_000), {})
@example({}, {"a" * 100_000: 1})
def test_no_text_makes_an_event_too_large_to_be_looked_at(
    fields: dict[str, str], attributes: dict[str, object]
) -> None:
    session_id = KEYS.session_id("raw")
    record = build(**fields, session_id=session_id, attributes=scalars(attributes) or None)
    assert len(record.value) <= LARGEST_EVENT
    assert json.loads(record.value)["session_id"] == session_id


def test_what_is_too_large_loses_its_attributes_and_nothing_else() -> None:
    record = build(user_agent="x" * 4_096, attributes={f"a{number}": "\x01" * 1_000 for number in range(32)})
    assert json.loads(record.value)["user_agent"] == "x" * 4_096
    assert "attributes" not in json.loads(record.value)
    assert record.attributes_dropped == 32


def test_a_text_is_cut_to_what_shows_the_pipeline_that_there_was_more() -> None:
    record = build(user_agent="x" * 70_000)
    assert len(json.loads(record.value)["user_agent"]) == MAX_TEXT + 1


def test_a_number_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        build(attributes={"score": float("nan")})
