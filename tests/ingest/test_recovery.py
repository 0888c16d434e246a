"""A start: what was stored is judged again, and tells nobody twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from detectors.plan import Plan, RuleSetting
from ingest.recovery import Recovered, recover
from schemas.alert import AlertChange
from schemas.event import Event
from schemas.instant import DAY, MINUTE
from schemas.signal import Signal
from store.database import Database
from store.rows import SnapshotRow
from store.writer import Writer
from tests.detectors.story import CURL, NEW_YORK, START_US, default_apps, login, new_detection, use

THEFT = (login("alice", at=0), use("alice", at=10, ip=NEW_YORK, agent=CURL))
NOW_US = START_US + DAY


@dataclass
class Store:
    """What outlives an engine."""

    database: Database
    writer: Writer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Database.open(tmp_path / "data" / "store.duckdb") as opened:
        yield Store(opened, opened.writer())


class Run:
    """The engine and the store in step, as the batch loop keeps them."""

    def __init__(self, store: Store, settings: dict[str, RuleSetting] | None = None) -> None:
        self.plan = Plan(settings, only=["session-hijack"])
        self.detection = new_detection(self.plan, default_apps())
        self.writer, self.reader = store.writer, store.database.reader()
        self.fingerprint = self.detection.fingerprint()

    def recover(self, now_us: int = NOW_US) -> Recovered:
        return recover(self.detection, self.reader, self.fingerprint, now_us)

    def take(self, *events: Event, with_snapshot: bool = False) -> list[AlertChange]:
        changes = self.detection.process(events).changes
        with self.writer.transaction():
            self.writer.append_events(events)
            self.writer.save_alerts([change.alert for change in changes], NOW_US)
            if with_snapshot:
                rows = self.detection.take_rows()
                self.writer.append_snapshot(self.writer.last_seq, NOW_US, self.fingerprint, rows)
        return changes


def kinds(changes: list[AlertChange]) -> list[str]:
    return [change.kind for change in changes]


@pytest.mark.parametrize("with_snapshot", [True, False])
def test_after_a_restart_a_further_hit_updates_the_alert(store: Store, with_snapshot: bool) -> None:
    Run(store).take(*THEFT, with_snapshot=with_snapshot)
    again = Run(store)
    assert again.recover().differences == 0
    assert kinds(again.take(use("alice", at=20, ip=NEW_YORK, agent=CURL))) == ["updated"]


def test_rebuilt_state_remembers_the_risk_of_the_days_before(store: Store) -> None:
    Run(store).take(*THEFT, with_snapshot=True)
    again = Run(store, {"session-hijack": RuleSetting(mode="enforce")})
    again.recover(now_us=START_US + 4 * DAY)
    assert again.detection.risks.at("user", "bank", "alice", START_US + DAY) == pytest.approx(42.5, abs=0.1)


def test_killed_before_the_first_snapshot_old_events_are_not_forgotten(store: Store) -> None:
    """A backlog of a week was read, and the process killed before its first snapshot."""
    Run(store).take(THEFT[0])
    again = Run(store)
    assert again.recover(now_us=START_US + 7 * DAY).rerun == 1
    assert kinds(again.take(THEFT[1])) == ["raised"]


def test_a_withdrawn_alert_is_stored_as_one_and_agrees_with_the_re_run(store: Store) -> None:
    first = Run(store)
    (raised,) = first.take(*THEFT)
    assert kinds(first.take(login("alice", at=9, ip=NEW_YORK, agent=CURL))) == ["withdrawn"]
    stored = store.database.reader().alert(raised.alert.alert_id)
    assert stored is not None
    assert stored.status == "withdrawn"
    assert Run(store).recover().differences == 0


def test_a_rule_switched_on_during_a_theft_reports_it_at_the_next_hit(store: Store) -> None:
    Run(store, {"session-hijack": RuleSetting(mode="off")}).take(*THEFT, with_snapshot=True)
    on = Run(store)
    on.recover()
    assert kinds(on.take(use("alice", at=20, ip=NEW_YORK, agent=CURL))) == ["raised"]


def test_a_changed_configuration_does_not_tell_what_was_told(store: Store) -> None:
    Run(store).take(*THEFT, with_snapshot=True)
    other = Run(store, {"user-multi-ip": RuleSetting(), "session-hijack": RuleSetting(severity=None)})
    other.fingerprint = "another"
    other.recover()
    assert kinds(other.take(use("alice", at=20, ip=NEW_YORK, agent=CURL))) == ["updated"]


def test_state_of_another_version_is_rebuilt_from_the_events(store: Store) -> None:
    first = Run(store)
    first.take(*THEFT)
    with store.writer.transaction():
        odd = [SnapshotRow("session", "bank s_alice", b"\xc1 no msgpack")]
        store.writer.append_snapshot(store.writer.last_seq, NOW_US, first.fingerprint, odd)
    again = Run(store)
    assert again.recover().keys == 0
    assert kinds(again.take(use("alice", at=20, ip=NEW_YORK, agent=CURL))) == ["updated"]


def test_what_a_person_said_since_the_snapshot_still_counts(store: Store) -> None:
    first = Run(store)
    (raised,) = first.take(*THEFT)
    said: dict[str, str | int] = {"alert_id": raised.alert.alert_id, "verdict": "false_alarm"}
    with store.writer.transaction():
        store.writer.append_signals([Signal("v1", NOW_US, "verdict", "bank", payload=said)])
    again = Run(store)
    again.recover()
    assert again.detection.risks.at("user", "bank", "alice", START_US + MINUTE) == 0


def test_state_that_is_rebuilt_is_not_all_held_in_use(store: Store) -> None:
    Run(store).take(login("alice", at=0), login("bob", at=3_600), with_snapshot=True)
    again = Run(store)
    again.fingerprint = "another"
    again.recover()
    assert [key for key, _ in again.detection.engine.asleep()] == ["bank s_alice"]
