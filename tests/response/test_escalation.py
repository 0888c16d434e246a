"""What follows where a session goes on although its revocation was delivered twice."""

from __future__ import annotations

import msgspec

from response.clock import now_us
from response.escalation import RULE_ID
from response.guard import Limits
from response.targets.webhook import WebhookTarget
from schemas.alert import Alert, AlertChange, Evidence
from schemas.instant import MINUTE
from tests.response.given import SESSION, Pipeline, accepted_id, alert, raised, use
from tests.response.theft import NOT_EFFECTIVE, Start, steal

OTHERS = ["s_a", "s_b"]


def stolen_twice(pipeline: Start, bank: WebhookTarget, *, sound: int = 1, **settings: object) -> Pipeline:
    """A session whose revocation was delivered twice, beside others of the app that were ended well."""
    one = pipeline(targets=[bank], **{"escalate": True, **settings})
    for session in OTHERS[:sound]:
        user = f"user of {session}"
        one.turn([use(session, user_id=user)], raised(alert(session_id=session, user_id=user)))
        one.until_result()
    steal(one)
    one.until_result()
    one.turn([use()], raised(goes_on(1)))
    one.until_result()
    return one


def goes_on(minutes: int) -> Alert:
    """The revoked session accepted once more, so many minutes from now."""
    at_us = now_us() + minutes * MINUTE
    accepted = Evidence(accepted_id("bank", SESSION), now_us(), "accepted")
    return msgspec.structs.replace(NOT_EFFECTIVE, last_event_time_us=at_us, user_id="alice", evidence=(accepted,))


def again(one: Pipeline, minutes: int) -> list[str]:
    """What was told when the session was accepted once more."""
    one.turn([use()], [AlertChange("updated", goes_on(minutes))], later_us=minutes * MINUTE)
    return [f"{row.scope} {row.state}" for row in reversed(one.reader.revocations()) if row.user_id == "alice"]


def test_all_sessions_of_the_user_are_ended(pipeline: Start, bank: WebhookTarget) -> None:
    one = stolen_twice(pipeline, bank)
    assert again(one, 2) == ["session failed", "user sent"]


def test_after_that_the_login_is_locked(pipeline: Start, bank: WebhookTarget) -> None:
    one = stolen_twice(pipeline, bank)
    again(one, 2)
    one.until_result()
    assert again(one, 10) == ["session failed", "user failed", "login sent"]


def test_it_is_off_by_default(pipeline: Start, bank: WebhookTarget) -> None:
    one = stolen_twice(pipeline, bank, escalate=False)
    assert again(one, 2) == ["session failed"]


def test_the_second_delivery_is_waited_for(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], escalate=True)
    steal(one)
    one.until_result()
    one.turn([use()], raised(goes_on(1)))
    assert again(one, 2) == ["session failed"]


def test_the_guard_counts_it(pipeline: Start, bank: WebhookTarget) -> None:
    one = stolen_twice(pipeline, bank, limits=Limits(max_share_per_hour=1.0, max_per_hour=2))
    assert again(one, 2) == ["session failed", "user held"]


def test_where_every_revocation_of_the_app_fails_it_is_one_incident(pipeline: Start, bank: WebhookTarget) -> None:
    one = stolen_twice(pipeline, bank, sound=0)
    assert again(one, 2) == ["session failed"]
    assert again(one, 3) == ["session failed"]
    [incident] = [one for one in one.reader.alerts() if one.rule_id == RULE_ID]
    assert (incident.key_kind, incident.key_value) == ("app", "bank")
    assert "1 of 1 revocations that bank was sent in the last hour had no effect" in incident.summary


def test_an_accepted_use_of_the_user_is_needed(pipeline: Start, bank: WebhookTarget) -> None:
    one = stolen_twice(pipeline, bank)
    unproven = msgspec.structs.replace(goes_on(2), evidence=())
    one.turn([use()], [AlertChange("updated", unproven)], later_us=2 * MINUTE)
    assert [row.scope for row in one.reader.revocations()] == ["session", "session"]
