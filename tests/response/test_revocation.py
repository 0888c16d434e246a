from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from response.clock import now_us
from response.commands import Retry, RevokeManually
from response.policy import PolicyLine
from response.targets.webhook import WebhookTarget
from schemas.alert import Alert, AlertChange, Severity
from schemas.instant import HOUR, MINUTE, SECOND
from schemas.revocation import WebhookBody
from tests.response.given import SESSION, Pipeline, alert, event, eventually, raised, use
from tests.response.receivers import OLD_SECRET, SECRET, Receiver, answers, hangs

Start = Callable[..., Pipeline]

ANY_REVOKES = PolicyLine(("notify", "revoke_session"))


def other_client(receiver: Receiver) -> WebhookTarget:
    """The bank's target as the next run of the pipeline makes it."""
    return WebhookTarget("bank", "bank", receiver.url, [SECRET], allow_private=True)


def steal(one: Pipeline, *alerts, session: str = SESSION) -> None:  # type: ignore[no-untyped-def]
    """A use by a thief, and the alerts that it leads to."""
    one.turn([use(session)], raised(*(alerts or (alert(session_id=session),))))


def withdrawn(*alerts: Alert) -> list[AlertChange]:
    """The alerts as the detectors withdraw them."""
    return [AlertChange("withdrawn", msgspec.structs.replace(one, status="withdrawn")) for one in alerts]


