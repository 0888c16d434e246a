"""A user is asked to prove who they are, and what the answer, or none, leads to."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
import pytest

from response.chat import Chat
from response.commands import Pause, Triage
from response.policy import PolicyLine
from response.targets.webhook import WebhookTarget
from schemas.alert import Evidence, Severity
from schemas.event import Event
from schemas.instant import DAY, MINUTE, SECOND
from tests.response.given import SESSION, Pipeline, alert, event, raised, use
from tests.response.receivers import SECRET, Receiver, answers
from tests.response.theft import Start, withdrawn

ASKS = PolicyLine(("notify", "step_up"))
LATER = 11 * MINUTE


def asked(pipeline: Start, bank: WebhookTarget, **settings: object) -> Pipeline:
    one = pipeline(targets=[bank], lines=[ASKS], **settings)
    one.turn([use()], raised(alert()))
    return one


def states(one: Pipeline) -> list[str]:
    return [row.state for row in one.reader.step_ups_of(alert().alert_id)]


def after(found: Event, later_us: int) -> Event:
    return msgspec.structs.replace(found, time_us=found.time_us + later_us)


def login(device: str | None, *, parent: str | None = None) -> Event:
    found = after(event("create", "login", "s_k1_fresh"), SECOND)
    return msgspec.structs.replace(found, device_id=device, parent_session_id=parent)


def test_the_app_is_asked_by_a_signed_webhook(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = asked(pipeline, bank)
    one.until(lambda: states(one) == ["delivered"])
    body = json.loads(receiver.calls[0].body)
    assert (body["type"], body["data"]["session_id"]) == ("session.step_up_required", SESSION)
    assert set(body["data"]) == {
        "revocation_id", "app", "session_id", "user_id", "scope", "sequence", "reason", "alert_id", "rule_id",
        "severity",
    }  # fmt: skip


def test_nothing_is_ended_before_the_time_is_over(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank)
    one.turn([use()], later_us=9 * MINUTE)
    assert (states(one)[0] in ("asked", "delivered"), one.states()) == (True, [])


def test_a_step_up_of_the_session_clears_it(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank)
    one.turn([after(event("validate", "step_up"), SECOND)])
    one.turn([after(use(), LATER)], later_us=LATER)
    assert (states(one), one.states()) == (["cleared"], [])
    record = one.reader.alert_record(alert().alert_id)
    assert (record.triage.status, record.triage.verdict) == ("resolved", None)


def test_a_step_up_from_before_the_question_clears_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank)
    one.turn([event("validate", "step_up", ago_us=MINUTE)])
    assert states(one)[0] != "cleared"


def test_nobody_who_answers_in_time_loses_the_session(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank)
    one.turn([after(use(), LATER)], later_us=LATER)
    assert (states(one), one.states()) == (["expired"], ["sent"])
    assert "step-up expired" in one.acts()


def test_the_loop_is_told_when_the_time_is_over(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank)
    now_us = one.turn().arrival_us
    assert not one.responder.is_due(now_us)
    assert one.responder.is_due(now_us + LATER)


def test_the_timer_outlives_a_restart(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    asked(pipeline, bank)
    again = WebhookTarget("bank", "bank", receiver.url, ["whsec_" + "c2VjcmV0" * 8], allow_private=True)
    one = pipeline(targets=[again], lines=[ASKS])
    assert one.responder.is_due(one.turn().arrival_us + LATER)
    one.turn([after(use(), LATER)], later_us=LATER)
    assert one.states() == ["sent"]


def test_the_guard_is_asked_before_the_session_is_ended(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank, number=0)
    one.turn([after(use(), LATER)], later_us=LATER)
    assert (states(one), one.states()) == (["expired"], ["held"])


def test_what_failures_alone_have_led_to_goes_to_a_person(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], lines=[ASKS])
    forged = event("fail", "csrf")
    counting = msgspec.structs.replace(alert(), evidence=(Evidence(forged.event_id, forged.time_us, "refused"),))
    one.turn([use(), forged], raised(counting))
    one.turn([after(use(), LATER)], later_us=LATER)
    [row] = one.responder.held()
    assert "failures alone end nothing" in row.note


def test_a_login_from_a_known_device_that_follows_from_the_session_clears_it(
    pipeline: Start, bank: WebhookTarget
) -> None:
    one = pipeline(targets=[bank], lines=[ASKS])
    one.turn([msgspec.structs.replace(use("s_k1_old", ago_us=DAY), device_id="d_phone")])
    one.turn([use()], raised(alert()))
    one.turn([login("d_phone", parent=SESSION)])
    assert states(one) == ["cleared"]


@pytest.mark.parametrize(("used_again", "state"), [(False, "cleared"), (True, "expired")])
def test_a_login_elsewhere_clears_it_only_if_the_session_is_used_no_more(
    pipeline: Start, bank: WebhookTarget, used_again: bool, state: str
) -> None:
    one = pipeline(targets=[bank], lines=[ASKS])
    one.turn([msgspec.structs.replace(use("s_k1_old", ago_us=DAY), device_id="d_phone")])
    one.turn([use()], raised(alert()))
    one.turn([login("d_phone")])
    one.turn([after(use(), LATER)] if used_again else [], later_us=LATER)
    assert states(one) == [state]


@pytest.mark.parametrize("device", [None, "d_thief"])
def test_a_login_from_an_unknown_device_clears_nothing(
    pipeline: Start, bank: WebhookTarget, device: str | None
) -> None:
    one = asked(pipeline, bank)
    one.turn([login(device, parent=SESSION)])
    assert states(one)[0] != "cleared"


def test_a_session_that_ends_by_itself_is_asked_no_more(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank)
    one.turn([event("destroy", "logout")])
    assert states(one) == ["ended"]


def test_an_alert_that_is_withdrawn_takes_the_question_back(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank)
    one.turn([], withdrawn(alert()))
    one.turn([after(use(), LATER)], later_us=LATER)
    assert (states(one), one.states()) == (["cancelled"], [])


def test_an_alert_that_a_person_finds_false_ends_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank)
    one.turn(commands=[Triage(alert().alert_id, by="eve", verdict="false_alarm")])
    one.turn([after(use(), LATER)], later_us=LATER)
    assert (states(one), one.states()) == (["cancelled"], [])


def test_an_app_that_cannot_ask_leaves_it_to_a_person(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    receiver.behaviours = [answers(422)]
    one = asked(pipeline, bank)
    one.until(lambda: states(one) == ["failed"])
    [row] = one.responder.held()
    assert "webhook:bank did not ask for it: answered 422" in row.note


def test_without_a_target_a_person_is_asked_instead(pipeline: Start) -> None:
    one = pipeline(lines=[ASKS])
    one.turn([use()], raised(alert()))
    [row] = one.responder.held()
    assert row.note == "no target for app bank can ask for a step-up"


def test_a_session_is_asked_once_at_a_time(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank)
    batch = one.turn([use()], raised(alert("user-multi-ip")))
    assert [message.kind for message in batch.messages] == []


def test_a_dry_run_asks_nobody(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank, dry_run=True)
    assert states(one) == ["suppressed"]
    assert one.reader.outbox_page() == []


def test_paused_nobody_is_asked(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], lines=[ASKS])
    one.turn(commands=[Pause(by="eve", reason="calm")])
    one.turn([use()], raised(alert()))
    assert states(one) == []


def rotated(session: str = "s_k1_child", *, reason: str = "refresh", device: str | None = None) -> Event:
    child = after(event("create", reason, session), SECOND)
    return msgspec.structs.replace(child, parent_session_id=SESSION, device_id=device)


@pytest.mark.parametrize("reason", ["refresh", "rotation"])
def test_a_session_that_is_rotated_is_followed_and_ended(pipeline: Start, bank: WebhookTarget, reason: str) -> None:
    one = asked(pipeline, bank)
    one.turn([rotated(reason=reason), event("destroy", "rotated")])
    one.turn([after(use("s_k1_child"), LATER)], later_us=LATER)
    assert [(row.subject, row.state) for row in one.reader.revocations()] == [("s_k1_child", "sent")]


def test_a_rotation_with_a_stolen_device_cookie_proves_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], lines=[ASKS])
    one.turn([msgspec.structs.replace(use("s_k1_old", ago_us=DAY), device_id="d_phone")])
    one.turn([use()], raised(alert()))
    one.turn([rotated(reason="rotation", device="d_phone")])
    assert "cleared" not in states(one)


def test_the_app_is_asked_for_the_session_that_it_goes_on_as(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank)
    [message] = one.turn([rotated()]).messages
    assert json.loads(message.payload)["data"]["session_id"] == "s_k1_child"
    one.turn([after(event("validate", "step_up", "s_k1_child"), 2 * SECOND)])
    assert sorted(states(one)) == ["cleared", "ended"]


@pytest.fixture
def other() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.mark.parametrize("slow", ["bank", "other"])
def test_one_target_that_asks_suffices(pipeline: Start, bank: WebhookTarget, other: Receiver, slow: str) -> None:
    """Whichever of the two answers first."""
    other.behaviours = [answers(422)]
    sso = WebhookTarget("sso", "bank", other.url, [SECRET], allow_private=True)
    one = pipeline(targets=[bank, sso], lines=[ASKS])
    one.turn([use()], raised(alert()))
    results = [one.results.get(timeout=5), one.results.get(timeout=5)]
    for result in sorted(results, key=lambda result: (result.lane == "webhook:bank") == (slow == "bank")):
        one.turn(commands=[result])
    assert (states(one), one.states()) == (["delivered"], [])
    one.turn([after(event("validate", "step_up"), SECOND)])
    assert (states(one), one.states()) == (["cleared"], [])


def test_of_a_session_that_was_rotated_the_one_that_it_goes_on_as_is_held(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    one = asked(pipeline, bank)
    one.until(lambda: states(one) == ["delivered"])
    receiver.behaviours = [answers(422)]
    one.turn([rotated()])
    one.until(lambda: one.states() == ["held"])
    [row] = one.responder.held()
    assert row.session_id == "s_k1_child"


def test_people_are_told_that_nobody_could_be_asked(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver, other: Receiver
) -> None:
    receiver.behaviours = [answers(422)]
    chat = Chat(f"json://127.0.0.1:{other.port}/", Severity.HIGH)
    one = pipeline(targets=[bank], lines=[PolicyLine(("step_up",))], chats=[chat])
    one.turn([use()], raised(alert()))
    one.until(lambda: one.states() == ["held"])
    [told] = [message for message, _ in one.reader.outbox_page() if message.kind == "chat.notice"]
    assert "Revocations of app bank are held and wait for a person" in told.payload


def test_people_are_told_of_a_budget_that_keeps_the_unanswered_in(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank, number=0)
    batch = one.turn([after(use(), LATER)], later_us=LATER)
    assert [change.alert.rule_id for change in batch.changes] == ["guard-budget"]


def test_a_protected_user_is_asked_and_people_end_the_session(pipeline: Start, bank: WebhookTarget) -> None:
    one = asked(pipeline, bank, protected=["alice"])
    one.turn([after(use(), LATER)], later_us=LATER)
    [row] = one.responder.held()
    assert (states(one), row.note) == (["expired"], "the user is protected")
