from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from response.chat import Chat
from response.commands import Release, Triage
from response.skipped import Skipped
from response.targets.webhook import WebhookTarget
from schemas.alert import AlertChange
from schemas.app import AppPolicy, Apps
from schemas.instant import MINUTE
from tests.response.given import Pipeline, alert, raised, use
from tests.response.receivers import SECRET, Receiver

Start = Callable[..., Pipeline]

IDLE = Apps({"bank": AppPolicy("bank", realm="bank", idle_timeout_us=15 * MINUTE)})
FURTHER = [AlertChange("updated", alert())]


@pytest.fixture(params=["not in use", "late"])
def skipped(request: pytest.FixtureRequest, pipeline: Start, bank: WebhookTarget) -> Pipeline:
    """A pipeline whose first alert could not be acted on: the batch was the first after an outage, or it came late."""
    one = pipeline(targets=[bank], apps=IDLE)
    late = request.param == "late"
    one.turn([use(ago_us=0 if late else 40 * MINUTE)], raised(alert(late=late)))
    assert one.states() == []
    return one


def test_a_further_hit_in_a_session_that_is_used_again_ends_it(skipped: Pipeline) -> None:
    skipped.turn([use()], FURTHER)
    assert skipped.states() == ["sent"]


def test_it_also_does_after_a_restart(skipped: Pipeline, pipeline: Start, receiver: Receiver) -> None:
    again = WebhookTarget("bank", "bank", receiver.url, [SECRET], allow_private=True)
    one = pipeline(targets=[again], apps=IDLE)
    one.turn([use()], FURTHER)
    assert one.states() == ["sent"]


def test_it_is_decided_once(skipped: Pipeline) -> None:
    skipped.turn([use()], FURTHER)
    batch = skipped.turn([use()], FURTHER)
    assert (batch.revocations, batch.audit) == ([], [])


def test_what_a_person_has_settled_is_not_decided_again(skipped: Pipeline) -> None:
    skipped.turn(commands=[Triage(alert().alert_id, by="eve", verdict="benign")])
    skipped.turn([use()], FURTHER)
    assert skipped.states() == []


def test_hits_that_are_old_too_leave_it_alone_and_say_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], apps=IDLE)
    one.turn([use(ago_us=40 * MINUTE)], raised(alert()))
    batch = one.turn([use(ago_us=30 * MINUTE)], FURTHER)
    assert (batch.revocations, batch.audit) == ([], [])


def test_people_are_told_what_became_of_it(pipeline: Start, bank: WebhookTarget) -> None:
    with Receiver() as people:
        one = pipeline(targets=[bank], chats=[Chat(f"json://127.0.0.1:{people.port}/")], apps=IDLE)
        one.turn([use(ago_us=40 * MINUTE)], raised(alert()))
        batch = one.turn([use()], FURTHER)
    assert [message.kind for message in batch.messages] == ["session.revoked", "chat.alert"]


def test_a_session_that_a_person_has_released_stays_released(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([use()], raised(alert(late=True)))
    one.turn([use()], raised(alert("use-after-destroy")))
    [row] = one.reader.revocations()
    one.turn(commands=[Release(row.revocation_id, by="eve", reason="known")])
    one.turn([use()], FURTHER)
    assert one.states() == ["released"]


def test_a_withdrawn_alert_is_forgotten(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([use()], raised(alert(late=True)))
    one.turn([], [AlertChange("withdrawn", alert())])
    one.turn([use()], FURTHER)
    assert one.states() == []


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans())))
def test_the_newest_few_are_remembered(notes: list[tuple[str, bool]]) -> None:
    skipped = Skipped(limit=3)
    model: list[str] = []
    for alert_id, is_skipped in notes:
        skipped.note(alert_id, skipped=is_skipped)
        model = [one for one in model if one != alert_id] + [alert_id] * is_skipped
        model = model[-3:]
        assert [one for one in "abcdef" if one in skipped] == sorted(model)
