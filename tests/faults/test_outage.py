"""The broker goes away and comes back: the pipeline waits, says so once, and goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.broker import DevelopmentBroker
from ingest.topics import ensure_topic
from tests.faults.command import running
from tests.faults.rig import EVENTS, Run, new_run
from tests.faults.stream import PARTITIONS, Line, lines, send

TOPIC = "session-events"
FROZEN_S = 3.0


@pytest.fixture
def own_broker() -> Iterator[DevelopmentBroker]:
    """A broker that a test may stop and start again."""
    broker = DevelopmentBroker()
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def run(tmp_path: Path, own_broker: DevelopmentBroker) -> Iterator[Run]:
    """A pipeline on that broker."""
    servers = own_broker.bootstrap_servers
    ensure_topic({"bootstrap_servers": servers}, TOPIC, PARTITIONS)
    with new_run(tmp_path / "run", servers, TOPIC, 0, batch=500) as made:
        yield made


def good(records: list[Line]) -> list[Line]:
    """Those records that are events, one an id."""
    return [line for line in records if b'"user_id": "user' in line.value and b"raw cookie" not in line.value]


def test_a_broker_that_lost_everything_is_one_gap_and_reading_goes_on(run: Run, own_broker: DevelopmentBroker) -> None:
    records = good(lines())
    before, after = records[:400], records[400:]
    with running(run.folder / "sessionwatch.toml") as command:
        send(run.servers, TOPIC, before)
        command.until(lambda: command.metric("sessionwatch_events_total") == len(before))
        port = own_broker.port
        own_broker.stop()
        command.until(lambda: not command.is_ready())
        again = DevelopmentBroker(port)
        again.start()
        try:
            ensure_topic({"bootstrap_servers": run.servers}, TOPIC, PARTITIONS)
            send(run.servers, TOPIC, after)
            command.until(lambda: command.metric("sessionwatch_events_total") == len(records), 30)
            assert command.is_ready()
            assert command.metric("sessionwatch_gaps_total") == PARTITIONS
            (warning,) = command.said("kafka-gap")
            assert warning["reason"] == "the topic was made anew"
            assert len(command.said("kafka-unreachable")) == len(command.said("kafka-connected-again")) == 1
        finally:
            again.stop()
    assert len(run.rows(EVENTS)) == len(records)


@pytest.mark.slow
def test_a_broker_that_is_frozen_for_a_while_is_no_gap(run: Run, own_broker: DevelopmentBroker) -> None:
    records = good(lines())
    before, after = records[:400], records[400:]
    assert own_broker.pid is not None
    with running(run.folder / "sessionwatch.toml") as command:
        send(run.servers, TOPIC, before)
        command.until(lambda: command.metric("sessionwatch_events_total") == len(before))
        os.kill(own_broker.pid, signal.SIGSTOP)
        time.sleep(FROZEN_S)
        os.kill(own_broker.pid, signal.SIGCONT)
        send(run.servers, TOPIC, after)
        command.until(lambda: command.metric("sessionwatch_events_total") == len(records), 30)
        assert command.metric("sessionwatch_gaps_total") == 0
        assert command.said("kafka-gap") == []