def test_one_theft_is_one_signed_webhook(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    body = WebhookBody.model_validate(receiver.calls[0].verified())
    assert len(receiver.calls) == 1
    assert (body.type, body.data.session_id, body.data.user_id) == ("session.revoked", SESSION, "alice")
    assert (body.data.scope, body.data.sequence, body.data.severity) == ("session", 1, "critical")


def test_it_leaves_within_milliseconds_of_the_commit(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = pipeline(targets=[bank])
    one.turn([use(f"s_other_{number}") for number in range(100)])
    waits = []
    for number in range(20):
        session = f"s_{number}"
        steal(one, alert(session_id=session), session=session)
        committed = now_us()
        [delivered] = one.until_result().settled_messages
        waits.append((delivered.finished_us or 0) - committed)
    assert sorted(waits)[10] < 50_000
    assert len(receiver.calls) == 20


def test_it_goes_from_sent_to_delivered_to_confirmed(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    assert one.states() == ["sent"]
    one.until_result()
    assert one.states() == ["delivered"]
    one.turn([event("destroy", "revoked")])
    assert one.states() == ["confirmed"]
    assert one.acts()[-3:] == ["alert raised", "revocation delivered", "revocation confirmed"]


def test_a_refused_use_confirms_too(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.turn([event("fail", "revoked")])
    assert one.states() == ["confirmed"]


def test_proof_may_arrive_before_the_result_of_the_delivery(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.turn([event("destroy", "revoked")])
    one.until_result()
    [row] = one.reader.revocations()
    assert row.state == "confirmed"
    assert {"requested", "sent", "delivered", "confirmed"} <= row.times.keys()


def test_another_ends_proof_is_none(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.turn([event("destroy", "logout"), event("destroy", "revoked", "s_other"), event("validate", "revoked")])
    assert one.states() == ["sent"]


def test_an_older_event_proves_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.turn([event("fail", "revoked", ago_us=MINUTE)])
    assert one.states() == ["sent"]


def test_the_delivery_is_a_signal_for_the_detectors(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    [signal] = one.until_result().signals
    [row] = one.reader.revocations()
    assert (signal.kind, signal.app, signal.session_id) == ("revocation_delivered", "bank", SESSION)
    assert signal.payload == {"revocation_id": row.revocation_id, "sequence": 1}
    assert signal.time_us == row.times["delivered"]


def test_two_alerts_on_one_session_are_one_revocation(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = pipeline(targets=[bank])
    steal(one, alert("session-hijack"), alert("session-multi-network"))
    one.until_result()
    one.turn([use()], raised(alert("use-after-destroy")))
    assert one.states() == ["delivered"]
    assert len(receiver.calls) == 1
    assert one.acts().count("revocation covered") == 2


def test_the_same_session_id_in_another_app_is_another_session(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([use(), use(app="shop")], raised(alert(), alert(app="shop")))
    assert sorted(one.states()) == ["held", "sent"]


def test_an_escalation_may_act_where_the_alert_did_not(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one, alert(severity=Severity.HIGH))
    assert one.states() == []
    one.turn([use()], [AlertChange("escalated", alert(severity=Severity.CRITICAL))])
    assert one.states() == ["sent"]


def test_further_hits_change_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    batch = one.turn([use()], [AlertChange("updated", alert())])
    assert (batch.revocations, batch.messages, batch.audit) == ([], [], [])


def test_a_dry_run_shows_and_sends_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], dry_run=True)
    batch = one.turn([use()], raised(alert(), alert("session-multi-network")))
    assert one.states() == ["suppressed"]
    assert batch.messages == []


def test_after_the_dry_run_the_next_alert_acts(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    steal(pipeline(targets=[bank], dry_run=True))
    one = pipeline(targets=[other_client(receiver)])
    steal(one, alert("session-multi-network"))
    assert one.states() == ["suppressed", "sent"]
    assert one.reader.revocations()[0].sequence == 2


def test_without_a_target_it_is_held_and_says_why(pipeline: Start) -> None:
    one = pipeline()
    steal(one)
    [row] = one.reader.revocations()
    assert (row.state, row.note) == ("held", "no target for app bank ends a session")


def test_a_session_that_is_no_longer_used_is_not_revoked(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([use(ago_us=HOUR)], raised(alert()))
    assert one.states() == []
    assert "revocation skipped" in one.acts()


def test_a_session_that_was_logged_out_since_is_not_revoked(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([use(ago_us=SECOND), event("destroy", "logout")], raised(alert()))
    assert one.states() == []


def test_a_session_used_after_its_logout_is_revoked(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([event("destroy", "logout", ago_us=SECOND), use()], raised(alert("use-after-destroy")))
    assert one.states() == ["sent"]


def test_an_alert_that_settles_later_finds_its_session_in_the_store(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([use()])
    one.turn([], raised(alert()))
    assert one.states() == ["sent"]


def test_what_exceeds_the_budget_is_held_the_most_severe_goes_first(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], number=1, lines=[ANY_REVOKES])
    sessions = [use("s_low"), use("s_critical"), use("s_high")]
    alerts = [
        alert(severity=Severity.LOW, session_id="s_low"),
        alert(severity=Severity.CRITICAL, session_id="s_critical"),
        alert(severity=Severity.HIGH, session_id="s_high"),
    ]
    one.turn(sessions, raised(*alerts))
    assert {row.subject: row.state for row in one.reader.revocations()} == {
        "s_critical": "sent",
        "s_high": "held",
        "s_low": "held",
    }
    assert [row.subject for row in one.responder.held()] == ["s_high", "s_low"]


def test_a_held_one_goes_when_a_worse_alert_is_allowed(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], share=0.0, lines=[ANY_REVOKES])
    steal(one, alert(severity=Severity.HIGH))
    assert one.states() == ["held"]
    steal(one, alert("use-after-destroy", Severity.CRITICAL))
    assert one.states() == ["sent"]


def test_a_protected_user_waits_for_a_person(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], protected=["alice"])
    steal(one)
    [row] = one.reader.revocations()
    assert (row.state, row.note) == ("held", "the user is protected")


def test_a_withdrawn_alert_lets_its_held_revocation_go(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], protected=["alice"])
    steal(one)
    one.turn([], [AlertChange("withdrawn", alert())])
    assert one.states() == ["released"]


def test_raised_again_it_is_decided_again(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], protected=["alice"])
    steal(one)
    one.turn([], [AlertChange("withdrawn", alert())])
    steal(one)
    assert one.states() == ["held"]


def test_a_withdrawn_alert_undoes_nothing_that_was_sent(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.turn([], [AlertChange("withdrawn", alert())])
    assert one.states() == ["sent"]
    assert "revocation stands" in one.acts()


NOT_EFFECTIVE = alert("revocation-not-effective")


def test_a_revocation_that_is_disproved_has_failed_and_is_delivered_once_more(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    one.turn([event("destroy", "revoked")])
    one.turn([use()], raised(NOT_EFFECTIVE))
    assert one.states() == ["failed"]
    one.until_result()
    first, second = (WebhookBody.model_validate(call.verified()) for call in receiver.calls)
    assert first.data == second.data
    assert receiver.calls[0].headers["webhook-id"] != receiver.calls[1].headers["webhook-id"]


def test_only_once(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    one.turn([use()], raised(NOT_EFFECTIVE))
    one.until_result()
    batch = one.turn([use()], [AlertChange("escalated", NOT_EFFECTIVE)])
    assert batch.messages == []
    assert one.states() == ["failed"]


def test_in_a_dry_run_nothing_is_delivered_once_more(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    one = pipeline(targets=[other_client(receiver)], dry_run=True)
    batch = one.turn([use()], raised(NOT_EFFECTIVE))
    assert (one.states(), batch.messages) == (["failed"], [])


def test_a_later_refusal_confirms_a_failed_one(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    one.turn([use()], raised(NOT_EFFECTIVE))
    one.turn([event("fail", "revoked")])
    assert one.states() == ["confirmed"]


def accepted(minutes: int) -> list[AlertChange]:
    """The revoked session accepted by another server of the app, so many minutes from now."""
    last_us = now_us() + minutes * MINUTE
    return [AlertChange("updated", msgspec.structs.replace(NOT_EFFECTIVE, last_event_time_us=last_us))]


def disproved_and_confirmed(one: Pipeline) -> None:
    """A revocation that was disproved, delivered again, and then confirmed by one server of the app."""
    steal(one)
    one.until_result()
    one.turn([use()], raised(NOT_EFFECTIVE))
    one.until_result()
    one.turn([event("fail", "revoked")])
    assert one.states() == ["confirmed"]


def test_what_one_server_confirms_another_may_disprove(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    disproved_and_confirmed(one)
    batch = one.turn([use()], accepted(minutes=60))
    assert (one.states(), batch.messages) == (["failed"], [])


def test_a_use_before_the_newest_proof_disproves_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    disproved_and_confirmed(one)
    one.turn([event("fail", "revoked", ago_us=-90 * MINUTE)])
    batch = one.turn([use()], accepted(minutes=60))
    assert (one.states(), batch.revocations) == (["confirmed"], [])


def test_a_proof_before_the_newest_use_confirms_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    disproved_and_confirmed(one)
    one.turn([use()], accepted(minutes=60))
    one.turn([use()], accepted(minutes=70))
    one.turn([event("fail", "revoked", ago_us=-65 * MINUTE)])
    assert one.states() == ["failed"]
    one.turn([event("fail", "revoked", ago_us=-75 * MINUTE)])
    assert one.states() == ["confirmed"]


def test_which_came_last_is_known_after_a_restart(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    disproved_and_confirmed(pipeline(targets=[bank]))
    one = pipeline(targets=[other_client(receiver)])
    one.turn([use()], accepted(minutes=60))
    assert one.states() == ["failed"]


def test_a_use_within_the_grace_of_a_later_delivery_says_nothing_against_it(
    pipeline: Start, bank: WebhookTarget
) -> None:
    one = pipeline(targets=[bank])
    disproved_and_confirmed(one)
    [row] = one.reader.revocations()
    one.turn(commands=[Retry(row.revocation_id, by="eve")])
    one.until_result()
    one.turn([use()], accepted(minutes=0))
    assert one.states() == ["delivered"]


def test_a_second_alert_sends_what_never_reached_the_app_anew(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    receiver.behaviours = [answers(422), answers(204)]
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    steal(one, alert("use-after-destroy"))
    one.until_result()
    assert one.states() == ["delivered"]
    first, second = receiver.calls
    assert first.verified() == second.verified()
    assert first.headers["webhook-id"] != second.headers["webhook-id"]
    assert "it is sent to the app anew" in one.audit()[-2].why


def test_a_second_alert_says_that_the_app_does_not_obey(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    one.turn([use()], raised(NOT_EFFECTIVE))
    one.until_result()
    batch = one.turn([use()], raised(alert("use-after-destroy")))
    assert (one.states(), batch.messages) == (["failed"], [])
    assert "the app accepts it all the same" in batch.audit[0].why


@pytest.mark.parametrize(
    ("settings", "why"),
    [({"dry_run": True}, "dry run: nothing is sent"), ({"targets": []}, "no target for app bank ends a session")],
)
def test_a_second_alert_says_why_a_failed_one_is_not_sent_anew(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver, settings: dict[str, object], why: str
) -> None:
    receiver.behaviours = [answers(422)]
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    one = pipeline(**{"targets": [other_client(receiver)], **settings})
    batch = one.turn([use()], raised(alert("use-after-destroy")))
    assert (one.states(), batch.messages) == (["failed"], [])
    assert batch.audit[-1].why.endswith(f"is not tried anew: {why}")


def test_a_users_revocation_is_not_proved_by_another_of_one_session(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([use(), use("s_two")], raised(alert()))
    one.turn(commands=[RevokeManually("r1", "bank", "user", "alice", by="eve", reason="stolen")])
    one.turn([event("destroy", "revoked")])
    assert {row.scope: row.state for row in one.reader.revocations()} == {"session": "confirmed", "user": "sent"}
    one.turn([event("destroy", "revoked", "s_two")])
    assert one.states() == ["confirmed", "confirmed"]


def test_a_held_one_stays_while_another_alert_asks_for_it(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], protected=["alice"])
    other = alert("use-after-destroy")
    steal(one, alert())
    steal(one, other)
    one.turn([], withdrawn(alert()))
    assert one.states() == ["held"]
    one.turn([], withdrawn(other))
    assert one.states() == ["released"]


def test_a_held_one_goes_when_all_that_asked_are_withdrawn_at_once(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], protected=["alice"])
    other = alert("use-after-destroy")
    steal(one, alert(), other)
    one.turn([], withdrawn(alert(), other))
    assert one.states() == ["released"]


def test_who_asked_is_known_after_a_restart(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    steal(pipeline(targets=[bank], protected=["alice"]), alert(), alert("use-after-destroy"))
    one = pipeline(targets=[other_client(receiver)], protected=["alice"])
    one.turn([], withdrawn(alert()))
    assert one.states() == ["held"]


def test_an_alert_that_never_asked_keeps_nothing_held(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], protected=["alice"])
    steal(one, alert(), alert("new-device", Severity.MEDIUM))
    one.turn([], withdrawn(alert()))
    assert one.states() == ["released"]


def test_the_withdrawal_of_an_alert_that_never_asked_lets_nothing_go(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], protected=["alice"])
    medium = alert("new-device", Severity.MEDIUM)
    steal(one, alert(), medium)
    one.turn([], withdrawn(medium))
    assert one.states() == ["held"]


def test_a_receiver_that_answers_500_gets_the_same_message_again(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    receiver.behaviours = [answers(500), answers(200)]
    one = pipeline(targets=[bank])
    steal(one)
    one.until(lambda: one.states() == ["delivered"])
    assert [call.headers["webhook-id"] for call in receiver.calls] == [receiver.calls[0].headers["webhook-id"]] * 2
    assert receiver.calls[1].at - receiver.calls[0].at < 1


def test_a_receiver_that_will_never_take_it_makes_it_failed(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    receiver.behaviours = [answers(422)]
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    [row] = one.reader.revocations()
    assert (row.state, row.note) == ("failed", "webhook:bank did not take it: answered 422")


def test_a_receiver_that_hangs_delays_no_other_app(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    receiver.behaviours = [hangs()]
    with Receiver() as other:
        shop = WebhookTarget("shop", "shop", other.url, [OLD_SECRET], allow_private=True)
        one = pipeline(targets=[bank, shop])
        one.turn([use(), use(app="shop")], raised(alert(), alert(app="shop")))
        result = one.until_result().settled_messages[0]
    assert (result.lane, result.state) == ("webhook:shop", "delivered")
    assert other.calls[0].verified(OLD_SECRET)


@pytest.mark.parametrize("state", ["sent", "delivered"])
def test_a_restart_takes_up_where_it_was(pipeline: Start, bank: WebhookTarget, receiver: Receiver, state: str) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    eventually(lambda: receiver.calls)
    if state == "delivered":
        one.until_result()
    one = pipeline(targets=[other_client(receiver)])
    if state == "sent":
        one.until_result()
    steal(one, alert("use-after-destroy"))
    one.turn([event("destroy", "revoked")])
    assert one.states() == ["confirmed"]
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1


def test_the_budget_holds_over_a_restart(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    steal(pipeline(targets=[bank], number=1))
    one = pipeline(targets=[other_client(receiver)], number=1)
    steal(one, session="s_2")
    assert one.states() == ["sent", "held"]


def test_a_target_that_left_the_configuration_makes_its_revocations_failed(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    receiver.behaviours = [hangs()]
    steal(pipeline(targets=[bank]))
    one = pipeline()
    one.until_result()
    assert one.states() == ["failed"]
    assert one.reader.pending_messages() == []


def test_stopping_takes_no_longer_than_it_may(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    receiver.behaviours = [hangs()]
    with Receiver([hangs()]) as other:
        shop = WebhookTarget("shop", "shop", other.url, [SECRET], allow_private=True, deadline_s=0.5)
        one = pipeline(targets=[bank, shop])
        one.turn([use(), use(app="shop")], raised(alert(), alert(app="shop")))
        eventually(lambda: receiver.calls and other.calls)
        begun = now_us()
        one.responder.close(0.1)
        assert now_us() - begun < SECOND
