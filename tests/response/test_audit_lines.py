"""What stands in the audit log: every decision, delivery, act and refusal, with who, to what, whose and why."""

from __future__ import annotations

from collections.abc import Callable

from ingest.batch import Batch
from response.commands import (
    Approve,
    EraseName,
    GiveVerdict,
    Pause,
    Release,
    Resume,
    RevokeManually,
    Triage,
    UndoTriage,
)
from response.pipeline_facts import audit_facts
from response.policy import PolicyLine
from response.targets.webhook import WebhookTarget
from schemas.signal import Signal
from tests.response.given import SESSION, Pipeline, alert, event, raised, use
from tests.response.receivers import SECRET, Receiver, answers

Start = Callable[..., Pipeline]
Said = tuple[str, str, str]


def theft(one: Pipeline) -> str:
    """Alice's session is stolen; the alert's id."""
    stolen = alert()
    one.turn([use()], raised(stolen))
    return stolen.alert_id


def said(one: Pipeline, act: str) -> list[Said]:
    """Actor, whom it is about, and why, of each line about an act."""
    return [(line.actor, line.user_id or "", line.why) for line in one.audit() if line.act == act]


def test_a_decision_names_the_policy_s_line_and_whose_session_it_is(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], lines=[PolicyLine(("notify", "revoke_session"))])
    theft(one)
    why = "policy line 1: notify, revoke_session; revocation of the session sent to the app"
    assert said(one, "alert raised") == [("pipeline", "alice", why)]
    assert said(one, "revocation requested") == [("policy", "alice", "policy line 1")]


def test_what_the_guard_refuses_says_why(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], protected=["alice"])
    theft(one)
    assert said(one, "revocation held") == [("pipeline", "alice", "the user is protected")]


def test_what_a_dry_run_suppresses_says_what_asked(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], dry_run=True)
    theft(one)
    [(actor, user, why)] = said(one, "revocation suppressed")
    assert (actor, user) == ("pipeline", "alice")
    assert why == "dry run: session-hijack (default)"


def test_in_a_dry_run_too_a_person_s_act_is_theirs(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], dry_run=True)
    one.turn(commands=[RevokeManually("r1", "bank", "session", SESSION, "eve", "seen it", "alice")])
    assert said(one, "revocation suppressed") == [("eve", "alice", "dry run: seen it")]


def test_what_nobody_would_take_is_held_in_the_name_of_who_asked(pipeline: Start) -> None:
    one = pipeline()
    one.turn(commands=[RevokeManually("r1", "bank", "session", SESSION, "eve", "seen it", "alice")])
    [(actor, _, why)] = said(one, "revocation held")
    assert (actor, why) == ("eve", "no target for app bank ends a session")


def test_each_target_s_delivery_is_a_line(pipeline: Start, bank: WebhookTarget) -> None:
    with Receiver() as second:
        other = WebhookTarget("other", "bank", second.url, [SECRET], allow_private=True, deadline_s=0.5)
        one = pipeline(targets=[bank, other])
        theft(one)
        one.until(lambda: one.states() == ["delivered"])
    lanes = [why for act in ("session.revoked delivered", "revocation delivered") for _, _, why in said(one, act)]
    assert sorted(lanes) == ["webhook:bank", "webhook:other"]


def test_a_release_is_a_line_when_it_is_asked_for_and_when_it_is_delivered(
    pipeline: Start, bank: WebhookTarget
) -> None:
    one = pipeline(targets=[bank])
    theft(one)
    one.until_result()
    [row] = one.reader.revocations()
    one.turn(commands=[Release(row.revocation_id, "eve", "it was her")])
    one.until_result()
    assert said(one, "revocation released") == [("eve", "alice", "it was her")]
    assert said(one, "session.released delivered") == [("pipeline", "alice", "webhook:bank")]


def test_what_a_target_refuses_for_good_says_so(pipeline: Start) -> None:
    with Receiver([answers(410)]) as gone:
        bank = WebhookTarget("bank", "bank", gone.url, [SECRET], allow_private=True, deadline_s=0.5)
        one = pipeline(targets=[bank])
        theft(one)
        one.until(lambda: one.states() == ["failed"])
    [(_, user, why)] = said(one, "revocation failed")
    assert user == "alice"
    assert why.startswith("webhook:bank did not take it")
    assert "target gone" in one.acts()


def test_the_app_s_proof_is_the_app_s(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    theft(one)
    one.until_result()
    one.turn([event("destroy", "revoked", ago_us=-1_000)])
    assert said(one, "revocation confirmed") == [("bank", "alice", "destroy(revoked)")]


def test_a_refused_act_is_a_line(pipeline: Start) -> None:
    one = pipeline()
    asked = alert(mode="alert")
    one.turn([use()], raised(asked))
    one.turn(
        commands=[
            Pause("eve", "the rule has gone mad"),
            Pause("bob", "me too"),
            Resume("bob", "calm"),
            Resume("bob", "calm"),
            Approve("nothing", "bob"),
            Triage(asked.alert_id, "eve", verdict="benign"),
            UndoTriage(asked.alert_id, "bob"),
        ]
    )
    assert [(actor, why) for actor, _, why in said(one, "manual act refused")] == [
        ("bob", "it is paused already, by eve: the rule has gone mad"),
        ("bob", "it is not paused"),
        ("bob", "there is no such revocation, expected one that is held"),
        ("bob", "the last decision is somebody else's"),
    ]


def test_a_verdict_that_is_given_twice_is_a_line(pipeline: Start) -> None:
    one = pipeline()
    stolen = alert(mode="alert")
    one.turn([use()], raised(stolen))
    answer = GiveVerdict("t1", "bank", "alice", stolen.alert_id, SESSION, True, None, "bank-app")
    one.turn(commands=[answer, answer])
    assert said(one, "user verdict refused") == [("bank-app", "", "this token was used before")]
    assert {user for _, user, _ in said(one, "user verdict")} == {"alice"}


def test_lists_that_changed_and_rules_that_were_switched_off_are_lines() -> None:
    batch = Batch(7)
    batch.signals = [
        Signal("l1", 1, "list_changed", payload={"name": "office", "content": "{}"}),
        Signal("l2", 1, "list_changed", payload={"name": "vpn"}),
        Signal("o1", 1, "rule_switched_off", payload={"rule_id": "bot-rate", "rule_version": 3}),
        Signal("t1", 1, "tick"),
    ]
    audit_facts(batch)
    assert [(line.time_us, line.actor, line.act, line.subject, line.why) for line in batch.audit] == [
        (7, "pipeline", "list changed", "office", "its file holds something else"),
        (7, "pipeline", "list changed", "vpn", "it is gone"),
        (7, "pipeline", "rule switched off", "bot-rate", "it failed again and again"),
    ]


def test_an_erasure_is_left_to_the_writer(pipeline: Start) -> None:
    batch = pipeline().turn(commands=[EraseName("eve", "dora", "she has left")])
    assert [(one.name, one.by, one.why) for one in batch.erasures] == [("eve", "dora", "she has left")]
