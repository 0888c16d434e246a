"""What comes from Kafka, before anybody has looked into it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from schemas.instant import to_us

_FIELD = b'"event_time"'


class Record(msgspec.Struct, frozen=True, gc=False):
    """One Kafka record, as it came.

    Attributes:
        topic, partition, offset: its place.
        key, value: bytes, or None (a value of None is a tombstone).
        headers: name and bytes or None, in the order of the producer.
        timestamp_ms: Kafka's own time of the record, milliseconds since the epoch; -1 when there is none.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp_ms: int

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        headers = sum(len(name.encode()) + len(content or b"") for name, content in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


class Gap(msgspec.Struct, frozen=True):
    """A place in a partition where records are missing, or may be read twice.

    Attributes:
        partition: where.
        expected: the offset that should have come next.
        start: the offset that is read instead.
        reason: why, in words for a log line.
        topic_uuid: identity of the topic from here on.
    """

    partition: int
    expected: int
    start: int
    reason: str
    topic_uuid: str


def peek_time_us(record: Record) -> int | None:
    """Return the event time that stands in a record's value, without decoding it.

    Only for ordering partitions against each other: nothing is validated, and the record's Kafka timestamp is
    the upper bound, since nothing can have happened after it was sent.

    Returns:
        Microseconds since the epoch, or None where no time can be read.
    """
    value = record.value
    if value is None:
        return None
    at = value.find(_FIELD)
    if at < 0:
        return None
    opening = value.find(b'"', at + len(_FIELD))
    closing = value.find(b'"', opening + 1)
    # 40 bytes hold every RFC 3339 time; a longer text is none.
    if opening < 0 or not 0 < closing - opening <= 40:
        return None
    try:
        time_us = to_us(datetime.fromisoformat(value[opening + 1 : closing].decode("ascii")))
    except (ValueError, TypeError):
        return None
    return min(time_us, record.timestamp_ms * 1000) if record.timestamp_ms > 0 else time_us
