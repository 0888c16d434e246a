"""A locked login: for a time, with evidence, and let go by itself."""

from __future__ import annotations

import msgspec
import pytest

from response.commands import Approve, Release, RevokeManually
from response.guard import Limits
from response.policy import PolicyLine
from response.targets.webhook import WebhookTarget
from schemas.alert import Evidence
from schemas.instant import DAY, HOUR, MINUTE, parse_rfc3339
from tests.response.given import Pipeline, event, raised, use
from tests.response.receivers import SECRET, Receiver, answering, answers
from tests.response.test_acts import of_user
from tests.response.theft import Start

LOCKS = PolicyLine(("notify", "lock_login"), lock_for_us=20 * MINUTE)


def locked(pipeline: Start, bank: WebhookTarget) -> Pipeline:
    """A pipeline that has locked alice's login, which the app has taken."""
    one = pipeline(targets=[bank], lines=[LOCKS])
    one.turn([use("s_1")], raised(of_user()))
    one.until_result()
    return one


def test_the_app_is_told_who_and_until_when(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = locked(pipeline, bank)
    [row] = one.reader.revocations()
    body = receiver.calls[0].verified()
    data = body["data"]
    assert isinstance(data, dict)
    assert (body["type"], data["scope"], data["user_id"], data["session_id"]) == (
        "session.login_locked", "login", "alice", None,
    )  # fmt: skip
    assert parse_rfc3339(data["until"]) == row.times["sent"] + 20 * MINUTE
    assert row.state == "delivered"


def test_it_ends_by_itself_and_the_app_is_told(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = locked(pipeline, bank)
    later = 20 * MINUTE
    assert not one.responder.is_due(one.reader.revocations()[0].times["sent"] + later - 1)
    assert one.responder.is_due(one.reader.revocations()[0].times["sent"] + later)
    one.turn(later_us=later + MINUTE)
    one.until_result()
    assert one.states() == ["released"]
    data = receiver.calls[1].verified()["data"]
    assert isinstance(data, dict)
    assert (receiver.calls[1].verified()["type"], data["scope"]) == ("session.released", "login")


def test_it_ends_after_a_restart_too(pipeline: Start, bank: WebhookTarget) -> None:
    locked(pipeline, bank)
    one = pipeline(targets=[bank], lines=[LOCKS])
    one.turn(later_us=21 * MINUTE)
    assert one.states() == ["released"]


def test_a_person_releases_it_before(pipeline: Start, bank: WebhookTarget) -> None:
    one = locked(pipeline, bank)
    [row] = one.reader.revocations()
    one.turn(commands=[Release(row.revocation_id, "eve", "she called")])
    assert one.states() == ["released"]
    assert not one.responder.is_due(row.times["until"])


def test_failures_alone_lock_nobody_out(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], lines=[LOCKS])
    guess = event("fail", "bad_credentials", "s_other")
    counting = msgspec.structs.replace(of_user(), evidence=(Evidence(guess.event_id, guess.time_us, "refused"),))
    one.turn([use("s_1"), guess], raised(counting))
    assert one.reader.revocations() == []
    assert "failures alone lock nobody out" in one.audit()[-1].why


def test_one_that_was_held_is_locked_from_its_approval_on(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], lines=[LOCKS], protected=["alice"])
    one.turn([use("s_1")], raised(of_user()))
    [row] = one.responder.held()
    one.turn(commands=[Approve(row.revocation_id, "eve")], later_us=MINUTE)
    [row] = one.reader.revocations()
    assert (row.state, row.times["until"] - row.times["sent"]) == ("sent", 20 * MINUTE)


@pytest.mark.parametrize("status", [422])
def test_an_app_that_cannot_lock_it_is_a_failure(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver, status: int
) -> None:
    receiver.behaviours = [answers(status)]
    one = locked(pipeline, bank)
    [row] = one.reader.revocations()
    assert (row.state, "did not take it" in row.note) == ("failed", True)


