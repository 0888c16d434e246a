"""Dead letters once more: their originals are read again from Kafka, and sent through the events topic anew.

What was refused by mistake, such as by a wrong signing key, is so accepted after the mistake was mended; what is
still bad becomes a dead letter again; what had been accepted meanwhile is a duplicate.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition
from sessionwatch_emitter.transport import Transport

from ingest.connection import in_one_line, settings_for
from ingest.record_batch import install
from store.rows import DeadLetter

READ_TIMEOUT_S = 10.0
"""For one record; the development broker answers within a tenth of a second."""

Outgoing = tuple[bytes | None, bytes, tuple[tuple[str, bytes], ...]]

# One record is wanted at a time, wherever it lies.
_FIXED = {
    "group_id": None,
    "enable_auto_commit": False,
    "auto_offset_reset": "none",
    "allow_auto_create_topics": False,
    "max_poll_records": 500,
}


@dataclass(slots=True)
class Outcome:
    """What became of the dead letters that were to be sent again.

    Attributes:
        found: how many were to be.
        sent: read again, and acknowledged by the events topic.
        gone: no longer in Kafka: its retention has passed, or the topic was made anew.
        empty: tombstones, which say nothing.
    """

    found: int = 0
    sent: int = 0
    gone: int = 0
    empty: int = 0


def redrive(
    letters: Iterable[DeadLetter],
    events_topic: str,
    consumer: Mapping[str, object],
    producer: Mapping[str, object],
    *,
    timeout_s: float = READ_TIMEOUT_S,
) -> Outcome:
    """Send dead letters through again, with the key and the headers that they had.

    Args:
        letters: where they came from, and the hash of what they held.
        events_topic: where they go.
        consumer, producer: settings by kafka-python's own names.
        timeout_s: for reading one record, seconds.

    Raises:
        SourceError: Kafka cannot be read.
        EmitterError: Kafka cannot be written.
    """
    outcome = Outcome()
    by_partition: dict[tuple[str, int], list[DeadLetter]] = defaultdict(list)
    for letter in letters:
        outcome.found += 1
        if letter.length == 0:
            outcome.empty += 1
        else:
            by_partition[letter.topic, letter.partition].append(letter)
    if not by_partition:
        return outcome
    settings = dict(producer)
    transport = Transport(settings.pop("bootstrap_servers"), events_topic, **settings)  # type: ignore[arg-type]
    install()
    with in_one_line(consumer):
        reader = KafkaConsumer(**settings_for(KafkaConsumer, consumer) | _FIXED)
    try:
        outcome.sent = transport.send_all(_originals(reader, by_partition, outcome, consumer, timeout_s))
    finally:
        reader.close(autocommit=False)
        transport.close()
    return outcome


def _originals(
    reader: KafkaConsumer,
    by_partition: Mapping[tuple[str, int], list[DeadLetter]],
    outcome: Outcome,
    settings: Mapping[str, object],
    timeout_s: float,
) -> Iterator[Outgoing]:
    for (topic, number), letters in sorted(by_partition.items()):
        partition = TopicPartition(topic, number)
        with in_one_line(settings):
            if number not in (reader.partitions_for_topic(topic) or ()):
                outcome.gone += len(letters)
                continue
            reader.assign([partition])
            first = reader.beginning_offsets([partition])[partition]
        read_until = -1
        for letter in sorted(letters, key=lambda letter: letter.offset):
            record = None
            if letter.offset >= first:
                with in_one_line(settings):
                    if letter.offset != read_until:
                        reader.seek(partition, letter.offset)
                    record = _record_at(reader, partition, letter.offset, timeout_s)
                read_until = -1 if record is None else letter.offset + 1
            # Another value at the place: the topic was made anew since.
            if record is None or hashlib.sha256(record[1]).hexdigest() != letter.sha256:
                outcome.gone += 1
            else:
                yield record


def _record_at(reader: KafkaConsumer, partition: TopicPartition, offset: int, timeout_s: float) -> Outgoing | None:
    """Return the record at an offset, which the reader stands at, or None where there is none any more."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        records = reader.poll(timeout_ms=200, max_records=1).get(partition, [])
        for record in records:
            if record.offset == offset and record.value is not None:
                # kafka-python sends no header without a value.
                headers = tuple((name, value) for name, value in record.headers or () if value is not None)
                return record.key, record.value, headers
            if record.offset >= offset:
                return None
    return None
