"""What a batch leads to for the next one outlives a process that ends in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from detectors.plan import Plan
from ingest import carried
from ingest.batch import Batch
from ingest.decode import Decoder
from ingest.dedup import Dedup
from ingest.enrich import Enricher
from ingest.inbox import Inbox
from ingest.metrics import Metrics
from ingest.pipeline import Pipeline, Stages
from ingest.record import Gap, Record
from ingest.recovery import recover
from schemas.event import Event
from schemas.instant import MINUTE
from schemas.signal import Signal
from store.database import Database
from store.rows import TriageRow
from store.writer import Writer
from tests.detectors.story import CURL, NEW_YORK, PLACES, START_US, default_apps, login, new_detection, use
from tests.ingest.test_replay import line

NOW_US = START_US + 2 * MINUTE
THEFT = (login("alice", at=0), use("alice", at=10, ip=NEW_YORK, agent=CURL))


class Lines:
    """A topic that holds what it was given, as one batch."""

    topic_uuid = "topic"
    stream_time_us = None

    def __init__(self, events: Iterable[Event]) -> None:
        self._waiting = [
            Record("events", 0, offset, None, line(event), (), START_US // 1000) for offset, event in enumerate(events)
        ]
        self._next = len(self._waiting)

    def poll(self, timeout_ms: int) -> list[Record]:
        taken, self._waiting = self._waiting, []
        return taken

    def positions(self) -> dict[int, int]:
        return {0: self._next}

    def take_gaps(self) -> list[Gap]:
        return []

    def lag(self) -> dict[int, int]:
        return {}

    def commit_for_lag_tools(self, positions: dict[int, int]) -> None:
        """Nobody watches."""


class Judging:
    """Somebody who says of every alert at once that it is a false alarm."""

    def observe(self, batch: Batch) -> None:
        """Nothing comes back."""

    def respond(self, batch: Batch) -> None:
        batch.triage = [
            TriageRow(change.alert.alert_id, change.alert.app, "resolved", "false_alarm", None, "", "ann", NOW_US)
            for change in batch.changes
        ]

    def after_commit(self, batch: Batch) -> None:
        """Nothing leaves."""

    def is_due(self, now_us: int) -> bool:
        return False


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[Database, Writer]]:
    with Database.open(tmp_path / "data" / "store.duckdb") as opened:
        yield opened, opened.writer()


def started(store: tuple[Database, Writer], *events: Event) -> Stages:
    database, writer = store
    apps, plan, reader = default_apps(), Plan(only=["session-hijack"]), database.reader()
    detection = new_detection(plan, apps)
    recover(detection, reader, detection.fingerprint(), NOW_US)
    return Stages(
        source=Lines(events),
        decoder=Decoder(apps),
        dedup=Dedup(reader.known),
        enricher=Enricher(PLACES, apps),
        detection=detection,
        responder=Judging(),
        days=reader,
        writer=writer,
        inbox=Inbox(lambda: None),
        metrics=Metrics(),
        clock=lambda: NOW_US,
        fingerprint=detection.fingerprint(),
        topic="events",
        retention_us=NOW_US,
        carried=carried.read(reader.fact(carried.FACT)),
    )


def risk(stages: Stages) -> float:
    return stages.detection.risks.at("user", "bank", "alice", START_US + MINUTE)


def test_what_a_person_said_in_the_last_batch_counts_after_a_restart(store: tuple[Database, Writer]) -> None:
    first = started(store, *THEFT)
    Pipeline(first).turn(0)
    assert risk(first) > 0
    again = started(store)
    Pipeline(again).turn(0)
    assert risk(again) == 0


def test_it_is_told_once(store: tuple[Database, Writer]) -> None:
    pipeline = Pipeline(started(store, *THEFT))
    pipeline.turn(0)
    pipeline.turn(0)
    assert started(store).carried == []


def test_what_another_version_has_written_is_passed_over() -> None:
    assert carried.read(None) == []
    assert carried.read('[{"kind": "unheard-of"}]') == []
    told = [Signal("v1", NOW_US, "verdict", "bank", payload={"alert_id": "a"})]
    assert carried.read(carried.write(told)) == told
