"""A receiver that is slow, broken or gone delays nobody: neither another app nor another receiver of the same one."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from response.targets.webhook import WebhookTarget
from tests.response.given import Pipeline, alert, raised, use
from tests.response.receivers import (
    OLD_SECRET,
    SECRET,
    Behaviour,
    Receiver,
    answers,
    closes_in_the_middle,
    floods,
    hangs,
)
from tests.response.theft import Start

THEFTS = 20
SESSIONS = [f"s_{number}" for number in range(3 * THEFTS)]
"""In use; by the guard one rule may end a half of them."""

FAULTS = {
    "hangs": hangs(),
    "500": answers(500),
    "429 for an hour": answers(429, retry_after="3600"),
    "410": answers(410),
    "redirects": answers(307, location="http://127.0.0.1:1/"),
    "closes in the middle": closes_in_the_middle,
    "floods": floods,
}


@pytest.fixture
def slow() -> Iterator[Receiver]:
    """A receiver that will be told how to misbehave."""
    with Receiver() as running:
        yield running


def target(name: str, receiver: Receiver, secret: str = SECRET, app: str = "bank") -> WebhookTarget:
    return WebhookTarget(name, app, receiver.url, [secret], allow_private=True)


def signed_in(one: Pipeline) -> None:
    one.turn([use(session) for session in SESSIONS])


@pytest.mark.parametrize("behaviour", FAULTS.values(), ids=FAULTS)
def test_another_receiver_of_the_same_app_hears_of_everything_meanwhile(
    pipeline: Start, receiver: Receiver, slow: Receiver, behaviour: Behaviour
) -> None:
    slow.behaviours = [behaviour]
    one = pipeline(targets=[target("slow", slow), target("fast", receiver, OLD_SECRET)])
    signed_in(one)
    begun = time.monotonic()
    one.turn(changes=raised(*(alert(session_id=session) for session in SESSIONS[:THEFTS])))
    one.until(lambda: len(receiver.calls) == THEFTS)
    # A try of the slow one alone may take 15 s.
    assert time.monotonic() - begun < 5
    assert all(call.verified(OLD_SECRET)["type"] == "session.revoked" for call in receiver.calls)
    one.until(lambda: slow.calls)


def test_a_lane_waits_for_no_other(pipeline: Start, receiver: Receiver, slow: Receiver) -> None:
    """Each theft comes while the slow one is still at its first."""
    slow.behaviours = [hangs()]
    one = pipeline(targets=[target("slow", slow), target("fast", receiver, OLD_SECRET)])
    signed_in(one)
    for number in range(THEFTS):
        one.turn(changes=raised(alert(session_id=SESSIONS[number])))
        one.until(lambda number=number: len(receiver.calls) == number + 1)  # type: ignore[misc]
    assert len(slow.calls) == 1
    assert set(one.states()) == {"sent"}
