"""The kill switch."""

from __future__ import annotations

from response.commands import Approve, Pause, Resume, RevokeManually
from response.targets.webhook import WebhookTarget
from tests.response.given import alert, raised, use
from tests.response.theft import NOT_EFFECTIVE, Start, steal

PAUSE = Pause(by="eve", reason="the rule has gone mad")


def test_while_paused_what_would_end_waits_for_a_person(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn(commands=[PAUSE])
    steal(one)
    [row] = one.responder.held()
    assert row.note == "the response is paused by eve: the rule has gone mad"


def test_the_switch_outlives_a_restart(pipeline: Start, bank: WebhookTarget) -> None:
    pipeline(targets=[bank]).turn(commands=[PAUSE])
    one = pipeline(targets=[bank])
    steal(one)
    assert one.states() == ["held"]


def test_resumed_it_acts_again_and_leaves_what_was_held_to_people(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn(commands=[PAUSE])
    steal(one, session="s_held")
    one.turn(commands=[Resume(by="eve", reason="the rule is off")])
    one.turn([use("s_new")], raised(alert(session_id="s_new")))
    assert sorted((row.subject, row.state) for row in one.reader.revocations()) == [
        ("s_held", "held"),
        ("s_new", "sent"),
    ]


def test_people_act_all_the_same(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn(commands=[PAUSE])
    steal(one)
    one.turn(commands=[Approve(one.responder.held()[0].revocation_id, by="eve")])
    one.turn(commands=[RevokeManually("r1", "bank", "session", "s_2", by="eve", reason="seen it")])
    assert one.states() == ["sent", "sent"]


def test_both_are_audited(pipeline: Start) -> None:
    one = pipeline()
    one.turn(commands=[PAUSE, Resume(by="bob", reason="calm again")])
    assert [(line.actor, line.act, line.why) for line in one.audit()] == [
        ("eve", "response paused", "the rule has gone mad"),
        ("bob", "response resumed", "calm again"),
    ]


def test_what_is_paused_is_not_paused_again(pipeline: Start) -> None:
    one = pipeline()
    batch = one.turn(commands=[PAUSE, Pause(by="bob", reason="me too")])
    assert batch.refusals == {1: "it is paused already, by eve: the rule has gone mad"}


def test_what_is_not_paused_is_not_resumed(pipeline: Start) -> None:
    assert pipeline().turn(commands=[Resume(by="eve", reason="why not")]).refusals == {0: "it is not paused"}


def test_paused_a_revocation_without_effect_is_not_delivered_once_more(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.until(lambda: one.states() == ["delivered"])
    one.turn(commands=[PAUSE])
    batch = one.turn([], raised(NOT_EFFECTIVE))
    assert [message.kind for message in batch.messages] == []
    assert "not delivered once more: the response is paused by eve" in batch.audit[-1].why
