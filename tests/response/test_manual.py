from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from response.commands import Approve, Release, Retry, RevokeManually, Triage
from response.targets.webhook import WebhookTarget
from schemas.event import Event, Place
from schemas.instant import MINUTE, to_datetime
from schemas.revocation import Scope, WebhookBody
from tests.response.given import SESSION, Pipeline, alert, event, raised, use
from tests.response.receivers import Receiver, answers, hangs

Start = Callable[..., Pipeline]


def revoke(scope: Scope = "session", subject: str = SESSION, request: str = "r1") -> RevokeManually:
    return RevokeManually(request, "bank", scope, subject, by="eve", reason="reported stolen")


def held(one: Pipeline) -> str:
    """A revocation that the guard holds: its id."""
    one.turn([use()], raised(alert()))
    [row] = one.responder.held()
    return row.revocation_id


def test_a_person_ends_a_session(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = pipeline(targets=[bank])
    one.turn(commands=[revoke()])
    one.until_result()
    data = receiver.calls[0].verified()["data"]
    assert isinstance(data, dict)
    assert (data["session_id"], data["reason"], data["alert_id"]) == (SESSION, "reported stolen", None)
    assert one.reader.revocations()[0].requested_by == "eve"


def test_a_person_ends_all_sessions_of_a_user_and_they_are_counted(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([use("s_1"), use("s_2"), use("s_3", user_id="bob")])
    one.turn(commands=[revoke("user", "alice")])
    [row] = one.reader.revocations()
    assert (row.scope, row.user_id, row.session_id, row.sessions) == ("user", "alice", None, 2)


def test_the_same_request_twice_is_one_revocation(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn(commands=[revoke()])
    one.turn(commands=[revoke()])
    assert one.states() == ["sent"]
    assert one.audit()[-1].why == "the request was made before"


def test_in_a_dry_run_people_send_nothing_either(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], dry_run=True)
    one.turn(commands=[revoke()])
    assert one.states() == ["suppressed"]


def test_a_held_one_goes_when_a_person_approves(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], protected=["alice"])
    one.turn(commands=[Approve(held(one), by="eve")])
    one.until_result()
    assert one.states() == ["delivered"]
    assert "eve" in {line.actor for line in one.audit()}


def test_only_a_held_one_can_be_approved(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn(commands=[Approve("no-such", by="eve")])
    assert one.audit()[-1].why == "there is no such revocation, expected one that is held"


def test_a_release_follows_with_a_higher_sequence(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = pipeline(targets=[bank])
    one.turn([use()], raised(alert()))
    one.until_result()
    [row] = one.reader.revocations()
    batch = one.turn(commands=[Release(row.revocation_id, by="eve", reason="it was a colleague")])
    one.until_result()
    released = receiver.calls[1].verified()
    assert released["type"] == "session.released"
    assert isinstance(released["data"], dict)
    assert released["data"]["sequence"] == 2
    assert one.states() == ["released"]
    assert [signal.kind for signal in batch.signals] == ["revocation_released"]


def test_what_has_not_left_yet_is_dropped_by_a_release(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    receiver.behaviours = [answers(429, retry_after="1"), answers(200)]
    one = pipeline(targets=[bank])
    one.turn([use()], raised(alert()))
    one.until_result()
    [row] = one.reader.revocations()
    one.turn(commands=[Release(row.revocation_id, by="eve", reason="wrong")])
    one.until_result()
    assert [call.verified()["type"] for call in receiver.calls] == ["session.revoked", "session.released"]
    assert one.reader.pending_messages() == []


def test_a_held_one_is_released_without_a_word_to_the_app(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], protected=["alice"])
    batch = one.turn(commands=[Release(held(one), by="eve", reason="known")])
    assert (one.states(), batch.messages, batch.signals) == (["released"], [], [])


def test_a_released_session_is_not_revoked_again_by_the_same_alert(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], protected=["alice"])
    one.turn(commands=[Release(held(one), by="eve", reason="known")])
    one.turn([use()], raised(alert()))
    assert one.states() == ["released"]


def test_the_next_revocation_of_a_released_session_has_a_higher_sequence(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([use()], raised(alert()))
    [row] = one.reader.revocations()
    one.turn(commands=[Release(row.revocation_id, by="eve", reason="wrong")])
    one.turn([use()], raised(alert("use-after-destroy")))
    assert sorted(row.sequence for row in one.reader.revocations()) == [2, 3]


def test_a_failed_one_is_delivered_anew(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    receiver.behaviours = [answers(422), answers(200)]
    one = pipeline(targets=[bank])
    one.turn([use()], raised(alert()))
    one.until_result()
    [row] = one.reader.revocations()
    one.turn(commands=[Retry(row.revocation_id, by="eve")])
    one.until_result()
    assert one.states() == ["delivered"]


def test_a_try_under_way_cannot_bring_a_released_message_back(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    receiver.behaviours = [hangs(), answers(200)]
    one = pipeline(targets=[bank])
    one.turn([use()], raised(alert()))
    [row] = one.reader.revocations()
    one.turn(commands=[Release(row.revocation_id, by="eve", reason="wrong")])
    one.until(lambda: not one.reader.pending_messages())
    assert [call.verified()["type"] for call in receiver.calls] == ["session.revoked", "session.released"]
    assert one.states() == ["released"]


@pytest.mark.parametrize("proof", [[], [event("destroy", "revoked", ago_us=-MINUTE)]], ids=["delivered", "confirmed"])
def test_a_person_who_still_sees_the_thief_may_revoke_again(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver, proof: list[Event]
) -> None:
    one = pipeline(targets=[bank])
    one.turn([use()], raised(alert()))
    one.until_result()
    one.turn(proof)
    assert one.turn(commands=[revoke()]).refusals == {}
    one.until_result()
    second = WebhookBody.model_validate(receiver.calls[1].verified())
    assert (second.data.sequence, second.data.reason) == (2, "reported stolen")


def test_what_is_under_way_is_not_revoked_again(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([use()], raised(alert()))
    assert one.turn(commands=[revoke()]).refusals == {0: "already being taken away (sent)"}


@pytest.mark.parametrize("proof", [[], [event("destroy", "revoked", ago_us=-MINUTE)]], ids=["delivered", "confirmed"])
def test_one_that_was_delivered_may_be_delivered_anew(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver, proof: list[Event]
) -> None:
    one = pipeline(targets=[bank])
    one.turn([use()], raised(alert()))
    one.until_result()
    one.turn(proof)
    [row] = one.reader.revocations()
    assert one.turn(commands=[Retry(row.revocation_id, by="eve")]).refusals == {}
    one.until_result()
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 2
    assert one.states() == ["delivered"]


def test_without_a_target_approval_is_refused_and_changes_nothing(pipeline: Start) -> None:
    one = pipeline()
    batch = one.turn(commands=[Approve(held(one), by="eve")])
    assert batch.refusals == {0: "no target for app bank ends a session"}
    [row] = one.reader.revocations()
    assert (row.state, "approved" in row.times) == ("held", False)


def test_a_retry_is_refused_once_the_target_is_gone(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    receiver.behaviours = [answers(422)]
    one = pipeline(targets=[bank])
    one.turn([use()], raised(alert()))
    one.until_result()
    [row] = one.reader.revocations()
    one = pipeline()
    batch = one.turn(commands=[Retry(row.revocation_id, by="eve")])
    assert batch.refusals == {0: "no target for app bank ends a session"}
    assert one.states() == ["failed"]


def test_a_retry_ends_no_login_made_since_the_decision(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    receiver.behaviours = [answers(422), answers(204)]
    one = pipeline(targets=[bank])
    one.turn(commands=[revoke("user", "alice")])
    one.until_result()
    [row] = one.reader.revocations()
    one.turn(commands=[Retry(row.revocation_id, by="eve")])
    one.until_result()
    decided = to_datetime(row.times["requested"])
    assert [WebhookBody.model_validate(call.verified()).timestamp for call in receiver.calls] == [decided, decided]


def test_what_a_person_approves_is_decided_then(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = pipeline(targets=[bank], protected=["alice"])
    approved = one.turn(commands=[Approve(held(one), by="eve")])
    one.until_result()
    body = WebhookBody.model_validate(receiver.calls[0].verified())
    assert body.timestamp == to_datetime(approved.arrival_us)


def from_network(session: str, user: str, network: str = "203.0.113.0/24") -> Event:
    """An accepted use of a session from a network."""
    return msgspec.structs.replace(use(session, user_id=user), place=Place(network=network))


def revoke_network(at_most: int | None = 2, subject: str = "203.0.113.0/24") -> RevokeManually:
    return RevokeManually("n1", "bank", "network", subject, by="eve", reason="all theirs", at_most=at_most)


def test_a_person_ends_each_session_from_a_network(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([from_network("s_1", "alice"), from_network("s_2", "bob"), from_network("s_3", "carol", "192.0.2.0/24")])
    one.turn(commands=[revoke_network()])
    rows = sorted((row.scope, row.subject, row.state, row.requested_by) for row in one.reader.revocations())
    assert rows == [
        ("network", "203.0.113.0/24", "sent", "eve"),
        ("session", "s_1", "sent", "eve"),
        ("session", "s_2", "sent", "eve"),
    ]


def test_of_a_network_the_sessions_are_released_that_were_wrong(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([from_network("s_1", "alice"), from_network("s_2", "bob")])
    one.turn(commands=[revoke_network()])
    made = {row.subject: row.revocation_id for row in one.reader.revocations()}
    whole = one.turn(commands=[Release(made["203.0.113.0/24"], "eve", "wrong network")])
    assert whole.refusals == {0: "it was carried out as 2 revocations of sessions: release those that were wrong"}
    assert one.turn(commands=[Release(made["s_1"], "eve", "it was her")]).refusals == {}
    assert {row.subject: row.state for row in one.reader.revocations()} == {
        "203.0.113.0/24": "sent", "s_1": "released", "s_2": "sent",
    }  # fmt: skip


def test_more_than_were_shown_are_not_ended(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([from_network("s_1", "alice"), from_network("s_2", "bob")])
    batch = one.turn(commands=[revoke_network(1)])
    assert batch.refusals[0] == "2 sessions are live by now, 1 were shown: look again"
    assert one.reader.revocations() == []


def test_a_network_without_sessions_is_refused(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    assert one.turn(commands=[revoke_network()]).refusals[0] == "no session of bank is live from 203.0.113.0/24"


def test_people_have_a_limit_of_their_own(
    pipeline: Start, bank: WebhookTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("response.guard.MANUAL_PER_HOUR", 1)
    one = pipeline(targets=[bank])
    one.turn([from_network("s_1", "alice"), from_network("s_2", "bob")])
    assert one.turn(commands=[revoke_network()]).refusals[0] == "people may end 1 sessions of bank an hour, 0 are"


def test_a_network_is_shown_only_in_a_dry_run(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], dry_run=True)
    one.turn([from_network("s_1", "alice")])
    one.turn(commands=[revoke_network()])
    assert set(one.states()) == {"suppressed"}


def test_a_release_is_an_error_of_its_rule(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([use()], raised(alert()))
    [row] = one.reader.revocations()
    batch = one.turn(commands=[Release(row.revocation_id, "eve", "it was her")])
    assert batch.rule_errors == ["session-hijack"]
    assert one.reader.rule_facts(0, 0)["session-hijack"].errors == 1


def test_a_false_alarm_that_is_released_too_is_one_error(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([use()], raised(alert()))
    [row] = one.reader.revocations()
    one.turn(commands=[Release(row.revocation_id, "eve", "it was her")])
    batch = one.turn(commands=[Triage(alert().alert_id, "eve", verdict="false_alarm")])
    assert batch.rule_errors == ["session-hijack"]
    assert one.reader.rule_facts(0, 0)["session-hijack"].errors == 1
