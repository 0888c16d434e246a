"""Baselines through the store: written when a day is over, read when its user comes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from detectors.engine import Engine
from detectors.findings.stage import Detection
from detectors.plan import Plan
from detectors.remembered import inform
from ingest import replay as replaying
from ingest.recovery import recover
from schemas.event import Event
from schemas.instant import DAY, MINUTE, SECOND
from store.database import Database
from store.rows import UserDay
from store.writer import Writer
from tests.detectors.story import CURL, NEW_YORK, PLACES, START_US, days_of, default_apps, login, use
from tests.ingest.test_replay import line

RULES = ["new-country", "dormant-account"]
DAY_S = DAY // SECOND
TODAY = START_US // DAY


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
    """The detect stage and the store in step, as the batch loop keeps them."""

    def __init__(self, store: Store) -> None:
        plan = Plan(only=RULES)
        self.detection = Detection(Engine(plan, default_apps()), plan, default_apps())
        self.writer, self.reader = store.writer, store.database.reader()
        self.fingerprint = plan.fingerprint(default_apps())
        self.recovered = recover(self.detection, self.reader, self.fingerprint, START_US)

    def take(self, *events: Event, with_snapshot: bool = False) -> list[tuple[str, str | None]]:
        """Judge a batch and commit it; return rule and session of what it raised."""
        inform(self.detection.engine, events, self.reader)
        changes = self.detection.process(events).changes
        with self.writer.transaction():
            self.writer.append_events(events)
            self.writer.save_alerts([change.alert for change in changes], START_US)
            self._save_days()
            if with_snapshot:
                rows = self.detection.take_rows()
                self.writer.append_snapshot(self.writer.last_seq, START_US, self.fingerprint, rows)
        return [(change.alert.rule_id, change.alert.session_id) for change in changes if change.kind == "raised"]

    def sweep(self, stream_us: int) -> int:
        """Drop who was silent for a day; return how many users are left."""
        self.detection.expire(stream_us)
        with self.writer.transaction():
            self._save_days()
        return self.detection.sizes()["user"]

    def days(self) -> list[UserDay]:
        """Return the stored days of Alice."""
        return self.reader.user_days({("bank", "alice"): TODAY + 50})

    def _save_days(self) -> None:
        self.writer.save_user_days(self.detection.engine.take_days())


def history(run: Run, days: int) -> None:
    """Live through days of Alice, each a batch, with a sweep at its end."""
    for ago in range(days, 0, -1):
        events = days_of("alice", 1, until=ago - 1)
        run.take(*events)
        run.sweep(events[-1].time_us + 5 * MINUTE)


def test_a_day_is_stored_once_it_is_over(store: Store) -> None:
    run = Run(store)
    history(run, 3)
    # The last is still open: nobody knows that nothing more will come.
    assert len(run.days()) == 2
    run.sweep(START_US + 2 * DAY)
    assert len(run.days()) == 3


def test_another_process_judges_by_what_was_stored(store: Store) -> None:
    first = Run(store)
    history(first, 5)
    first.take(with_snapshot=True)
    again = Run(store)
    assert again.recovered.rerun == 0
    assert again.take(login("alice", at=0, session="s1", ip=NEW_YORK)) == [("new-country", "s_s1")]


def test_a_user_dropped_from_memory_is_looked_up(store: Store) -> None:
    run = Run(store)
    history(run, 5)
    assert run.sweep(START_US + 3 * DAY) == 0
    later = 4 * DAY_S
    assert run.take(login("alice", at=later, session="s1")) == []
    assert run.take(login("alice", at=later + 60, session="s2", ip=NEW_YORK)) == [("new-country", "s_s2")]


def test_an_account_dropped_long_ago_is_known_to_have_slept(store: Store) -> None:
    run = Run(store)
    history(run, 1)
    run.sweep(START_US + 2 * DAY)
    assert run.take(login("alice", at=120 * DAY_S)) == [("dormant-account", "s_alice")]


@pytest.mark.parametrize("with_snapshot", [True, False])
def test_rows_written_meanwhile_do_not_matter_to_a_re_run(store: Store, with_snapshot: bool) -> None:
    """The killed process had judged tomorrow already, and stored today: the re-run must not know today by it."""
    run = Run(store)
    history(run, 5)
    run.take(login("alice", at=-600, session="s0"), with_snapshot=with_snapshot)
    assert run.take(login("alice", at=0, session="s1", ip=NEW_YORK)) == [("new-country", "s_s1")]
    run.take(login("alice", at=DAY_S, session="s2", ip=NEW_YORK))
    run.take(login("alice", at=DAY_S + 3600, session="s3", ip=NEW_YORK))
    assert max(day.day for day in run.days()) == TODAY
    again = Run(store)
    assert again.recovered.differences == 0
    assert again.recovered.rerun > 0
    assert again.take(login("alice", at=DAY_S + 7200, session="s4", ip=NEW_YORK)) == []


def test_an_alert_of_the_last_minutes_is_not_told_again_after_a_restart(store: Store) -> None:
    """What settles the tail is judged again at the start, and must know the user's days by then."""
    run = Run(store)
    history(run, 5)
    run.sweep(START_US + 3 * DAY)
    back = login("alice", at=4 * DAY_S, session="s1", ip=NEW_YORK)
    assert run.take(back, with_snapshot=True) == [("new-country", "s_s1")]
    assert Run(store).take(use("alice", at=4 * DAY_S + 60, session="s1", ip=NEW_YORK)) == []


def test_a_rebuild_from_half_a_day_does_not_replace_the_whole_one(store: Store) -> None:
    run = Run(store)
    history(run, 2)
    run.sweep(START_US + 2 * DAY)
    before = run.days()
    with store.writer.transaction():
        half = [UserDay(*("bank", "alice"), day.day, day.version, day.successes - 1, b"\x90") for day in before]
        store.writer.save_user_days(half)
    assert run.days() == before


@pytest.mark.parametrize("chunk", [3, 5_000])
def test_a_replay_of_a_month_judges_by_its_own_days(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(replaying, "CHUNK", chunk)
    month = [*days_of("alice", 30), login("alice", at=0, session="s1", ip=NEW_YORK)]
    replayed = replaying.replay(map(line, month), Plan(only=RULES), default_apps(), PLACES)
    assert [(alert.rule_id, alert.session_id) for alert in replayed.alerts] == [("new-country", "s_s1")]


@pytest.mark.parametrize("chunk", [1, 5_000])
def test_what_a_stolen_session_showed_in_a_replay_does_not_become_ordinary(
    monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(replaying, "CHUNK", chunk)
    stolen = use("alice", at=60, session="s0", ip=NEW_YORK, agent=CURL)
    month = [*days_of("alice", 30), login("alice", at=0, session="s0"), stolen]
    tomorrow = login("alice", at=DAY_S, session="s1", ip=NEW_YORK)
    plan = Plan(only=["new-country", "session-hijack"])
    replayed = replaying.replay(map(line, [*month, tomorrow]), plan, default_apps(), PLACES)
    assert [(alert.rule_id, alert.session_id) for alert in replayed.alerts if alert.key_kind == "user"] == [
        ("new-country", "s_s0"),
        ("new-country", "s_s1"),
    ]
