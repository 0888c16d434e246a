"""Kafka as the batch loop sees it, on the development broker and on Apache Kafka."""

from __future__ import annotations

import json
import os
import signal
import statistics
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.errors import RetriableError
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.util import calc_crc32c
from structlog.testing import capture_logs

from ingest import fetch
from ingest.broker import DevelopmentBroker
from ingest.connection import open_admin
from ingest.record_batch import RecordBatch
from ingest.source import KafkaSource, Record, SourceError, peek_time_us
from ingest.topics import ensure_topic
from schemas.instant import SECOND, to_rfc3339
from tests.kafka.apache import ApacheKafka

START_US = 1_793_534_400 * SECOND  # 2026-11-01T12:00:00Z


def event(at_s: float) -> bytes:
    """Return a record's value: an event so many seconds after noon."""
    return json.dumps({"event_time": to_rfc3339(START_US + int(at_s * SECOND)), "app": "bank"}).encode()


def send(servers: str, topic: str, values: Mapping[int, Sequence[bytes]]) -> None:
    """Send values by partition, and wait until every one is acknowledged."""
    producer = KafkaProducer(bootstrap_servers=servers, linger_ms=5)
    for partition, batch in values.items():
        for value in batch:
            producer.send(topic, value, key=b"alice", headers=[("from", b"test")], partition=partition)
    producer.flush(10)
    producer.close()


def read(source: KafkaSource, count: int, seconds: float = 10.0) -> list[Record]:
    """Poll until so many records have come, or time is up."""
    records: list[Record] = []
    until(lambda: len(records) >= count or bool(records.extend(source.poll(50))), seconds)
    return records


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        pass


@pytest.fixture
def topic(kafka: str) -> str:
    """A topic of this test's own, four partitions."""
    return ensure_topic({"bootstrap_servers": kafka}, f"events-{uuid4()}").name


@contextmanager
def source_of(
    servers: str, topic: str, positions: Mapping[int, int] | None = None, uuid: str | None = None, **more: int
) -> Iterator[KafkaSource]:
    settings = {"bootstrap_servers": servers}
    with KafkaSource(settings, topic, f"group-{topic}", positions, uuid, **more) as source:
        yield source


def test_a_record_arrives_whole(kafka: str, topic: str) -> None:
    send(kafka, topic, {2: [event(0)]})
    with source_of(kafka, topic) as source:
        (record,) = read(source, 1)
    assert (record.topic, record.partition, record.offset) == (topic, 2, 0)
    assert (record.key, record.value, record.headers) == (b"alice", event(0), (("from", b"test"),))
    assert abs(record.timestamp_ms / 1000 - time.time()) < 60


def test_positions_are_those_of_the_records_returned(kafka: str, topic: str) -> None:
    send(kafka, topic, {0: [event(at) for at in range(10)], 1: [event(at) for at in range(10)]})
    with source_of(kafka, topic, max_poll_records=4) as source:
        records = read(source, 4)
        assert len(records) == 4
        assert source.positions() == {0: 2, 1: 2}
        assert source.lag() == {0: 8, 1: 8, 2: 0, 3: 0}


def test_reading_goes_on_at_the_stored_positions(kafka: str, topic: str) -> None:
    send(kafka, topic, {0: [event(at) for at in range(5)], 1: [event(7)]})
    with source_of(kafka, topic) as first:
        read(first, 6)
        uuid = first.topic_uuid
    with source_of(kafka, topic, {0: 3, 1: 1}, uuid) as second:
        records = read(second, 2)
        assert [(record.partition, record.offset) for record in records] == [(0, 3), (0, 4)]
        assert second.take_gaps() == []


def test_a_partition_without_a_position_is_read_from_its_earliest(kafka: str, topic: str) -> None:
    send(kafka, topic, {0: [event(0)], 3: [event(1)]})
    with source_of(kafka, topic, {0: 1}) as source:
        assert [record.partition for record in read(source, 1)] == [3]


