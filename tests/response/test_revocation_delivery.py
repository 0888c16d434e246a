"""How a revocation reaches its receiver, whatever that does, and over a restart."""

from __future__ import annotations

import pytest

from response.clock import now_us
from response.targets.webhook import WebhookTarget
from schemas.instant import SECOND
from tests.response.given import alert, event, eventually, raised, use
from tests.response.receivers import OLD_SECRET, SECRET, Receiver, answers, hangs
from tests.response.theft import Start, other_client, steal


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
