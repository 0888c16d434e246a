"""The rig of the emitter's tests: emitters for a real broker, and a reader of what arrived there."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from sessionwatch_emitter import RevocationList, SessionEmitter

from ingest.broker import DevelopmentBroker

SECRET = "a secret of the tests, long enough to be one"


@dataclass(frozen=True)
class Arrived:
    """A record as it came out of Kafka."""

    key: bytes | None
    value: bytes
    headers: dict[str, bytes]

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.value)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], bool], complaint: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.01)


def read(address: str, topic: str, number: int, *, heartbeats: bool = False) -> list[Arrived]:
    """Return the records of a topic once there are `number` of them, heartbeats left out unless asked for."""
    consumer = KafkaConsumer(bootstrap_servers=address, enable_auto_commit=False, fetch_max_wait_ms=10)
    arrived: list[Arrived] = []
    try:
        wait_until(lambda: bool(consumer.partitions_for_topic(topic)), "the topic is not there")
        partitions = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        deadline = time.monotonic() + 10
        while len(arrived) < number and time.monotonic() < deadline:
            for records in consumer.poll(100).values():
                found = [Arrived(record.key, record.value, dict(record.headers)) for record in records]
                arrived += [record for record in found if heartbeats or record.event["type"] != "heartbeat"]
    finally:
        consumer.close()
    assert len(arrived) >= number, f"only {len(arrived)} of {number} events arrived: {arrived}"
    return arrived


@pytest.fixture
def start_broker() -> Iterator[Callable[..., DevelopmentBroker]]:
    """Starts development brokers of a test's own, which it may stop and start again on the same port."""
    started: list[DevelopmentBroker] = []

    def start(port: int = 0) -> DevelopmentBroker:
        started.append(DevelopmentBroker(port))
        started[-1].start()
        return started[-1]

    yield start
    for broker in started:
        broker.stop()


@pytest.fixture
def make_emitter(broker: str) -> Iterator[Callable[..., SessionEmitter]]:
    """Makes emitters for the development broker, each with a topic of its own, and closes them."""
    made: list[SessionEmitter] = []

    def make(app: str = "bank", **settings: Any) -> SessionEmitter:
        settings = {
            "secret": SECRET,
            "bootstrap_servers": broker,
            "topic": f"events-{uuid.uuid4()}",
            **settings,
        }
        made.append(SessionEmitter(app, **settings))
        return made[-1]

    yield make
    for emitter in made:
        emitter.close(timeout=1)


@pytest.fixture
def sent(broker: str) -> Callable[..., list[dict[str, Any]]]:
    """Flushes an emitter and returns the events of its topic, once there are so many, ordered by time."""

    def events(emitter: SessionEmitter, number: int, **options: Any) -> list[dict[str, Any]]:
        emitter.flush()
        records = read(broker, emitter._settings.topic, number, **options)
        return sorted((record.event for record in records), key=lambda event: event["event_time"])

    return events


@pytest.fixture
def arrived(broker: str) -> Callable[[SessionEmitter, int], list[Arrived]]:
    """Flushes an emitter and returns the records of its topic, once there are so many."""

    def records(emitter: SessionEmitter, number: int) -> list[Arrived]:
        emitter.flush()
        return read(broker, emitter._settings.topic, number)

    return records


@pytest.fixture
def revocations(tmp_path: Any) -> Iterator[RevocationList]:
    made = RevocationList(tmp_path / "revocations.sqlite")
    yield made
    made.close()
