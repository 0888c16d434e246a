"""The lead's digests: each once, at its hour, late rather than never."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_string
from email.message import Message
from typing import Any

import pytest

from response.clock import now_us
from response.commands import SendDigest
from response.digest_templates import digest_templates
from response.digest_text import DigestKind, DigestWriter
from response.digests import DigestMail, Digests, Rhythm
from response.errors import ChatRefused
from response.recurring import parse_recurring
from schemas.instant import DAY, HOUR, MINUTE, to_datetime
from store.reader import Reader
from tests.response.given import Pipeline, alert, raised
from tests.response.smtp import MailBox

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

Start = Callable[..., Pipeline]


def hour(after_us: int, *, weekly: bool = False) -> str:
    """An hour of the day (and day of the week) that comes so long after now."""
    at = to_datetime(now_us() + after_us)
    return f"{at:%a %H:%M}" if weekly else f"{at:%H:%M}"


def digests(**hours: str) -> Callable[[Reader], Digests]:
    plan: dict[DigestKind, Rhythm] = {}
    for kind, text in hours.items():
        at = parse_recurring(text, weekly=kind == "weekly")
        plan[kind] = Rhythm(at, DigestWriter(digest_templates(), at.zone))  # type: ignore[index]
    return lambda reader: Digests(plan, reader)


def mail(box: MailBox, more: str = "") -> DigestMail:
    return DigestMail(f"mailto://127.0.0.1:{box.port}/?from=sw@example.com&to=lead@example.com&mode=insecure{more}")


def told(one: Pipeline) -> list[str]:
    return [message.subject for message, _ in one.reader.outbox_page() if message.kind == "digest"]


def test_it_begins_with_the_next_hour(pipeline: Start) -> None:
    one = pipeline(digests=digests(daily=hour(-HOUR)))
    assert one.responder.is_due(now_us())
    one.turn()
    assert told(one) == []
    assert not one.responder.is_due(now_us())


def test_it_is_due_at_its_hour_and_told_once(pipeline: Start) -> None:
    one = pipeline(digests=digests(daily=hour(HOUR)))
    one.turn()
    assert not one.responder.is_due(now_us() + 58 * MINUTE)
    assert one.responder.is_due(now_us() + HOUR)
    for later_us in (HOUR, HOUR + MINUTE, 2 * HOUR):
        one.turn(later_us=later_us)
    assert told(one) == ["daily digest"]


def test_neither_a_restart_tells_it_twice_nor_one_over_the_hour_loses_it(pipeline: Start) -> None:
    plan = digests(daily=hour(HOUR))
    pipeline(digests=plan).turn()
    late = pipeline(digests=plan)
    [message] = [one for one in late.turn(later_us=3 * HOUR).messages if one.kind == "digest"]
    assert "Late: it was due at" in message.payload
    again = pipeline(digests=plan)
    again.turn(later_us=3 * HOUR + MINUTE)
    assert told(again) == ["daily digest"]


def test_three_days_without_a_pipeline_are_one_digest_of_three_days(pipeline: Start) -> None:
    plan = digests(daily=hour(HOUR))
    one = pipeline(digests=plan)
    one.turn()
    [message] = [made for made in one.turn(later_us=2 * DAY + 3 * HOUR).messages if made.kind == "digest"]
    since = f"{to_datetime(now_us() + HOUR - DAY):%Y-%m-%d}"
    until = f"{to_datetime(now_us() + HOUR + 2 * DAY):%Y-%m-%d}"
    assert f"Quiet from {since}" in message.payload
    assert f" to {until}" in message.payload


def test_one_in_time_is_not_marked_late(pipeline: Start) -> None:
    one = pipeline(digests=digests(daily=hour(HOUR)))
    one.turn()
    [message] = [made for made in one.turn(later_us=HOUR + 2 * MINUTE).messages if made.kind == "digest"]
    assert "Late" not in message.payload


def test_day_and_week_are_told_apart(pipeline: Start) -> None:
    one = pipeline(digests=digests(daily=hour(HOUR), weekly=hour(HOUR, weekly=True)))
    one.turn()
    one.turn(later_us=HOUR)
    assert sorted(told(one)) == ["daily digest", "weekly digest"]


def mailed(pipeline: Start, more: str = "", **settings: Any) -> Message:
    """What the lead gets of a day with an alert of alice's."""
    with MailBox() as box:
        one = pipeline(mails=[mail(box, more)], digests=digests(daily=hour(HOUR)), **settings)
        one.turn(changes=raised(alert(mode="alert", user_id="alice<b>\u202e@everyone http://evil.example/x")))
        one.turn(later_us=HOUR)
        one.until(lambda: "digest delivered" in one.acts())
        assert len(box.mails) == 1
        return message_from_string(box.mails[0])


def text_of(whole: Message, kind: str) -> str:
    for part in whole.walk():
        if part.get_content_type() == kind:
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return content.decode().replace("\r\n", "\n")
    raise AssertionError(f"no {kind} in it")


def test_the_lead_gets_a_mail_with_what_waits(pipeline: Start) -> None:
    text = text_of(mailed(pipeline, "&format=text"), "text/plain")
    assert "To decide now\n- open alerts: 1 (1 critical), the oldest since" in text
    assert "Alerts: 1\n- session-hijack: 1 critical" in text


@pytest.mark.parametrize("kind", ["text", "html"])
def test_text_of_events_is_harmless_in_it(pipeline: Start, kind: str) -> None:
    text = text_of(mailed(pipeline, f"&format={kind}"), "text/plain" if kind == "text" else "text/html")
    for hostile in ("<b>", "\u202e", "@everyone", "http://evil.example"):
        assert hostile not in text
    assert "alice‹b›" in text


@pytest.mark.parametrize("url", ["json://127.0.0.1/", "syslog://", "slack://a/b/c"])
def test_only_mail_services_are_taken(url: str) -> None:
    with pytest.raises(ChatRefused, match=r"acts on this machine only|is not among the allowed services"):
        DigestMail(url)


def test_a_mail_server_that_is_away_is_tried_again(pipeline: Start) -> None:
    with MailBox() as box:
        away = mail(box)
    one = pipeline(mails=[away], digests=digests(daily=hour(HOUR)))
    one.turn()
    one.turn(later_us=HOUR)
    one.until_result()
    [(message, _)] = one.reader.outbox_page()
    assert (message.state, message.last_error) == ("pending", "the service did not take the message")


def test_one_by_hand_comes_besides_the_one_at_its_hour(pipeline: Start) -> None:
    one = pipeline(digests=digests(daily=hour(HOUR)))
    one.turn()
    assert one.turn(commands=[SendDigest("daily", "ines")]).refusals == {}
    one.turn(later_us=HOUR)
    assert told(one) == ["daily digest", "daily digest"]
    assert [(line.actor, line.subject) for line in one.audit() if line.act == "digest asked for"] == [
        ("ines", "daily digest")
    ]


def test_one_that_is_not_configured_cannot_be_had_by_hand(pipeline: Start) -> None:
    one = pipeline()
    refused = one.turn(commands=[SendDigest("weekly", "ines")]).refusals
    assert refused == {0: "no weekly digest is configured: [digest] weekly"}
