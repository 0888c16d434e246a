"""What is older than the retention goes, but nothing that the next start needs."""

from __future__ import annotations

from pathlib import Path

from schemas.instant import DAY
from schemas.signal import Signal
from store.database import Database
from store.reader import Reader
from store.retention import REVOCATION_LIFE_US
from store.rows import AuditLine, DeadLetter
from store.writer import Writer
from tests.store.audit_lines import audit_lines
from tests.store.samples import NOON, alert, event, message, revocation

OLD = NOON - DAY


def snapshot(writer: Writer) -> None:
    """Take a snapshot of everything up to now."""
    with writer.transaction():
        writer.append_snapshot(writer.last_seq, NOON, "rules", [])


def test_old_rows_go_and_new_ones_stay(writer: Writer, reader: Reader) -> None:
    kept = event(NOON)
    with writer.transaction():
        writer.append_signals([Signal("1", OLD, "tick")])
        writer.append_events([event(OLD), kept])
        writer.append_dead_letters(
            [DeadLetter("t", 0, number, at, "not_json", "", 0, "", b"") for number, at in enumerate((OLD, NOON))]
        )
        writer.save_alerts([alert("old", last_event_time_us=OLD)], OLD)
        writer.save_alerts([alert("new")], NOON)
        writer.enqueue([message("old")])
        writer.settle([message("old", state="delivered", finished_us=OLD)])
    snapshot(writer)
    assert writer.retain(NOON) == {
        "events": 1,
        "signals": 1,
        "dead_letters": 1,
        "alerts": 1,
        "outbox": 1,
        "revocations": 0,
        "risks": 0,
        "campaigns": 0,
        "campaign_members": 0,
        "step_ups": 0,
        "ssf_received": 0,
    }
    assert list(reader.replay_after(0)) == [kept]
    assert [shown.alert_id for shown in reader.alerts()] == ["new"]


def test_what_a_siem_has_taken_goes_after_a_week_and_what_it_has_not_stays(writer: Writer, reader: Reader) -> None:
    eight_days_ago = NOON - 8 * DAY
    with writer.transaction():
        writer.enqueue(
            [message("taken", kind="siem.alert"), message("parked", kind="siem.alert"), message("revocation")]
        )
        writer.settle(
            [
                message("taken", kind="siem.alert", state="delivered", finished_us=eight_days_ago),
                message("parked", kind="siem.alert", state="parked", finished_us=eight_days_ago),
                message("revocation", state="delivered", finished_us=eight_days_ago),
            ]
        )
    assert writer.retain(NOON - 180 * DAY)["outbox"] == 1
    assert {one.message_id for one, _ in reader.outbox_page()} == {"parked", "revocation"}


def test_events_that_the_next_start_re_runs_stay(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.append_events([event(OLD)])
    snapshot(writer)
    imported = event(OLD)
    with writer.transaction():
        writer.append_events([imported])
    writer.retain(NOON)
    assert list(reader.replay_after(0)) == [imported]


def test_pending_messages_and_audit_lines_stay(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.enqueue([message(created_us=OLD)])
        writer.append_audit([AuditLine(OLD, "policy", "revoke", "s_alice")])
    writer.retain(NOON)
    assert len(reader.pending_messages()) == 1
    assert len(audit_lines(reader)) == 1


def test_revocations_outlive_events_so_that_no_sequence_is_given_twice(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_revocations([revocation(times={"requested": OLD})])
    writer.retain(NOON)
    assert reader.max_sequence("bank", "s_alice") == 1
    writer.retain(NOON + REVOCATION_LIFE_US)
    assert reader.max_sequence("bank", "s_alice") == 0


def test_the_sequence_goes_on_when_everything_is_gone(path: Path) -> None:
    with Database.open(path) as database:
        writer = database.writer()
        with writer.transaction():
            writer.append_events([event(OLD), event(OLD)])
        snapshot(writer)
        writer.retain(NOON)
        assert database.reader().counts()["events"] == 0
    with Database.open(path) as database:
        assert database.writer().last_seq == 2