def test_a_position_beyond_the_end_starts_at_the_earliest_and_is_a_gap(kafka: str, topic: str) -> None:
    send(kafka, topic, {1: [event(0), event(1)]})
    with source_of(kafka, topic, {0: 0, 1: 99, 2: 0, 3: 0}) as source:
        assert [record.offset for record in read(source, 2)] == [0, 1]
        (gap,) = source.take_gaps()
        assert (gap.partition, gap.expected, gap.start) == (1, 99, 0)
        assert source.take_gaps() == []
        assert source.positions()[1] == 2


def test_a_gap_is_warned_of_once(kafka: str, topic: str) -> None:
    with capture_logs() as lines, source_of(kafka, topic, {0: 5}) as source:
        until(lambda: bool(source.poll(50)) or len(source.lag()) == 4)
        source.poll(200)
    assert [line["log_level"] for line in lines if line["event"] == "kafka-gap"] == ["warning"]


def test_a_missing_checksum_library_is_warned_of(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = ensure_topic({"bootstrap_servers": broker}, f"slow-{uuid4()}").name
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with capture_logs() as lines, source_of(broker, topic):
        pass
    assert [line["log_level"] for line in lines if line["event"] == "kafka-slow"] == ["warning"]


@pytest.mark.apache
def test_a_position_before_the_earliest_is_a_gap(apache: ApacheKafka) -> None:
    servers = apache.bootstrap_servers
    topic = ensure_topic({"bootstrap_servers": servers}, f"cut-{uuid4()}", partitions=1).name
    send(servers, topic, {0: [event(at) for at in range(10)]})
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.delete_records({TopicPartition(topic, 0): 6})
    admin.close()
    with source_of(servers, topic, {0: 2}) as source:
        assert [record.offset for record in read(source, 4)] == [6, 7, 8, 9]
        assert [(gap.expected, gap.start) for gap in source.take_gaps()] == [(2, 6)]


def test_a_topic_of_the_same_name_made_anew_is_read_from_its_beginning(kafka: str, topic: str) -> None:
    send(kafka, topic, {0: [event(0)]})
    with source_of(kafka, topic, {0: 1}, "00000000-0000-0000-0000-00000000abcd") as source:
        assert [record.offset for record in read(source, 1)] == [0]
        (gap,) = source.take_gaps()
        assert (gap.partition, gap.expected, gap.start) == (0, 1, 0)
        assert source.topic_uuid == gap.topic_uuid


def test_a_memory_broker_that_was_restarted_loses_nothing_that_comes_after() -> None:
    with DevelopmentBroker() as broker:
        servers = broker.bootstrap_servers
        topic = ensure_topic({"bootstrap_servers": servers}, "session-events").name
        send(servers, topic, {0: [event(at) for at in range(3)]})
        with source_of(servers, topic) as source:
            before = source.topic_uuid
            assert len(read(source, 3)) == 3
            broker.stop()
            until(lambda: not source.poll(20) and not source.connected)
            assert not source.connected
            with DevelopmentBroker(broker.port):
                ensure_topic({"bootstrap_servers": servers}, topic)
                send(servers, topic, {0: [event(at) for at in range(10, 15)]})
                times = {peek_time_us(record) for record in read(source, 5)}
                assert times == {START_US + at * SECOND for at in range(10, 15)}
                until(lambda: not source.poll(20) and source.connected)
                assert source.connected
                assert {gap.partition for gap in source.take_gaps()} >= {0}
                assert source.topic_uuid != before


def test_partitions_of_a_backlog_come_in_event_time_order(kafka: str, topic: str) -> None:
    values = {partition: [event(at + partition / 4) for at in range(1500)] for partition in range(4)}
    send(kafka, topic, values)
    with source_of(kafka, topic, max_poll_records=100, align_ahead_us=5 * SECOND) as source:
        records = read(source, 6000)
    places = [(record.partition, record.offset) for record in records]
    assert sorted(places) == [(partition, offset) for partition in range(4) for offset in range(1500)]
    newest = late = 0
    for time_us in map(peek_time_us, records):
        assert time_us is not None
        newest = max(newest, time_us)
        late = max(late, newest - time_us)
    assert late <= 5 * SECOND


def test_a_partition_that_is_far_ahead_is_held_back_and_then_given_out_whole(kafka: str, topic: str) -> None:
    send(kafka, topic, {0: [event(at) for at in range(5000)], 1: [event(10_000 + at) for at in range(5000)]})
    with source_of(kafka, topic, max_poll_records=500) as source:
        records = read(source, 10_000)
    assert [record.partition for record in records] == [0] * 5000 + [1] * 5000


def test_stream_time_follows_the_slowest_partition_and_is_unknown_at_the_end(kafka: str, topic: str) -> None:
    send(kafka, topic, {0: [event(at) for at in range(10)], 1: [event(100)]})
    with source_of(kafka, topic, max_poll_records=5) as source:
        read(source, 5)
        behind = source.stream_time_us
        read(source, 6)
        assert (behind, source.stream_time_us) in [(0, None), (START_US + 4 * SECOND, None)]


def test_a_bad_record_holds_up_nobody(kafka: str, topic: str) -> None:
    send(kafka, topic, {0: [b"\xff", event(5), b"{}"], 1: [event(4), event(6)]})
    with source_of(kafka, topic) as source:
        values = [record.value for record in read(source, 5)]
    assert values == [b"\xff", event(4), event(5), b"{}", event(6)]


class NotUtf8(str):
    """A header's name as a careless client in another language writes it."""

    def encode(self, *_: str) -> bytes:
        return b"from\xff"


class Null(bytes):
    """A header's value that is null; Kafka allows it, the producer of kafka-python does not."""


@pytest.fixture
def null_values(monkeypatch: pytest.MonkeyPatch) -> None:
    append = DefaultRecordBatchBuilder.append

    def with_nulls(self: object, offset: int, time_ms: int, key: bytes, value: bytes, headers: list[Any]) -> object:
        nulled = [(name, None if isinstance(content, Null) else content) for name, content in headers]
        return append(self, offset, time_ms, key, value, nulled)

    monkeypatch.setattr(DefaultRecordBatchBuilder, "append", with_nulls)


def send_one(servers: str, topic: str, header: tuple[str, bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=servers)
    producer.send(topic, event(0), headers=[header], partition=0).get(5)
    producer.close()


@pytest.mark.usefixtures("null_values")
@pytest.mark.parametrize(
    ("sent", "read_as"),
    [((NotUtf8(), b"test"), ("from\N{REPLACEMENT CHARACTER}", b"test")), (("from", Null()), ("from", None))],
    ids=["a name that is not UTF-8", "a value that is null"],
)
def test_any_header_that_kafka_allows_is_read(
    kafka: str, topic: str, sent: tuple[str, bytes], read_as: tuple[str, bytes | None]
) -> None:
    send_one(kafka, topic, sent)
    send(kafka, topic, {0: [event(1)], 1: [event(2)]})
    with source_of(kafka, topic) as source:
        records = read(source, 3)
        assert source.take_gaps() == []
    assert [(record.partition, record.offset) for record in records] == [(0, 0), (0, 1), (1, 0)]
    assert records[0].headers == (read_as,)


def with_wrong_checksum(batch: bytearray) -> None:
    batch[-1] ^= 1


def with_garbage_for_gzip(batch: bytearray) -> None:
    batch[RecordBatch.ATTRIBUTES_OFFSET + 1] |= RecordBatch.CODEC_GZIP
    with_right_checksum(batch)


def with_garbage_for_zstd(batch: bytearray) -> None:
    batch[RecordBatch.ATTRIBUTES_OFFSET + 1] |= RecordBatch.CODEC_ZSTD
    with_right_checksum(batch)


def with_malformed_records(batch: bytearray) -> None:
    batch[RecordBatch.HEADER_STRUCT.size] += 2
    with_right_checksum(batch)


def with_right_checksum(batch: bytearray) -> None:
    struct.pack_into(">I", batch, RecordBatch.CRC_OFFSET, calc_crc32c(bytes(batch[RecordBatch.ATTRIBUTES_OFFSET :])))


@contextmanager
def writing_batches(change: Callable[[bytearray], None]) -> Iterator[None]:
    """Change what producers send meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        build = DefaultRecordBatchBuilder.build

        def built(self: object) -> bytearray:
            batch: bytearray = build(self)
            change(batch)
            return batch

        patch.setattr(DefaultRecordBatchBuilder, "build", built)
        yield


CHANGES = [with_wrong_checksum, with_garbage_for_gzip, with_garbage_for_zstd, with_malformed_records]


# Apache Kafka refuses such batches; there they come from a broken disk.
@pytest.mark.parametrize("change", CHANGES)
def test_a_batch_that_cannot_be_read_is_a_gap_and_holds_up_nobody(
    broker: str, change: Callable[[bytearray], None]
) -> None:
    topic = ensure_topic({"bootstrap_servers": broker}, f"broken-{uuid4()}").name
    send(broker, topic, {0: [event(0)]})
    with writing_batches(change):
        send(broker, topic, {0: [event(1), event(2)]})
    send(broker, topic, {0: [event(3)], 1: [event(4)]})
    with capture_logs() as lines, source_of(broker, topic) as source:
        records = read(source, 3)
        assert [(record.partition, record.offset) for record in records] == [(0, 0), (0, 3), (1, 0)]
        assert [(gap.partition, gap.expected, gap.start) for gap in source.take_gaps()] == [(0, 1, 3)]
        assert source.connected
    told = [(line["log_level"], line["partition"], line["offset"]) for line in lines]
    assert told == [("warning", 0, 1)]


def test_what_comes_before_the_malformed_record_of_a_batch_is_read(broker: str) -> None:
    def with_a_malformed_end(batch: bytearray) -> None:
        batch[-len(b"\x08test")] += 2
        with_right_checksum(batch)

    topic = ensure_topic({"bootstrap_servers": broker}, f"broken-{uuid4()}").name
    with writing_batches(with_a_malformed_end):
        send(broker, topic, {0: [event(0), event(1), event(2)]})
    with source_of(broker, topic) as source:
        assert [record.offset for record in read(source, 2)] == [0, 1]
        until(lambda: bool(source.poll(20)) or source.positions()[0] == 3)
        assert [(gap.expected, gap.start, gap.reason) for gap in source.take_gaps()] == [(2, 3, "a malformed record")]


def test_a_broken_batch_that_lies_about_its_end_loses_nothing_that_comes_later(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = ensure_topic({"bootstrap_servers": broker}, f"broken-{uuid4()}").name
    with writing_batches(with_wrong_checksum):
        send(broker, topic, {0: [event(0)]})
    monkeypatch.setattr(RecordBatch, "last_offset", 1_000_000, raising=False)
    with source_of(broker, topic) as source:
        until(lambda: bool(source.poll(20)) or source.positions().get(0) == 1)
        monkeypatch.undo()
        send(broker, topic, {0: [event(1)]})
        assert [record.offset for record in read(source, 1)] == [1]
        assert [(gap.expected, gap.start) for gap in source.take_gaps()] == [(0, 1)]


def test_a_slow_start_is_no_outage(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow_admin(settings: Mapping[str, object], timeout_s: float) -> KafkaAdminClient:
        time.sleep(0.3)
        return open_admin(settings, timeout_s)

    monkeypatch.setattr(fetch, "open_admin", slow_admin)
    monkeypatch.setattr(fetch, "_LOOK_S", 0.2)
    topic = ensure_topic({"bootstrap_servers": broker}, f"slow-{uuid4()}").name
    send(broker, topic, {0: [event(0)]})
    with capture_logs() as lines, source_of(broker, topic) as source:
        assert len(read(source, 1)) == 1
    assert lines == []


def test_waking_ends_a_poll_at_once(kafka: str, topic: str) -> None:
    took: list[float] = []
    with source_of(kafka, topic) as source:
        for _ in range(11):
            rung: list[float] = []
            bell = threading.Timer(0.03, lambda rung=rung: (rung.append(time.perf_counter()), source.wake()))
            bell.start()
            assert source.poll(5000) == []
            took.append(time.perf_counter() - rung[0])
            bell.join()
    # Long before the poll's own time is up; how soon is measured in `bench`.
    assert statistics.median(took) < 1


def test_a_live_record_arrives(kafka: str, topic: str) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka)
    with source_of(kafka, topic) as source:
        source.poll(200)
        arrived: set[bytes | None] = set()
        for number in range(11):
            sent = event(number)
            producer.send(topic, sent, partition=number % 4).get(5)
            # Not more than this is asked: a producer that tries again may have sent an earlier one twice.
            until(lambda sent=sent: sent in arrived or bool(arrived.update(one.value for one in source.poll(50))))
            assert sent in arrived
    producer.close()


def test_an_idle_source_costs_little(kafka: str, topic: str) -> None:
    with source_of(kafka, topic) as source:
        source.poll(300)
        used, began = time.process_time(), time.monotonic()
        until(lambda: bool(source.poll(500)), seconds=1)
        share = (time.process_time() - used) / (time.monotonic() - began)
    # 3 % of a core where it was measured; the bound is for slow and busy machines.
    assert share < 0.1


def test_the_group_shows_the_lag_to_other_tools(kafka: str, topic: str) -> None:
    send(kafka, topic, {0: [event(0), event(1)]})
    admin = KafkaAdminClient(bootstrap_servers=kafka)

    def committed() -> list[int]:
        try:
            offsets = admin.list_group_offsets(f"group-{topic}").values()
        except RetriableError:  # the group's first commit makes Kafka create its own topic
            return []
        return [found.offset for group in offsets for place, found in group.items() if place.partition == 0]

    with source_of(kafka, topic) as source:
        read(source, 2)
        until(lambda: bool(source.commit_for_lag_tools(source.positions()) or committed() == [2]))
    assert committed() == [2]
    admin.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_broker_that_is_gone_or_hangs_does_not_delay_the_end(number: signal.Signals) -> None:
    with DevelopmentBroker() as broker:
        servers = broker.bootstrap_servers
        ensure_topic({"bootstrap_servers": servers}, "session-events")
        send(servers, "session-events", {0: [event(0)]})
        source = KafkaSource({"bootstrap_servers": servers}, "session-events", "group")
        read(source, 1)
        source.commit_for_lag_tools(source.positions())
        assert broker.pid is not None
        os.kill(broker.pid, number)
        began = time.monotonic()
        source.close()
        assert time.monotonic() - began < 3.5


@pytest.mark.apache
def test_a_partition_added_later_is_read(apache: ApacheKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.fetch._IDENTITY_S", 0.1)
    servers = apache.bootstrap_servers
    topic = ensure_topic({"bootstrap_servers": servers}, f"grown-{uuid4()}", partitions=1).name
    admin = KafkaAdminClient(bootstrap_servers=servers)
    with source_of(servers, topic) as source:
        source.poll(100)
        admin.create_partitions({topic: 2})
        send(servers, topic, {1: [event(0)]})
        assert [record.partition for record in read(source, 1)] == [1]
    admin.close()


@pytest.mark.apache
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_sasl_and_tls_settings_are_passed_through(apache: ApacheKafka, mechanism: str) -> None:
    settings = apache.secure_settings(mechanism)
    topic = ensure_topic(settings, f"secure-{uuid4()}").name
    send(apache.bootstrap_servers, topic, {0: [event(0)]})
    with KafkaSource(settings, topic, "secure") as source:
        assert [record.value for record in read(source, 1)] == [event(0)]


@pytest.mark.apache
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"sasl_plain_password": "wrong"}, "(refuses the credentials|sasl_)"),
        ({"ssl_cafile": None}, "TLS failed"),
        ({"ssl_cafile": "missing.pem"}, "cannot be read"),
    ],
)
def test_a_refused_connection_is_said_in_one_line(apache: ApacheKafka, wrong: dict[str, object], words: str) -> None:
    settings = apache.secure_settings("PLAIN") | wrong
    with pytest.raises(SourceError, match=f"^Kafka at .*{words}.*$"):
        KafkaSource(settings, "session-events", "secure", connect_timeout_s=1)


def test_a_topic_that_does_not_exist_is_said_in_one_line(kafka: str) -> None:
    with pytest.raises(SourceError, match=r"^Kafka topic 'nowhere-\d' does not exist"):
        KafkaSource({"bootstrap_servers": kafka}, "nowhere-1", "group")


def test_no_broker_is_said_in_one_line() -> None:
    with pytest.raises(SourceError, match=r"^Kafka at 127\.0\.0\.1:1 does not answer"):
        KafkaSource({"bootstrap_servers": "127.0.0.1:1"}, "session-events", "group", connect_timeout_s=0.3)
