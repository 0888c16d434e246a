"""When a chat is told: at once, with others of its kind, or after quiet hours."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.json import encode
from msgspec.structs import replace

from response.chat import Chat, ChatText
from response.chat_pace import About, Pace
from response.chat_templates import TemplateRefused, Templates
from response.hours import parse_hours
from response.outcome import DELIVERED
from schemas.alert import Alert, Severity
from schemas.instant import HOUR, MINUTE, to_us
from store.rows import OutboxMessage
from tests.response.given import alert
from tests.response.receivers import Receiver

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NOON = to_us(datetime(2026, 11, 25, 12, tzinfo=UTC))
NIGHT = to_us(datetime(2026, 11, 25, 23, tzinfo=UTC))
MORNING = to_us(datetime(2026, 11, 26, 7, tzinfo=UTC))
HIGH, CRITICAL = Severity.HIGH, Severity.CRITICAL


def about(identity: str, user: str | None = "alice", network: str | None = "192.0.2.0/24") -> Alert:
    return replace(alert(), alert_id=identity, user_id=user, network=network)


def due(pace: Pace, one: Alert, at_us: int, severity: Severity = HIGH) -> int:
    return pace.place(one, severity, at_us)[1]


def test_the_first_alert_of_a_user_is_told_at_once_and_the_next_when_the_window_ends() -> None:
    pace = Pace(5 * MINUTE)
    assert due(pace, about("a1"), NOON) == NOON
    assert due(pace, about("a2"), NOON + MINUTE) == NOON + 5 * MINUTE


def test_another_users_alert_does_not_wait() -> None:
    pace = Pace(5 * MINUTE)
    due(pace, about("a1"), NOON)
    assert due(pace, about("a2", user="bob"), NOON + MINUTE) == NOON + MINUTE


def test_what_is_critical_never_waits() -> None:
    pace = Pace(5 * MINUTE, parse_hours("22:00-07:00"))
    due(pace, about("a1"), NIGHT)
    assert due(pace, about("a2"), NIGHT + MINUTE, CRITICAL) == NIGHT + MINUTE


def test_after_the_window_a_user_is_told_of_at_once_again() -> None:
    pace = Pace(5 * MINUTE)
    due(pace, about("a1"), NOON)
    assert due(pace, about("a2"), NOON + HOUR) == NOON + HOUR


def test_quiet_hours_let_the_rest_wait_for_their_end() -> None:
    pace = Pace(0, parse_hours("22:00-07:00"))
    assert due(pace, about("a1"), NIGHT) == MORNING
    assert due(pace, about("a2", user="bob"), NOON) == NOON


def test_users_of_one_campaign_are_one_group() -> None:
    pace = Pace(5 * MINUTE)
    due(pace, about("a1", user="alice"), NOON)
    for identity in ("a1", "a2"):
        pace.note_campaign(identity, "spray")
    found, due_us = pace.place(about("a2", user="bob"), HIGH, NOON + MINUTE)
    assert (found.group, found.same, due_us) == ("a1", "network", NOON + 5 * MINUTE)


def test_a_group_outlives_a_restart() -> None:
    before = Pace(5 * MINUTE)
    known = [before.place(about("a1"), HIGH, NOON)]
    again = Pace(5 * MINUTE)
    again.restore(known, NOON + MINUTE)
    assert again.place(about("a2"), HIGH, NOON + MINUTE)[0].group == "a1"


def said(number: int, group: str, severity: Severity = HIGH) -> OutboxMessage:
    belongs = About(f"a{number}", group, "network", NOON, NOON + MINUTE, (f"alert:a{number}",))
    text = ChatText(severity, f"title {number}", "a body", belongs)
    return OutboxMessage(f"m{number}", "chat:x", "chat.alert", f"a{number}", "a1", encode(text).decode(), NOON)


def titles(receiver: Receiver) -> list[str]:
    return [json.loads(call.body)["title"] for call in receiver.calls]


def chat(receiver: Receiver, per_minute: int = 30) -> Chat:
    return Chat(f"json://127.0.0.1:{receiver.port}/", per_minute=per_minute, clock=lambda: NOON)


def test_a_group_that_is_due_is_one_message() -> None:
    with Receiver() as receiver:
        assert chat(receiver).deliver([said(number, "a1") for number in (2, 3, 4)]) == [DELIVERED] * 3
    assert titles(receiver) == ["3 more on the same network since 12:00 UTC"]


def test_many_groups_that_are_due_together_are_one_digest_with_the_worst_first() -> None:
    messages = [said(number, f"a{number}") for number in range(30)] + [said(99, "a99", CRITICAL)]
    with Receiver() as receiver:
        chat(receiver).deliver(messages)
    [call] = receiver.calls
    body = json.loads(call.body)["message"].splitlines()
    assert (body[0], body[-1]) == ("- title 99", "… and 11 more: sessionwatch alerts list")


def test_what_exceeds_a_minutes_messages_waits_and_is_not_dropped() -> None:
    with Receiver() as receiver:
        one = chat(receiver, per_minute=2)
        told = [one.deliver([said(number, f"a{number}")])[0] for number in (1, 2)]
    assert told[0] == DELIVERED
    assert (told[1].kind, len(receiver.calls)) == ("retry", 1)


def test_a_locale_says_it_in_its_words() -> None:
    more = {"count": "3", "since": "12:00", "same": ""}
    assert Templates("de").text("digest.title", more) == "3 Meldungen seit 12:00"


def test_a_folder_replaces_a_template_for_one_severity(tmp_path: Path) -> None:
    (tmp_path / "alert.critical.txt").write_text("NOW: $summary\n")
    facts = {"summary": "stolen"}
    templates = Templates("en", tmp_path)
    assert templates.alert(CRITICAL, facts) == "NOW: stolen"
    assert templates.alert(HIGH, facts) != "NOW: stolen"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("alert.txt", "$password", "unknown name $password"),
        ("alarm.txt", "x", "no template has this name"),
        ("alert.txt", "5 $", "a $ stands there that begins no name"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused(tmp_path: Path, name: str, text: str, expected: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(TemplateRefused) as refused:
        Templates("en", tmp_path)
    assert expected in str(refused.value)
