"""The event time that is read off a record, whatever the record is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.record import Record, peek_time_us

NOON_US = 1_793_534_400_000_000  # 2026-11-01T12:00:00Z
LATER_MS = NOON_US // 1000 + 60_000


def record(value: bytes | None, timestamp_ms: int = LATER_MS) -> Record:
    return Record("session-events", 0, 7, b"alice", value, (), timestamp_ms)


def test_headers_count_in_the_size() -> None:
    headers = (("sw-signature", b"x" * 900_000), ("é", None))
    assert Record("session-events", 0, 7, b"k", b"v", headers, LATER_MS).size == 2 + 12 + 900_000 + 2


def test_reads_the_event_time() -> None:
    assert peek_time_us(record(b'{"event_time": "2026-11-01T12:00:00Z", "app": "bank"}')) == NOON_US


def test_reads_an_offset_and_microseconds() -> None:
    value = b'{"app":"bank","event_time":"2026-11-01T13:00:00.000001+01:00"}'
    assert peek_time_us(record(value)) == NOON_US + 1


def test_nothing_happens_after_it_was_sent() -> None:
    value = b'{"event_time": "2099-01-01T00:00:00Z"}'
    assert peek_time_us(record(value)) == LATER_MS * 1000


def test_without_a_kafka_timestamp_the_value_counts() -> None:
    assert peek_time_us(record(b'{"event_time": "2026-11-01T12:00:00Z"}', timestamp_ms=-1)) == NOON_US


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"event_time"',
        b'{"event_time": "',
        b'{"event_time": 1793534400}',
        b'{"event_time": ""}',
        b'{"event_time": "2026-11-01T12:00:00"}',
        b'{"event_time": "yesterday at noon"}',
        b'{"event_time": "' + b"9" * 100_000 + b'"}',
        '{"event_time": "２０２６"}'.encode(),
    ],
)
def test_what_cannot_be_read_is_none(value: bytes | None) -> None:
    assert peek_time_us(record(value)) is None


@given(st.binary(max_size=60).map(lambda tail: b'{"event_time":"' + tail))
def test_never_raises(value: bytes) -> None:
    assert peek_time_us(record(value)) is None or value.isascii()
