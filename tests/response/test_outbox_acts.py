"""Messages that people have tried anew, or give up."""

from __future__ import annotations

import pytest

from response.commands import DropMessages, Release, RetryMessages
from response.targets.webhook import WebhookTarget
from tests.response.given import Pipeline, eventually
from tests.response.receivers import Receiver, answers
from tests.response.theft import Start, steal

LANE = "webhook:bank"


def parked(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> Pipeline:
    """A pipeline whose only message was refused by its receiver."""
    receiver.behaviours = [answers(422)]
    one = pipeline(targets=[bank])
    steal(one)
    one.until(lambda: one.states() == ["failed"])
    receiver.behaviours = [answers(204)]
    return one


def messages(one: Pipeline) -> list[str]:
    return [message.state for message, _ in one.reader.outbox_page()]


def test_a_parked_message_is_tried_anew_under_its_own_id(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    one = parked(pipeline, bank, receiver)
    [(before, _)] = one.reader.outbox_page()
    one.turn(commands=[RetryMessages(LANE, by="eve", reason="mended", message_id=before.message_id)])
    assert one.states() == ["sent"]
    one.until(lambda: one.states() == ["delivered"])
    [(after, _)] = one.reader.outbox_page()
    assert (after.message_id, after.state, after.attempts) == (before.message_id, "delivered", 1)


def test_all_parked_messages_of_a_lane_are_tried_anew(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = parked(pipeline, bank, receiver)
    one.turn(commands=[RetryMessages(LANE, by="eve", reason="mended")])
    one.until(lambda: messages(one) == ["delivered"])
    assert one.states() == ["delivered"]


def test_a_retry_outlives_a_restart(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = parked(pipeline, bank, receiver)
    one.responder.close()
    one.turn(commands=[RetryMessages(LANE, by="eve", reason="mended")])
    again = WebhookTarget("bank", "bank", receiver.url, ["whsec_" + "c2VjcmV0" * 8], allow_private=True)
    one = pipeline(targets=[again])
    one.until(lambda: one.states() == ["delivered"])


def test_a_message_that_waits_is_dropped_and_its_revocation_has_failed(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    receiver.behaviours = [answers(503)] * 50
    one = pipeline(targets=[bank])
    steal(one)
    one.turn(commands=[DropMessages(LANE, by="eve", reason="ended by hand")])
    assert messages(one) == ["dropped"]
    [row] = one.reader.revocations()
    assert (row.state, "dropped by eve: ended by hand" in row.note) == ("failed", True)
    eventually(lambda: one.outbox.waiting()[LANE] == 0)


def test_each_act_is_audited_with_its_reason(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = parked(pipeline, bank, receiver)
    one.turn(commands=[DropMessages(LANE, by="eve", reason="gone for good")])
    line = next(line for line in one.audit() if line.act == "messages dropped")
    assert (line.actor, line.subject, line.why, line.details) == (
        "eve", LANE, "gone for good", {"lane": LANE, "messages": 1},
    )  # fmt: skip


def test_what_was_delivered_is_not_tried_anew(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.until(lambda: one.states() == ["delivered"])
    [(message, _)] = one.reader.outbox_page()
    batch = one.turn(commands=[RetryMessages(LANE, by="eve", reason="once more", message_id=message.message_id)])
    assert batch.refusals == {0: "it is delivered, expected one that is parked or dropped"}


def test_a_lane_without_anything_to_do_says_so(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    batch = one.turn(commands=[RetryMessages(LANE, by="eve", reason="once more")])
    assert batch.refusals == {0: f"nothing in the lane {LANE} is parked"}


def test_what_was_delivered_since_hides_nothing(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("response.outbox_acts.MOST", 1)
    one = parked(pipeline, bank, receiver)
    steal(one, session="s_later")
    one.until(lambda: one.states() == ["failed", "delivered"])
    assert one.turn(commands=[RetryMessages(LANE, by="eve", reason="mended")]).refusals == {}
    one.until(lambda: one.states() == ["delivered", "delivered"])


def released(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> tuple[Pipeline, str]:
    """A pipeline whose revocation was parked and then released, which the app was told; and the parked message."""
    one = parked(pipeline, bank, receiver)
    [(message, _)] = one.reader.outbox_page()
    [row] = one.reader.revocations()
    one.turn(commands=[Release(row.revocation_id, "eve", "it was her")])
    one.until(lambda: messages(one)[0] == "delivered")
    return one, message.message_id


@pytest.mark.parametrize("by_lane", [True, False])
def test_what_was_released_since_is_not_taken_away_by_a_retry(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver, by_lane: bool
) -> None:
    """A receiver that knows no sequence would end the session once more."""
    one, message_id = released(pipeline, bank, receiver)
    named = None if by_lane else message_id
    batch = one.turn(commands=[RetryMessages(LANE, by="eve", reason="mended", message_id=named)])
    assert batch.refusals == {0: "nothing is tried anew: its revocation was released since"}
    assert (messages(one), one.outbox.waiting()[LANE]) == (["delivered", "dropped"], 0)


def test_the_others_of_the_lane_are_tried_anew_all_the_same(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    one, _ = released(pipeline, bank, receiver)
    receiver.behaviours = [answers(422)]
    steal(one, session="s_later")
    one.until(lambda: one.states() == ["released", "failed"])
    receiver.behaviours = [answers(204)]
    assert one.turn(commands=[RetryMessages(LANE, by="eve", reason="mended")]).refusals == {}
    one.until(lambda: one.states() == ["released", "delivered"])
    assert sorted(messages(one)) == ["delivered", "delivered", "dropped"]
