"""Every change of an alert reaches the destinations that want to hear of it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from response.commands import DeliveryResult, Triage
from response.siem.feed import MAX_WAITING, PAUSE_US, SIEM_KIND
from schemas.alert import AlertChange, Severity
from schemas.instant import SECOND
from store.rows import OutboxMessage
from tests.response.given import Pipeline, alert, eventually, raised
from tests.response.siem.given import Kept, destination

Start = Callable[..., Pipeline]


def updated(hits: int) -> AlertChange:
    """Further hits of the alert."""
    return AlertChange("updated", msgspec.structs.replace(alert(), hits=hits))


def counts(way: Kept) -> list[int]:
    return [one["count"] for one in way.documents]


def test_an_alert_is_told_when_it_is_new_when_it_is_worse_and_when_it_is_withdrawn(pipeline: Start) -> None:
    way = Kept()
    running = pipeline(siem=[destination(way)])
    running.turn(changes=raised(alert(severity=Severity.MEDIUM)))
    running.turn(changes=[AlertChange("escalated", alert())])
    running.turn(changes=[AlertChange("withdrawn", msgspec.structs.replace(alert(), status="withdrawn"))])
    eventually(lambda: len(way.messages) == 3)
    told = [(one["activity_name"], one["severity"], one["status"]) for one in way.documents]
    assert told == [("Create", "Medium", "New"), ("Update", "Critical", "New"), ("Close", "Critical", "Resolved")]
    assert {one["finding_info"]["uid"] for one in way.documents} == {alert().alert_id}
    assert len({one["metadata"]["uid"] for one in way.documents}) == 3


def test_what_a_person_makes_of_it_is_told(pipeline: Start) -> None:
    way = Kept()
    running = pipeline(siem=[destination(way, "ecs")])
    running.turn(changes=raised(alert()))
    running.turn(commands=[Triage(alert().alert_id, "bob", status="acknowledged")])
    running.turn(commands=[Triage(alert().alert_id, "bob", verdict="benign")])
    eventually(lambda: len(way.messages) == 3)
    told = [(one["event"]["action"], one["sessionwatch"]["status"]) for one in way.documents]
    assert told == [("alert-created", "new"), ("alert-updated", "in_progress"), ("alert-closed", "resolved")]
    assert (
        way.documents[-1]["sessionwatch"] | {"verdict": "benign", "owner": "bob"} == way.documents[-1]["sessionwatch"]
    )


def test_a_further_hit_keeps_what_a_person_has_said(pipeline: Start) -> None:
    way = Kept()
    running = pipeline(siem=[destination(way)])
    running.turn(changes=raised(alert()))
    running.turn(commands=[Triage(alert().alert_id, "bob", status="acknowledged")])
    running.turn(changes=[updated(9)], later_us=2 * PAUSE_US)
    eventually(lambda: len(way.messages) == 3)
    assert (way.documents[-1]["status"], way.documents[-1]["count"]) == ("In Progress", 9)


def test_further_hits_are_told_once_a_minute_and_the_last_of_them_always(pipeline: Start) -> None:
    way = Kept()
    running = pipeline(siem=[destination(way)])
    running.turn(changes=raised(alert()))
    for hits in range(4, 50):
        running.turn(changes=[updated(hits)], later_us=SECOND)
    batch = running.turn(later_us=2 * SECOND)
    assert not running.responder.is_due(batch.arrival_us)
    assert running.responder.is_due(batch.arrival_us + PAUSE_US)
    running.turn(later_us=PAUSE_US + 2 * SECOND)
    eventually(lambda: counts(way) == [3, 49])
    assert not running.responder.is_due(batch.arrival_us + 2 * PAUSE_US)


def test_what_waits_is_told_after_a_restart(pipeline: Start) -> None:
    way = Kept()
    running = pipeline(siem=[destination(way)])
    running.turn(changes=raised(alert()))
    running.turn(changes=[updated(7)], later_us=SECOND)
    again = pipeline(siem=[destination(way)])
    batch = again.turn()
    assert len(batch.messages) == 1
    eventually(lambda: 7 in counts(way))
    assert again.turn().messages == []


def test_what_waits_is_let_be_when_there_is_no_destination_any_more(pipeline: Start) -> None:
    running = pipeline(siem=[destination(Kept())])
    running.turn(changes=raised(alert()))
    running.turn(changes=[updated(7)], later_us=SECOND)
    again = pipeline()
    assert not again.responder.is_due(again.turn().arrival_us + PAUSE_US)


def test_when_too_many_wait_the_rest_is_told_at_once(pipeline: Start) -> None:
    way = Kept()
    running = pipeline(siem=[destination(way)])
    many = [alert(session_id=f"s_k1_{number}", mode="alert") for number in range(MAX_WAITING + 5)]
    running.turn(changes=raised(*many))
    batch = running.turn(changes=[AlertChange("updated", one) for one in many], later_us=SECOND)
    assert sum(one.kind == "siem.alert" for one in batch.messages) == 5


def test_each_destination_hears_what_it_wants_in_its_own_words(pipeline: Start) -> None:
    every, worst, trial = Kept(), Kept(), Kept()
    running = pipeline(
        siem=[
            destination(every, name="every"),
            destination(worst, "ecs", name="worst", min_severity=Severity.HIGH),
            destination(trial, name="trial", shadow=True),
        ]
    )
    low = alert("new-country", Severity.LOW)
    shadow = alert("off-hours", Severity.LOW, mode="shadow")
    running.turn(changes=raised(alert(), low, shadow))
    eventually(lambda: (len(every.messages), len(worst.messages), len(trial.messages)) == (2, 1, 3))
    assert worst.documents[0]["rule"]["id"] == "session-hijack"
    ids = {one["metadata"]["uid"] for one in every.documents} | {worst.documents[0]["event"]["id"]}
    assert len(ids) == 2, "one report has one id, whichever way it goes"


def test_a_delivery_leaves_no_line_in_the_audit_log(pipeline: Start) -> None:
    way = Kept()
    running = pipeline(siem=[destination(way)])
    running.turn(changes=raised(alert()))
    running.until(lambda: running.reader.outbox_page(states=["delivered"]))
    assert not any(act.startswith("siem") for act in running.acts())


def test_no_destination_costs_nothing(pipeline: Start) -> None:
    running = pipeline()
    batch = running.turn(changes=raised(alert()))
    assert batch.messages == []
    assert batch.facts == {}


def test_a_slow_destination_delays_no_other(pipeline: Start) -> None:
    import threading

    released, way = threading.Event(), Kept()

    class Slow(Kept):
        def deliver(self, messages):  # type: ignore[no-untyped-def]
            released.wait(5)
            return super().deliver(messages)

    slow = Slow()
    running = pipeline(siem=[destination(slow, name="slow"), destination(way)])
    running.turn(changes=raised(alert()))
    eventually(lambda: way.messages)
    assert not slow.messages
    released.set()
    eventually(lambda: slow.messages)


def test_people_hear_that_a_siem_takes_nothing(pipeline: Start) -> None:
    running = pipeline()
    waiting = OutboxMessage("m1", "siem:soc", SIEM_KIND, "k", "a1", "{}", 0, attempts=2, last_error="no route")
    running.turn(commands=[DeliveryResult("siem:soc", (waiting,), 0, trouble="no route")])
    (line,) = running.audit()
    assert (line.act, line.subject, line.why) == ("siem in trouble", "siem:soc", "no route")
