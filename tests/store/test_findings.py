"""Alerts, revocations, outbox and offsets: small tables with keys."""

from __future__ import annotations

import pytest

from schemas.alert import Severity
from schemas.instant import MINUTE
from store.errors import StoreError
from store.reader import Reader
from store.rows import AuditLine, DeadLetter, TriageRow
from store.writer import Writer
from tests.store.samples import NOON, alert, message, revocation


def test_an_alert_comes_back_equal(writer: Writer, reader: Reader) -> None:
    raised = alert(ip="192.0.2.1", network="192.0.2.0/24", hits=3, confidence=0.5, late=True, drill="d", model_id="m")
    with writer.transaction():
        writer.save_alerts([raised], NOON)
    assert reader.alert("a1") == raised
    assert reader.stored_alerts(["a1", "a2"]) == {"a1": raised}


def test_an_escalated_alert_replaces_the_first(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_alerts([alert(severity=Severity.MEDIUM)], NOON)
        writer.save_alerts([alert(severity=Severity.HIGH, hits=2)], NOON)
    with writer.transaction():
        writer.save_alerts([alert(hits=3), alert(hits=4)], NOON)
    assert reader.alerts() == [alert(hits=4, evidence=reader.alerts()[0].evidence)]


def test_the_time_of_first_storing_stays(writer: Writer, reader: Reader) -> None:
    for later in (0, 1):
        with writer.transaction():
            writer.save_alerts([alert()], NOON + later)
    (times,) = reader._rows("SELECT epoch_us(stored), epoch_us(updated) FROM alerts")
    assert times == (NOON, NOON + 1)


def test_what_a_person_set_survives_further_hits(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_alerts([alert()], NOON)
        writer.save_triage([TriageRow("a1", "bank", "acknowledged", note="on it", by="carol", at_us=NOON)])
    with writer.transaction():
        writer.save_alerts([alert(hits=2)], NOON + 1)
    (shown,) = reader.alerts(status="acknowledged")
    assert shown.hits == 2


def test_the_detectors_status_is_kept_apart_from_the_persons(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_alerts([alert()], NOON)
        writer.save_triage([TriageRow("a1", "bank", "resolved", by="carol", at_us=NOON)])
    assert reader.stored_alerts(["a1"])["a1"].status == "new"


def test_a_withdrawn_alert_is_kept_and_shows_as_withdrawn(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_alerts([alert()], NOON)
    with writer.transaction():
        writer.save_alerts([alert(status="withdrawn")], NOON)
    assert [shown.alert_id for shown in reader.alerts(status="withdrawn")] == ["a1"]
    assert reader.alerts(status="new") == []


def test_alerts_are_filtered(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_alerts(
            [
                alert("old", event_time_us=NOON - MINUTE),
                alert("low", severity=Severity.LOW),
                alert("shop", app="shop"),
            ],
            NOON,
        )
    assert {shown.alert_id for shown in reader.alerts(since=NOON)} == {"low", "shop"}
    assert {shown.alert_id for shown in reader.alerts(severity=[Severity.LOW])} == {"low"}
    assert {shown.alert_id for shown in reader.alerts(app=["shop"])} == {"shop"}
    assert reader.alerts(app=[]) == []


def test_pages_of_alerts_join_without_gap_or_repetition(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_alerts([alert(f"a{number}", event_time_us=NOON + number // 2) for number in range(7)], NOON)
    seen: list[str] = []
    after = None
    while page := reader.alerts(limit=2, after=after):
        seen += [shown.alert_id for shown in page]
        after = (page[-1].event_time_us, page[-1].alert_id)
    assert seen == ["a6", "a5", "a4", "a3", "a2", "a1", "a0"]


def test_a_revocation_comes_back_in_its_last_state(writer: Writer, reader: Reader) -> None:
    ended = revocation(session_id="s_alice", alert_id="a1")
    with writer.transaction():
        writer.save_revocations([ended])
    ended.enter("sent", NOON + 1)
    ended.enter("delivered", NOON + 2, "204")
    with writer.transaction():
        writer.save_revocations([ended])
    assert reader.revocation("r1") == ended
    assert reader.revocation("r2") is None


def test_unfinished_revocations_are_those_that_wait(writer: Writer, reader: Reader) -> None:
    states = ("requested", "suppressed", "held", "sent", "delivered", "confirmed", "failed", "released")
    with writer.transaction():
        writer.save_revocations([revocation(state, state=state, subject=state) for state in states])
    waiting = {one.state for one in reader.unfinished_revocations()}
    assert waiting == {"requested", "held", "sent", "delivered"}
    assert {one.state for one in reader.revocations(state=["failed", "held"])} == {"failed", "held"}


def test_recent_revocations_are_found_for_the_guard(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_revocations(
            [revocation("old", times={"requested": NOON - 1}), revocation("new", times={"requested": NOON})]
        )
    assert [one.revocation_id for one in reader.revocations_since(NOON)] == ["new"]


def test_sequences_are_by_app_and_subject(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_revocations(
            [
                revocation("r1", sequence=1),
                revocation("r2", sequence=2),
                revocation("r3", app="shop", sequence=7),
            ]
        )
    assert reader.sequences() == {("bank", "s_alice"): 2, ("shop", "s_alice"): 7}
    assert reader.max_sequence("bank", "s_alice") == 2
    assert reader.max_sequence("bank", "s_bob") == 0


def test_messages_wait_in_the_order_of_enqueuing(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.enqueue([message("m2"), message("m1")])
    with writer.transaction():
        writer.enqueue([message("m0", expires_us=NOON + 1)])
    assert reader.pending_messages() == [message("m2"), message("m1"), message("m0", expires_us=NOON + 1)]


def test_a_message_enqueued_twice_leaves_once(writer: Writer, reader: Reader) -> None:
    for _ in range(2):
        with writer.transaction():
            writer.enqueue([message()])
    assert reader.pending_messages() == [message()]


def test_one_id_in_two_lanes_is_two_messages(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.enqueue([message(lane="chat"), message(lane="webhook:bank")])
    assert len(reader.pending_messages()) == 2


def test_a_settled_message_waits_no_more(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.enqueue([message("m1"), message("m2")])
    retried = message("m2", attempts=1, first_try_us=NOON, next_try_us=NOON + 1, last_error="503")
    with writer.transaction():
        writer.settle([message("m1", state="delivered", attempts=1, finished_us=NOON), retried])
    assert reader.pending_messages() == [retried]


def test_a_lane_reads_its_own_and_no_more_than_it_asks_for(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.enqueue([message("m1", lane="chat"), *(message(f"m{n}") for n in range(2, 6))])
    lane = message().lane
    assert reader.pending_messages(lane=lane, limit=2) == [message("m2"), message("m3")]
    assert reader.pending_lanes() == sorted(["chat", lane])


def test_pending_messages_may_be_asked_for_by_kind(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.enqueue([message("m1", kind="dead_letter"), message("m2", kind="session.released")])
    assert reader.pending_messages(kinds={"session.revoked", "session.released"}) == [
        message("m2", kind="session.released")
    ]


def test_a_message_that_was_enqueued_is_known_whatever_became_of_it(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.enqueue([message("m1"), message("m2")])
        writer.settle([message("m1", state="delivered", finished_us=NOON)])
    assert reader.known_messages(["m1", "m2", "m3"]) == {"m1", "m2"}


def test_what_an_act_was_done_to_is_found_the_last_first(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        acts = [("skipped", "a1"), ("skipped", "a2"), ("other", "a3"), ("skipped", "a1")]
        writer.append_audit([AuditLine(NOON, "pipeline", act, subject) for act, subject in acts])
    assert reader.subjects_of_act("skipped", NOON, limit=9) == ["a1", "a2"]
    assert reader.subjects_of_act("skipped", NOON, limit=1) == ["a1"]
    assert reader.subjects_of_act("skipped", NOON + 1, limit=9) == []


def test_positions_are_by_topic_with_its_uuid(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_offsets("session-events", "u-1", {0: 10, 1: 20})
        writer.save_offsets("other", None, {0: 99})
    with writer.transaction():
        writer.save_offsets("session-events", "u-1", {1: 21})
    assert reader.positions("session-events") == ("u-1", {0: 10, 1: 21})
    assert reader.positions("other") == (None, {0: 99})
    assert reader.positions("never-read") == (None, {})


def test_an_offset_of_an_undone_batch_is_written_again(writer: Writer, reader: Reader) -> None:
    def fail() -> None:
        with writer.transaction():
            writer.save_offsets("session-events", "u-1", {0: 10})
            raise RuntimeError("a stage failed")

    with pytest.raises(RuntimeError, match="a stage failed"):
        fail()
    for _ in range(2):
        with writer.transaction():
            writer.save_offsets("session-events", "u-1", {0: 10})
    assert reader.positions("session-events") == ("u-1", {0: 10})


def test_dead_letters_come_newest_first(writer: Writer, reader: Reader) -> None:
    letters = [
        DeadLetter("session-events", 0, offset, NOON + offset, "not_json", "", 1, "00", b"{") for offset in range(3)
    ]
    with writer.transaction():
        writer.append_dead_letters(letters)
    assert [letter.offset for letter in reader.dead_letters(limit=2)] == [2, 1]


def test_a_value_that_no_column_holds_is_an_error_of_the_store(writer: Writer) -> None:
    with pytest.raises(StoreError, match="failed"), writer.transaction():
        writer.save_alerts([alert(summary=None)], NOON)
