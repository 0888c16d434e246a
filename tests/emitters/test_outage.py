"""A broker that is away. kafka-python leaves the sockets of failed attempts to the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sessionwatch_emitter import SessionEmitter

from .conftest import SECRET, free_port, read, wait_until

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def emitter_of() -> Iterator[Callable[..., SessionEmitter]]:
    """Makes an emitter for a broker at an address, and closes it."""
    made: list[SessionEmitter] = []

    def make(address: str, **settings: Any) -> SessionEmitter:
        made.append(SessionEmitter("bank", secret=SECRET, bootstrap_servers=address, topic="outage", **settings))
        return made[-1]

    yield make
    for emitter in made:
        emitter.close(timeout=0)
    gc.collect()


def test_events_told_before_the_broker_is_there_arrive_once_it_is(start_broker, emitter_of) -> None:
    port = free_port()
    emitter = emitter_of(f"127.0.0.1:{port}")
    emitter.created("raw", user="alice")
    start_broker(port)
    wait_until(lambda: emitter.counters["sent"] >= 1, "nothing arrived")


def test_events_told_while_the_broker_is_away_arrive_when_it_is_back(start_broker, emitter_of) -> None:
    broker = start_broker()
    emitter = emitter_of(broker.bootstrap_servers)
    emitter.created("before", user="alice")
    assert emitter.flush()
    broker.stop()
    for number in range(20):
        emitter.created(f"during-{number}", user="alice", attributes={"n": number})
    assert not emitter.flush(0.3)
    start_broker(broker.port)
    assert emitter.flush(20), f"lost: {emitter.counters}"
    told = {record.event["attributes"]["n"] for record in read(broker.bootstrap_servers, "outage", 20)}
    assert told == set(range(20))


def test_what_gives_way_in_an_outage_is_told_by_the_next_heartbeat(start_broker, emitter_of) -> None:
    port = free_port()
    emitter = emitter_of(f"127.0.0.1:{port}", queue_size=10, sample_interval=0)
    for number in range(15):
        emitter.validated("raw", user="alice", attributes={"n": number})
    broker = start_broker(port)
    assert emitter.flush(20)
    emitter.beat()
    assert emitter.flush(20)
    events = [record.event for record in read(broker.bootstrap_servers, "outage", 10, heartbeats=True)]
    dropped = max(event["attributes"].get("dropped_validate", 0) for event in events if event["type"] == "heartbeat")
    assert dropped == emitter.counters["dropped_validate"] >= 5


def test_what_was_swallowed_goes_into_the_bounded_queue_meanwhile(emitter_of) -> None:
    emitter = emitter_of(f"127.0.0.1:{free_port()}", queue_size=5, sample_interval=0.01, heartbeat_interval=1000)
    for session in range(10):
        for _ in range(2):
            emitter.validated(f"raw-{session}", user="alice")
    # Of ten first uses, ten swallowed ones and a heartbeat, five find a place.
    wait_until(lambda: emitter.counters["dropped_validate"] == 16, f"{emitter.counters}")
