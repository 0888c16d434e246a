"""The thread that reads partitions from Kafka into the intake, through outages, gaps and new topics."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError

from ingest.connection import SourceError, in_one_line, open_admin, settings_for
from ingest.intake import Chunk, Intake
from ingest.record import Gap, Record, peek_time_us
from ingest.record_batch import Unreadable, install
from ingest.topics import TopicIdentity, create_topic, describe_topic

log = structlog.get_logger(__name__)

# How long the broker holds back an empty answer. Apache Kafka answers at once when something comes, the
# development broker after half of this; each answer costs 1.3 ms of CPU (measured), so 2.7 % of a core.
_FETCH_WAIT_MS = 50
# A poll that waits cannot see that a full partition has room again; where none is full it may wait longer.
_POLL_MS = 50
_IDLE_POLL_MS = 200
# A poll takes all that a fetch brought (1 MiB a partition): kafka-python 3.0.12 never gives out the rest of a
# partition that is paused half-way through its fetch, not even after it is resumed.
_WHOLE_FETCH = 1_000_000_000
_LOOK_S = 1.0
# How long a topic that was made anew, or has more partitions, may stay unseen; a look costs about 1 ms.
_IDENTITY_S = 5.0
_RETRY_S = 0.5
_CLOSE_S = 1.0

# What the source needs to be so, whatever the settings say: it seeks and keeps positions itself.
_FIXED = {
    "group_id": None,
    "enable_auto_commit": False,
    "auto_offset_reset": "none",
    "key_deserializer": None,
    "value_deserializer": None,
    "allow_auto_create_topics": False,
}


class FetchLoop:
    """Reads every partition of a topic from given positions on.

    Args:
        settings: kafka-python's own names and values.
        topic: its name; it has to exist.
        positions: partition → next offset; a partition without one is read from its earliest.
        stored_uuid: identity of the topic that the positions belong to; None = not known, not compared.
        intake: where the records go.
        timeout_s: how long to wait for the first connection, in seconds.

    Raises:
        SourceError: no connection, no right, no such topic.
    """

    def __init__(
        self,
        settings: Mapping[str, object],
        topic: str,
        positions: Mapping[int, int],
        stored_uuid: str | None,
        intake: Intake,
        timeout_s: float,
    ) -> None:
        self._topic = topic
        self._intake = intake
        self._next: dict[int, int] = dict(positions)
        self._restart: dict[int, str] = {}
        self._paused: set[int] = set()
        self._closing = threading.Event()
        self._connected = True
        self._settled = False
        self._admin = open_admin(settings, timeout_s)
        try:
            with in_one_line(settings):
                found = describe_topic(self._admin, topic)
                if found is None:
                    raise SourceError(f"Kafka topic {topic!r} does not exist: create it")
                self.identity: TopicIdentity = found
                self._consumer = _open_consumer(settings, timeout_s)
                self._assign(found, another=stored_uuid is not None and stored_uuid != found.uuid)
        except BaseException:
            self._admin.close()
            raise
        # Only now: the consumer connects when it polls first, and to get here may have taken longer than a look waits.
        self._look_at = time.monotonic() + _LOOK_S
        self._identity_at = time.monotonic() + _IDENTITY_S
        self._thread = threading.Thread(target=self._run, name="kafka-fetch", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether a broker is connected and lets us read."""
        return self._connected

    def close(self) -> None:
        """Stop reading and disconnect."""
        self._closing.set()
        # A broker that hangs may keep the thread in a request; the process has to end all the same.
        self._thread.join(_CLOSE_S)
        self._consumer.close(timeout_ms=_CLOSE_S * 1000)
        self._admin.close()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                try:
                    self._turn()
                except OffsetOutOfRangeError as error:
                    self._restart |= {tp.partition: "offset out of range" for tp in error.args[0]}
                except LogTruncationError as error:
                    self._restart |= {tp.partition: "the log was cut" for tp in error.divergent_offsets}
                except (KafkaError, SourceError) as error:
                    self._say_connected(False, " ".join(str(error).split())[:200])
                    self._look_at = time.monotonic() + _LOOK_S
                    self._closing.wait(_RETRY_S)
        # The border of a thread: whatever it was has to end the loop that waits for records.
        except Exception as failure:
            if not self._closing.is_set():
                log.exception("kafka-fetch-ended")
                words = f"{type(failure).__name__}: {failure}"
                self._intake.fail(SourceError(f"reading from Kafka has ended unexpectedly ({words})"))

    def _turn(self) -> None:
        """Fetch once, after what has to be looked after has been."""
        self._look()
        if self._restart:
            self._start_at_earliest()
        self._hold_back()
        if len(self._paused) == len(self._next):
            self._intake.wait_for_room(_POLL_MS / 1000)
            return
        timeout_ms = _POLL_MS if self._paused or not self._settled else _IDLE_POLL_MS
        fetched = self._consumer.poll(timeout_ms=timeout_ms, max_records=_WHOLE_FETCH)
        now_us = time.time_ns() // 1000
        chunks = [
            self._chunk(partition, fetched.get(TopicPartition(self._topic, partition), ()), now_us)
            for partition in self._next
        ]
        self._intake.put(chunks)
        self._settled = all(chunk.at_end for chunk in chunks)

    def _chunk(self, partition: int, found: Sequence[Any], now_us: int) -> Chunk:
        items: list[tuple[int | None, Record | Gap]] = []
        place = TopicPartition(self._topic, partition)
        highwater = self._consumer.highwater(place)
        for raw in found:
            if isinstance(raw.checksum, Unreadable):
                self._step_over(place, raw.offset + 1, raw.checksum.reason, items)
                continue
            record = _record(raw)
            time_us = peek_time_us(record)
            items.append((time_us if time_us is None else min(time_us, now_us), record))
            self._next[partition] = record.offset + 1
        for gap in (item for _, item in items if isinstance(item, Gap)):
            log.warning(
                "kafka-unreadable",
                topic=self._topic,
                partition=partition,
                offset=gap.expected,
                offsets_skipped=gap.start - gap.expected,
                reason=gap.reason,
            )
        if highwater is None:
            return Chunk(partition, items, at_end=False, highwater=None)
        if self._next[partition] < highwater and not items and partition not in self._paused:
            # Markers of transactions take offsets, too, but are no records.
            position = self._consumer.position(place, timeout_ms=1000)
            self._next[partition] = max(self._next[partition], position or 0)
        if self._next[partition] > highwater:
            # Apache Kafka says so itself; the development broker answers "nothing new" for ever.
            self._restart[partition] = "offset beyond the end"
        return Chunk(partition, items, at_end=self._next[partition] >= highwater, highwater=highwater)

    def _step_over(
        self, place: TopicPartition, start: int, reason: str, items: list[tuple[int | None, Record | Gap]]
    ) -> None:
        """Note a gap in place of what cannot be read; batches of that kind in a row are one gap."""
        expected = self._next[place.partition]
        highwater = self._consumer.highwater(place)
        if highwater is not None and start > highwater:
            # A broken batch may lie about where it ends.
            start = highwater
            self._consumer.seek(place, start)
        if start <= expected:
            return
        if items and isinstance(before := items[-1][1], Gap):
            expected, reason = before.expected, before.reason
            items.pop()
        items.append((None, Gap(place.partition, expected, start, reason, self.identity.uuid)))
        self._next[place.partition] = start

    def _hold_back(self) -> None:
        full = self._intake.full() & self._next.keys()
        for partition in full - self._paused:
            self._consumer.pause(TopicPartition(self._topic, partition))
        for partition in self._paused - full:
            self._consumer.resume(TopicPartition(self._topic, partition))
        self._paused = full

    def _look(self) -> None:
        """See now and then whether the broker is there, and whether the topic is still the same."""
        now = time.monotonic()
        if now >= self._look_at and len(self._paused) < len(self._next):
            self._look_at = now + _LOOK_S
            connections = self._consumer.metrics()["consumer-metrics"]["connection-count"]
            if self._say_connected(connections > 0, "no connection"):
                self._identity_at = now
        if now >= self._identity_at and self._connected:
            self._identify()

    def _identify(self) -> None:
        self._identity_at = time.monotonic() + _IDENTITY_S
        found = describe_topic(self._admin, self._topic)
        if found is None:
            log.warning("kafka-topic-missing", topic=self._topic, now="creating it anew")
            found = create_topic(self._admin, self._topic, self.identity.partitions)
        if found != self.identity:
            self._assign(found, another=found.uuid != self.identity.uuid)

    def _say_connected(self, connected: bool, reason: str) -> bool:
        """Log the beginning and the end of an outage; return whether one has just ended."""
        if connected == self._connected:
            return False
        self._connected = connected
        if connected:
            log.info("kafka-connected-again", topic=self._topic)
        else:
            log.error("kafka-unreachable", topic=self._topic, reason=reason, now="trying on until it answers")
        return connected

    def _assign(self, identity: TopicIdentity, *, another: bool) -> None:
        """Take over the topic's partitions as they are now."""
        places = [TopicPartition(self._topic, number) for number in range(identity.partitions)]
        earliest = self._earliest(places)
        self.identity = identity
        known = set(self._consumer.assignment())
        self._consumer.assign(places)
        for place in places:
            expected = self._next.get(place.partition)
            if expected is None:
                self._next[place.partition] = earliest[place]
                self._consumer.seek(place, earliest[place])
            elif another:
                self._restart[place.partition] = "the topic was made anew"
            elif expected < earliest[place]:
                self._restart[place.partition] = "older records are gone"
            elif place not in known:
                self._consumer.seek(place, expected)
        for gone in [number for number in self._next if number >= identity.partitions]:
            del self._next[gone]
            self._intake.put([Chunk(gone, (), at_end=True, highwater=None)])

    def _earliest(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        # Asked of the admin client: the consumer does not know a partition that has just been added.
        found = self._admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
        return {place: found[place].offset for place in places}

    def _start_at_earliest(self) -> None:
        """Begin again where the positions do not fit the topic, and let the reader know."""
        # If it is another topic by now, then all its partitions begin again, and that is the reason.
        self._identify()
        places = [TopicPartition(self._topic, number) for number in self._restart]
        earliest = self._earliest(places)
        gaps = [
            Gap(
                place.partition,
                self._next[place.partition],
                earliest[place],
                self._restart[place.partition],
                self.identity.uuid,
            )
            for place in places
        ]
        for gap, place in zip(gaps, places, strict=True):
            self._consumer.seek(place, gap.start)
            self._next[gap.partition] = gap.start
        self._restart.clear()
        log.warning(
            "kafka-gap",
            topic=self._topic,
            reason=gaps[0].reason,
            partitions={gap.partition: f"{gap.expected} -> {gap.start}" for gap in gaps},
        )
        self._intake.put([Chunk(gap.partition, [(None, gap)], at_end=False, highwater=None) for gap in gaps])


def _open_consumer(settings: Mapping[str, object], timeout_s: float) -> KafkaConsumer:
    defaults = {
        "bootstrap_timeout_ms": int(timeout_s * 1000),
        "fetch_max_wait_ms": _FETCH_WAIT_MS,
        "metadata_max_age_ms": 60_000,
        "reconnect_backoff_max_ms": 1000,
    }
    install()
    return KafkaConsumer(**defaults | settings_for(KafkaConsumer, settings) | _FIXED)


def _record(raw: Any) -> Record:
    topic, partition, _, offset, timestamp_ms, _, key, value, headers, *_ = raw
    return Record(topic, partition, offset, key, value, tuple(headers), timestamp_ms)
