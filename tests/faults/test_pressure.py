"""A long queue in Kafka: it is worked off in bounded memory."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.topics import ensure_topic
from schemas.instant import SECOND, to_rfc3339
from sessionwatch.assembly import now_us
from tests.faults.rig import Run, new_run
from tests.faults.stream import HOME, PARTITIONS, Line, partition_of, send

pytestmark = pytest.mark.slow

WAITING = 200_000
USERS = 2_000
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 " + "x" * 400
MIB = 1024 * 1024

STANDING_BYTES = 400 * MIB
"""Measured 290 MiB, of which 217 are there before the first record: the intake holds at most 64 MiB of records."""

WORKING_BYTES = 800 * MIB
"""Measured 520 MiB: besides that, three minutes of each user's and session's events, and what DuckDB holds (2 GB at
most, by its own limit)."""


def waiting(number: int) -> Iterator[Line]:
    """That many uses of sessions, within the last ten minutes."""
    start_us = now_us() - 600 * SECOND
    for count in range(number):
        user = f"user{count % USERS}"
        event = {
            "schema_version": 1,
            "event_id": str(uuid.UUID(int=(7 << 76) + (2 << 62) + count)),
            "event_time": to_rfc3339(start_us + count * 590 * SECOND // number),
            "type": "validate",
            "reason": "request",
            "app": "bank",
            "session_id": f"s_k1_{user}",
            "user_id": user,
            "ip": HOME,
            "user_agent": AGENT,
        }
        yield Line(0.0, partition_of(user), json.dumps(event).encode())


@pytest.fixture(scope="module")
def topic(broker: str) -> str:
    """A topic in which the events wait."""
    name = f"events-{uuid.uuid4()}"
    ensure_topic({"bootstrap_servers": broker}, name, PARTITIONS)
    send(broker, name, list(waiting(WAITING)))
    return name


@pytest.fixture
def run(tmp_path: Path, broker: str, topic: str) -> Iterator[Run]:
    """A pipeline with batches as they are by default."""
    with new_run(tmp_path / "run", broker, topic, WAITING, batch=5_000, snapshot_every=200_000) as made:
        yield made


def test_what_waits_in_kafka_stays_there_while_the_pipeline_stands_still(run: Run) -> None:
    run.live("before decode@1~6")
    (result,) = run.results
    assert result["stalled_rss_bytes"] < STANDING_BYTES


def test_a_long_queue_is_worked_off_in_bounded_memory(run: Run) -> None:
    assert run.live(within_s=150) == 0
    (result,) = run.results
    assert run.rows("SELECT count(*) FROM events") == [(WAITING,)]
    assert result["peak_rss_bytes"] < WORKING_BYTES
