"""Messages carried by a command: once each, and in order."""

from __future__ import annotations

from contextlib import closing

import msgspec

from response.targets import lane_of
from response.targets.webhook import WebhookTarget
from schemas.instant import SECOND
from sessionwatch.assembly import now_us
from sessionwatch.commands.carrying import carry
from store.rows import OutboxMessage
from tests.response.receivers import SECRET, Behaviour, answering, answers, closes_in_the_middle
from tests.response.targets.asked import asked


def message(number: int, subject: str = "bank:session:s_1", **changes: object) -> OutboxMessage:
    return msgspec.structs.replace(
        asked(message_id=f"m{number}"), lane="webhook:bank", ordering_key=subject, expires_us=None, **changes
    )


def carried(messages: list[OutboxMessage], *behaviours: Behaviour) -> tuple[list[str], list[OutboxMessage]]:
    """The ids that arrived, and what became of the messages."""
    with answering(*behaviours) as receiver:
        target = WebhookTarget("bank", "bank", receiver.url, [SECRET], allow_private=True)
        with closing(target):
            told = carry(messages, {lane_of(target): target})
    return [call.headers["webhook-id"] for call in receiver.calls], told


def test_each_is_tried_once_in_its_order() -> None:
    arrived, told = carried([message(1), message(2)], answers(204))
    assert arrived == ["m1", "m2"]
    assert [(one.state, one.attempts) for one in told] == [("delivered", 1), ("delivered", 1)]


def test_behind_one_that_did_not_get_through_its_subject_waits() -> None:
    arrived, told = carried(
        [message(1), message(2), message(3, "bank:session:s_2")], closes_in_the_middle, answers(204)
    )
    assert arrived == ["m1", "m3"]
    assert [one.state for one in told] == ["pending", "delivered"]


def test_one_that_is_refused_holds_nothing_up() -> None:
    arrived, told = carried([message(1), message(2)], answers(422), answers(204))
    assert arrived == ["m1", "m2"]
    assert [one.state for one in told] == ["parked", "delivered"]


def test_what_is_too_old_is_dropped_untried() -> None:
    arrived, [one] = carried([msgspec.structs.replace(message(1), expires_us=now_us() - SECOND)], answers(204))
    assert (arrived, one.state, one.attempts) == ([], "dropped", 0)


def test_other_lanes_are_left_alone() -> None:
    assert carried([msgspec.structs.replace(message(1), lane="ssf:idp")], answers(204)) == ([], [])
