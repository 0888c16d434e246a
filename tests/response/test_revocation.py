"""What an alert leads to: a revocation, once, or the reason why not."""

from __future__ import annotations

import pytest

from response.commands import RevokeManually
from response.targets.webhook import WebhookTarget
from schemas.alert import AlertChange, Severity
from schemas.instant import HOUR, SECOND
from schemas.revocation import WebhookBody
from tests.response.given import SESSION, alert, event, raised, use
from tests.response.receivers import Receiver, answers
from tests.response.theft import ANY_REVOKES, NOT_EFFECTIVE, Start, other_client, steal, withdrawn


def test_one_theft_is_one_signed_webhook(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    body = WebhookBody.model_validate(receiver.calls[0].verified())
    assert len(receiver.calls) == 1
    assert (body.type, body.data.session_id, body.data.user_id) == ("session.revoked", SESSION, "alice")
    assert (body.data.scope, body.data.sequence, body.data.severity) == ("session", 1, "critical")


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
