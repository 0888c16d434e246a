"""The queue stands still until somebody asks for what is new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.triage_queue import TriageQueue
from schemas.alert import AlertKey, Severity
from schemas.api import AlertRow

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def alert(name: str, severity: Severity = Severity.HIGH, minute: int = 0, **changed: object) -> AlertRow:
    at = NOON + timedelta(minutes=minute)
    row = AlertRow(
        alert_id=name, rule_id="session-hijack", title="Session used elsewhere", severity=severity, confidence=1.0,
        mode="alert", status="new", app="bank", key=AlertKey(kind="session", value="s_1"), user_id="alice",
        session_id="s_1", ip=None, network=None, device_id=None, event_time=at, first_event_time=at, last_event_time=at,
        hits=1, summary="used elsewhere", late=False, drill=None, opened=at, updated=at,
    )  # fmt: skip
    return row.model_copy(update=changed)


def by_severity(*alerts: AlertRow) -> list[AlertRow]:
    return sorted(alerts, key=lambda one: (one.severity.rank, one.event_time, one.alert_id), reverse=True)


@pytest.fixture
def queue() -> TriageQueue:
    shown = TriageQueue()
    shown.show(by_severity(alert("a", minute=3), alert("b", minute=2), alert("c", minute=1)), more=False)
    return shown


def test_a_new_alert_waits(queue: TriageQueue) -> None:
    queue.read(by_severity(alert("new", Severity.CRITICAL, 9), *queue.shown()), more=False)
    assert queue.order == ["a", "b", "c"]
    assert [one.alert_id for one in queue.waiting] == ["new"]


def test_an_alert_that_escalates_keeps_its_place(queue: TriageQueue) -> None:
    queue.read(by_severity(alert("a", minute=3), alert("b", minute=2), alert("c", Severity.CRITICAL, 1)), more=False)
    assert queue.order == ["a", "b", "c"]
    assert queue.rows["c"].severity is Severity.CRITICAL


def test_an_alert_that_somebody_else_closed_stays_in_sight_as_gone(queue: TriageQueue) -> None:
    queue.read(by_severity(alert("a", minute=3), alert("c", minute=1)), more=False)
    assert queue.order == ["a", "b", "c"]
    assert queue.gone == {"b"}


def test_showing_what_waits_takes_the_new_order(queue: TriageQueue) -> None:
    queue.show(by_severity(alert("new", Severity.CRITICAL, 9), *queue.shown()), more=False)
    assert queue.order == ["new", "a", "b", "c"]
    assert queue.waiting == []


def test_a_decision_moves_to_the_one_after(queue: TriageQueue) -> None:
    assert queue.decided("b") == "c"
    assert queue.order == ["a", "c"]


def test_deciding_the_last_moves_to_the_one_before(queue: TriageQueue) -> None:
    assert queue.decided("c") == "b"


def test_deciding_the_only_one_leaves_nothing_selected() -> None:
    queue = TriageQueue()
    queue.show([alert("a")], more=False)
    assert queue.decided("a") is None


def test_what_is_taken_back_stands_where_it_stood(queue: TriageQueue) -> None:
    queue.decided("b")
    queue.put_back(alert("b", minute=2), 1)
    assert queue.order == ["a", "b", "c"]


def test_a_row_pushed_out_of_a_cut_list_is_not_gone() -> None:
    queue = TriageQueue()
    queue.show(by_severity(alert("a", minute=3), alert("b", minute=2)), more=True)
    queue.read(by_severity(alert("new", minute=9), alert("a", minute=3)), more=True)
    assert queue.gone == set()


def test_an_old_row_that_moves_up_into_a_cut_list_is_not_new() -> None:
    queue = TriageQueue()
    queue.show(by_severity(alert("a", minute=3), alert("b", minute=2)), more=True)
    queue.read(by_severity(alert("b", minute=2), alert("older", minute=1)), more=True)
    assert queue.waiting == []