def test_what_never_took_effect_is_not_undone_by_itself(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    """What stands there may be somebody else's, such as an account that an administrator has disabled."""
    receiver.behaviours = [answers(422)]
    one = locked(pipeline, bank)
    one.until(lambda: one.states() == ["failed"])
    one.turn(later_us=21 * MINUTE)
    assert one.states() == ["failed"]
    assert "login lock over" in one.acts()
    assert {call.verified()["type"] for call in receiver.calls} == {"session.login_locked"}


def test_that_it_is_over_is_noted_once(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    receiver.behaviours = [answers(422)]
    one = locked(pipeline, bank)
    one.until(lambda: one.states() == ["failed"])
    one.turn(later_us=21 * MINUTE)
    again = pipeline(targets=[bank], lines=[LOCKS])
    again.turn(later_us=22 * MINUTE)
    assert again.acts().count("login lock over") == 1


def lock(request: str = "r1", lock_for_us: int | None = None) -> RevokeManually:
    return RevokeManually(request, "bank", "login", "alice", by="eve", reason="she asked", lock_for_us=lock_for_us)


def test_a_person_locks_a_login_and_the_record_says_who(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    one = pipeline(targets=[bank])
    one.turn(commands=[lock(lock_for_us=HOUR)])
    one.until_result()
    [row] = one.reader.revocations()
    assert (row.state, row.scope, row.user_id, row.times["until"] - row.times["sent"]) == (
        "delivered", "login", "alice", HOUR,
    )  # fmt: skip
    assert receiver.calls[0].verified()["type"] == "session.login_locked"
    [line] = [line for line in one.audit() if line.act == "revocation requested"]
    assert (line.actor, line.why) == ("eve", "she asked")


def test_a_person_releases_the_lock_of_a_person(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = pipeline(targets=[bank])
    one.turn(commands=[lock()])
    one.until_result()
    [row] = one.reader.revocations()
    one.turn(commands=[Release(row.revocation_id, "eve", "she called")])
    one.until(lambda: len(receiver.calls) == 2)
    assert receiver.calls[1].verified()["type"] == "session.released"


def test_a_login_is_locked_by_one_lock_at_a_time(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn(commands=[lock()])
    one.until_result()
    assert "release that lock first" in one.turn(commands=[lock("r2")]).refusals[0]
    one.turn(later_us=16 * MINUTE)
    assert one.turn(commands=[lock("r3")], later_us=17 * MINUTE).refusals == {}


def test_of_a_privileged_user_two_people_lock_the_login(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], limits=Limits(privileged_users=frozenset({"alice"})))
    one.turn(commands=[lock()])
    assert one.states() == ["held"]
    [row] = one.responder.held()
    one.turn(commands=[Approve(row.revocation_id, "olivia")])
    assert one.states() == ["sent"]


def test_a_lock_outlives_the_sessions_and_a_restart(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    """Also where one of two targets did not take it: what the other has locked is released."""
    with answering(answers(422)) as refusing:
        other = WebhookTarget("other", "bank", refusing.url, [SECRET], allow_private=True)
        one = pipeline(targets=[bank, other])
        one.turn(commands=[lock(lock_for_us=20 * DAY)])
        one.until(lambda: refusing.calls and receiver.calls and not one.reader.pending_messages())
    assert one.states() == ["failed"]
    again = pipeline(targets=[bank])
    again.turn(later_us=20 * DAY + MINUTE)
    again.until(lambda: len(receiver.calls) == 2)
    assert again.states() == ["released"]


def test_a_lock_that_one_of_two_targets_has_taken_is_released_before_another(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    """The first one's end would let the user in before the second one's."""
    with Receiver() as other:
        other.behaviours = [answers(422)]
        sso = WebhookTarget("sso", "bank", other.url, [SECRET], allow_private=True)
        one = pipeline(targets=[bank, sso])
        one.turn(commands=[lock("r1", 20 * MINUTE)])
        one.until(lambda: one.states() == ["failed"] and len(one.reader.pending_messages()) == 0)
        batch = one.turn(commands=[lock("r2", 5 * HOUR)])
        assert "release that lock first" in batch.refusals[0]
        assert len(receiver.calls) == 1


def test_a_held_lock_does_not_go_beside_a_persons(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], lines=[LOCKS], protected=["alice"])
    one.turn([use("s_1")], raised(of_user()))
    [held] = one.responder.held()
    one.turn(commands=[lock(lock_for_us=5 * HOUR)])
    one.until_result()
    batch = one.turn(commands=[Approve(held.revocation_id, "mallory")])
    assert "release that lock first" in batch.refusals[0]
    assert [row.state for row in one.responder.held()] == ["held"]
