"""What a person does by a link of a chat message, and what nobody does by it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from ingest.batch import Batch
from response.act_links import LinkExpired, LinkKey
from response.chat import Chat
from response.chat_pace import Pace
from response.chat_templates import Templates
from response.clock import now_us
from response.commands import Triage, UseLink
from response.hours import parse_hours
from response.notices import Notices
from response.targets.webhook import WebhookTarget
from schemas.alert import Alert, AlertChange, Severity
from schemas.instant import HOUR, MINUTE, parse_rfc3339
from tests.response.given import Pipeline, alert, raised, use
from tests.response.receivers import Receiver

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

Start = Callable[..., Pipeline]
KEY = LinkKey(b"k" * 32, "https://watch.example")
NOW = parse_rfc3339("2026-11-25T03:10:00Z")
LINK_ID = "11111111-1111-4111-8111-111111111111"


def chat(receiver: Receiver, **more: object) -> Chat:
    return Chat(f"json://127.0.0.1:{receiver.port}/", **{"links": KEY, **more})  # type: ignore[arg-type]


def told(receiver: Receiver, number: int = 0) -> str:
    return str(json.loads(receiver.calls[number].body)["message"])


def tokens(text: str) -> list[str]:
    return re.findall(r"https://watch\.example/act#(\S+)", text)


def following(text: str, number: int = 0) -> UseLink:
    """Somebody signed in who means what a link of a message says."""
    link = KEY.read(tokens(text)[number], now_us())
    return UseLink(link.id, link.act, link.alert_id, "ines", "confirmed by phone")


def by(act: str, one: Alert, **more: object) -> UseLink:
    return replace(UseLink(LINK_ID, act, one.alert_id, "ines", "confirmed by phone"), **more)  # type: ignore[arg-type]


def standing(one: Pipeline, alert_id: str) -> tuple[str | None, str | None, str | None]:
    record = one.reader.alert_record(alert_id)
    assert record is not None
    return record.triage.status, record.triage.verdict, record.triage.owner


def refusal(batch: Batch) -> str:
    return batch.refusals.get(0, "")


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", ["Acknowledge: ", "Take it: ", "False alarm: ", "Benign: ", "End the session: "]),
        ("de", ["Quittieren: ", "Übernehmen: ", "Fehlalarm: ", "Harmlos: ", "Sitzung beenden: "]),
    ],
)
def test_the_message_of_an_alert_ends_with_a_link_for_each_act(locale: str, words: list[str]) -> None:
    with Receiver() as receiver:
        one = chat(receiver, templates=Templates(locale))
        one.deliver(Notices([one]).of_alert(AlertChange("raised", alert()), "nothing", NOW))
        body = told(receiver)
    for word in words:
        assert f"{word}https://watch.example/act#swl1" in body
    assert "sessionwatch alerts show" in body


def test_without_a_key_the_message_has_the_command_alone() -> None:
    with Receiver() as receiver:
        one = chat(receiver, links=None)
        one.deliver(Notices([one]).of_alert(AlertChange("raised", alert()), "nothing", NOW))
        body = told(receiver)
    assert tokens(body) == []
    assert f"Act: sessionwatch alerts triage {alert().alert_id} --take" in body.splitlines()


def test_an_alert_without_a_session_has_no_link_to_end_one() -> None:
    with Receiver() as receiver:
        one = chat(receiver)
        network = replace(alert(session_id=None), key_kind="network", key_value="203.0.113.0/24")
        one.deliver(Notices([one]).of_alert(AlertChange("raised", network), "nothing", NOW))
        acts = [KEY.read(token, now_us()).act for token in tokens(told(receiver))]
    assert acts == ["acknowledge", "take", "false_alarm", "benign"]


def test_a_withdrawn_alert_and_a_digest_have_none() -> None:
    with Receiver() as receiver:
        one = chat(receiver)
        notices = Notices([one])
        one.deliver(notices.of_withdrawal(alert(), "nothing", NOW))
        many = [alert(user_id=name, session_id=f"s_{name}") for name in ("a", "b", "c", "d")]
        one.deliver([made for each in many for made in notices.of_alert(AlertChange("raised", each), "nothing", NOW)])
        bodies = [told(receiver, number) for number in range(2)]
    assert [tokens(body) for body in bodies] == [[], []]


def test_what_waited_for_the_morning_has_links_of_the_morning() -> None:
    morning = parse_rfc3339("2026-11-25T07:00:00Z")
    with Receiver() as receiver:
        one = chat(receiver, pace=Pace(0, parse_hours("22:00-07:00")), clock=lambda: morning)
        high = alert(severity=Severity.HIGH)
        [message] = Notices([one]).of_alert(AlertChange("raised", high), "nothing", NOW)
        one.deliver([message])
        token = tokens(told(receiver))[0]
    assert KEY.read(token, morning + 29 * MINUTE).act == "acknowledge"
    with pytest.raises(LinkExpired):
        KEY.read(token, morning + HOUR)


def test_no_token_stands_in_the_outbox(pipeline: Start) -> None:
    with Receiver() as receiver:
        one = pipeline(chats=[chat(receiver)])
        one.turn(changes=raised(alert(mode="alert")))
        one.until_result()
        stored = [message.payload for message, _ in one.reader.outbox_page()]
        assert len(tokens(told(receiver))) == 5
    assert "swl1" not in "".join(stored)


@pytest.mark.parametrize(
    ("act", "stands"),
    [
        ("acknowledge", ("acknowledged", None, "ines")),
        ("take", ("acknowledged", None, "ines")),
        ("false_alarm", ("resolved", "false_alarm", "ines")),
        ("benign", ("resolved", "benign", "ines")),
    ],
)
def test_a_link_does_what_it_says(pipeline: Start, act: str, stands: tuple[str, str | None, str]) -> None:
    one, about = pipeline(), alert(mode="alert")
    one.turn(changes=raised(about))
    assert refusal(one.turn(commands=[by(act, about)])) == ""
    assert standing(one, about.alert_id) == stands


def test_the_audit_log_says_by_link_and_who(pipeline: Start) -> None:
    one, about = pipeline(), alert(mode="alert")
    one.turn(changes=raised(about))
    one.turn(commands=[by("take", about)])
    assert [(line.actor, line.act, line.subject, line.why) for line in one.audit()[-2:]] == [
        ("ines", "alert triaged", about.alert_id, "taken, by link, signed in as ines"),
        ("ines", "link used", LINK_ID, f"take of alert {about.alert_id} by link, signed in as ines"),
    ]


def test_a_link_ends_the_session_of_its_alert(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    with Receiver() as people:
        one = pipeline(targets=[bank], chats=[chat(people)])
        one.turn([use()], raised(alert(mode="alert")))
        one.until_result()
        one.turn(commands=[following(told(people), 4)])
        one.until(lambda: one.states() == ["delivered"])
    assert json.loads(receiver.calls[0].body)["data"]["session_id"] == "s_k1_alice"
    [row] = one.reader.revocations()
    assert (row.requested_by, row.reason) == ("ines", "confirmed by phone (by link)")


def test_it_works_once_also_in_one_batch_and_after_a_restart(pipeline: Start) -> None:
    one, about = pipeline(), alert(mode="alert")
    one.turn(changes=raised(about))
    batch = one.turn(commands=[by("acknowledge", about), by("acknowledge", about)])
    assert batch.refusals == {1: "the link was used before: each works once"}
    again = pipeline()
    assert refusal(again.turn(commands=[by("acknowledge", about)])) == "the link was used before: each works once"


def test_what_somebody_decided_meanwhile_stands(pipeline: Start) -> None:
    one, about = pipeline(), alert(mode="alert")
    one.turn(changes=raised(about))
    one.turn(commands=[Triage(about.alert_id, "carol", verdict="confirmed")])
    said = "the alert is resolved already (confirmed): open it to change that"
    assert refusal(one.turn(commands=[by("acknowledge", about)])) == said
    assert standing(one, about.alert_id) == ("resolved", "confirmed", "carol")


def test_a_refused_link_is_not_spent(pipeline: Start) -> None:
    one, about = pipeline(), alert(mode="alert")
    one.turn(changes=raised(about))
    one.turn(commands=[Triage(about.alert_id, "carol", verdict="confirmed")])
    one.turn(commands=[by("take", about)])
    one.turn(commands=[Triage(about.alert_id, "carol", status="new")])
    assert refusal(one.turn(commands=[by("take", about)])) == ""


def test_a_withdrawn_alert_ends_no_session(pipeline: Start, bank: WebhookTarget) -> None:
    one, about = pipeline(targets=[bank]), alert(mode="alert")
    one.turn([use()], raised(about))
    one.turn(changes=[AlertChange("withdrawn", replace(about, status="withdrawn"))])
    assert "was withdrawn" in refusal(one.turn(commands=[by("revoke_session", about)]))
    assert one.states() == []


def test_who_does_not_sign_in_can_acknowledge_and_owns_nothing(pipeline: Start) -> None:
    one, about = pipeline(), alert(mode="alert")
    one.turn(changes=raised(about))
    one.turn(commands=[by("acknowledge", about, by="link", signed_in=False)])
    assert standing(one, about.alert_id) == ("acknowledged", None, None)
    assert one.audit()[-1].why == f"acknowledge of alert {about.alert_id} by link, without sign-in"


@pytest.mark.parametrize("act", ["take", "false_alarm", "benign", "revoke_session"])
def test_and_nothing_else_and_fills_no_log(pipeline: Start, bank: WebhookTarget, act: str) -> None:
    one, about = pipeline(targets=[bank]), alert(mode="alert")
    one.turn([use()], raised(about))
    before = one.acts()
    assert refusal(one.turn(commands=[by(act, about, by="link", signed_in=False)])) == "this needs sign-in"
    assert one.acts() == before
    assert one.states() == []


def test_a_link_of_an_alert_that_is_gone_does_nothing(pipeline: Start) -> None:
    one = pipeline()
    assert refusal(one.turn(commands=[by("take", alert())])) == "there is no such alert"
