"""An alert that nobody answers goes to the next people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import msgspec
import pytest

from response.chat import Chat, chat_lane
from response.chat_templates import Templates
from response.commands import Triage
from response.on_call import OnCallStep
from response.policy import PolicyLine
from schemas.alert import AlertChange, Severity
from schemas.instant import MINUTE
from tests.response.given import Pipeline, alert, raised, use
from tests.response.receivers import Receiver
from tests.response.theft import Start

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

STEPS = (OnCallStep(15 * MINUTE, frozenset({"lead"})), OnCallStep(5 * MINUTE, frozenset({"second"})))


@pytest.fixture
def second() -> Iterator[Receiver]:
    """The phone of who is on call second."""
    with Receiver() as running:
        yield running


@pytest.fixture
def lead() -> Iterator[Receiver]:
    """The phone of the lead."""
    with Receiver() as running:
        yield running


def start(pipeline: Start, second: Receiver, lead: Receiver, lines: Sequence[PolicyLine] = ()) -> Pipeline:
    chats = [
        Chat(f"json://127.0.0.1:{one.port}/", Severity.CRITICAL, name=name)
        for name, one in (("second", second), ("lead", lead))
    ]
    return pipeline(chats=chats, on_call=STEPS, lines=lines)


def unanswered(one: Pipeline) -> str:
    """An alert of severity high, below what the chats ask for; its id."""
    found = alert("brute-force-user", Severity.HIGH, mode="alert")
    one.turn([use()], raised(found))
    return found.alert_id


def test_each_step_is_told_in_its_time(pipeline: Start, second: Receiver, lead: Receiver) -> None:
    one = start(pipeline, second, lead)
    unanswered(one)
    assert [message.kind for message in one.turn(later_us=4 * MINUTE).messages] == []
    one.turn(later_us=5 * MINUTE)
    one.until_result()
    assert (len(second.calls), len(lead.calls)) == (1, 0)
    one.turn(later_us=15 * MINUTE)
    one.until_result()
    assert (len(second.calls), len(lead.calls)) == (1, 1)
    assert json.loads(lead.calls[0].body)["title"].startswith("Unanswered for 15 min: HIGH brute-force-user")


def test_the_next_people_are_told_in_their_language(pipeline: Start, lead: Receiver) -> None:
    german = Chat(f"json://127.0.0.1:{lead.port}/", Severity.CRITICAL, name="lead", templates=Templates("de"))
    one = pipeline(chats=[german], on_call=STEPS)
    unanswered(one)
    one.turn(later_us=15 * MINUTE)
    one.until_result()
    said = json.loads(lead.calls[0].body)
    assert said["title"].startswith("Seit 15 min unbeantwortet: HIGH brute-force-user: Benutzer")
    assert "Getan: seit 15 min hat niemand ihn quittiert" in said["message"]


def test_time_alone_asks_for_it(pipeline: Start, second: Receiver, lead: Receiver) -> None:
    one = start(pipeline, second, lead)
    batch = one.turn([use()], raised(alert("brute-force-user", Severity.HIGH, mode="alert")))
    assert not one.responder.is_due(batch.arrival_us + 5 * MINUTE - 1)
    assert one.responder.is_due(batch.arrival_us + 5 * MINUTE)


@pytest.mark.parametrize("status", ["acknowledged", "resolved"])
def test_an_answer_ends_it(pipeline: Start, second: Receiver, lead: Receiver, status: str) -> None:
    one = start(pipeline, second, lead)
    answered = Triage(unanswered(one), "eve", status=status)  # type: ignore[arg-type]
    one.turn(commands=[answered])
    assert one.turn(later_us=20 * MINUTE).messages == []


def test_an_answer_in_the_same_batch_counts(pipeline: Start, second: Receiver, lead: Receiver) -> None:
    one = start(pipeline, second, lead)
    answered = Triage(unanswered(one), "eve", status="acknowledged")
    assert one.turn(commands=[answered], later_us=20 * MINUTE).messages == []


def test_a_withdrawn_alert_asks_nobody(pipeline: Start, second: Receiver, lead: Receiver) -> None:
    one = start(pipeline, second, lead)
    unanswered(one)
    gone = msgspec.structs.replace(alert("brute-force-user", Severity.HIGH, mode="alert"), status="withdrawn")
    one.turn(changes=[AlertChange("withdrawn", gone)])
    assert one.turn(later_us=20 * MINUTE).messages == []


def test_nobody_is_told_twice_over_a_restart(pipeline: Start, second: Receiver, lead: Receiver) -> None:
    one = start(pipeline, second, lead)
    unanswered(one)
    one.turn(later_us=5 * MINUTE)
    one.until_result()
    again = start(pipeline, second, lead)
    assert again.turn(later_us=6 * MINUTE).messages == []
    [message] = again.turn(later_us=16 * MINUTE).messages
    assert chat_lane(message.lane) == Chat(f"json://127.0.0.1:{lead.port}/").lane


def test_other_severities_wait_for_nobody(pipeline: Start, second: Receiver, lead: Receiver) -> None:
    one = start(pipeline, second, lead)
    one.turn([use()], raised(alert("off-hours", Severity.MEDIUM, mode="alert")))
    assert one.turn(later_us=20 * MINUTE).messages == []


def test_after_a_restart_nobody_is_asked_about_what_is_only_recorded(
    pipeline: Start, second: Receiver, lead: Receiver
) -> None:
    recorded = [PolicyLine(("record",))]
    one = start(pipeline, second, lead, lines=recorded)
    unanswered(one)
    again = start(pipeline, second, lead, lines=recorded)
    assert again.turn(later_us=20 * MINUTE).messages == []
