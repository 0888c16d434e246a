from __future__ import annotations

import json
from collections.abc import Callable
from email import message_from_string
from pathlib import Path

import msgspec
import pytest

from ingest.batch import Batch
from response.chat import Chat, ChatText
from response.chat_pace import Pace
from response.chat_templates import SHIPPED, TemplateRefused, Templates
from response.clock import now_us
from response.hours import parse_hours
from response.notices import Notices
from schemas.alert import Alert, AlertChange, Severity
from schemas.instant import HOUR, MINUTE, parse_rfc3339
from store.rows import MemberRow, OutboxMessage
from tests.response.given import Pipeline, alert, raised
from tests.response.receivers import Receiver, answering, answers
from tests.response.smtp import MailBox

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

Start = Callable[..., Pipeline]
NOW = parse_rfc3339("2026-11-25T03:10:00Z")


def high(user: str = "alice", rule: str = "new-country") -> Alert:
    return alert(rule, Severity.HIGH, user_id=user, session_id=f"s_{user}", mode="alert")


def chat(receiver: Receiver, within_us: int = 5 * MINUTE, quiet: str = "", **more: object) -> Chat:
    pace = Pace(within_us, parse_hours(quiet) if quiet else None)
    return Chat(f"json://127.0.0.1:{receiver.port}/", pace=pace, **more)  # type: ignore[arg-type]


def told(receiver: Receiver) -> list[dict[str, str]]:
    return [json.loads(call.body) for call in receiver.calls]


def message(one: Alert, number: int = 0, severity: Severity = Severity.HIGH) -> OutboxMessage:
    payload = msgspec.json.encode(ChatText(severity, f"title {number}", "body")).decode()
    return OutboxMessage(f"m{number}", "chat:x", "chat.alert", f"a{number}", one.alert_id, payload, NOW)


def test_the_first_alert_is_told_at_once_and_the_next_of_its_user_wait_for_one_message() -> None:
    with Receiver() as receiver:
        one = chat(receiver, clock=lambda: NOW)
        notices = Notices([one])
        [first] = notices.of_alert(AlertChange("raised", high()), "nothing", NOW)
        later = [
            made
            for rule in ("user-multi-ip", "bot-rate", "new-device")
            for made in notices.of_alert(AlertChange("raised", high(rule=rule)), "nothing", NOW + MINUTE)
        ]
        assert first.next_try_us == 0
        assert {made.next_try_us for made in later} == {NOW + 5 * MINUTE}
        one.deliver(later)
    assert [text["title"] for text in told(receiver)] == ["3 more on the same network since 03:10 UTC"]
    assert "HIGH bot-rate: user alice, app bank" in told(receiver)[0]["message"]


def test_alerts_of_one_campaign_are_told_together_though_of_different_users() -> None:
    pace = Pace(5 * MINUTE)
    first, second = high("alice"), high("bob")
    pace.place(first, Severity.HIGH, NOW)
    for one in (first, second):
        pace.note_campaign(one.alert_id, "c1")
    about, due_us = pace.place(second, Severity.HIGH, NOW + MINUTE)
    assert (about.group, due_us) == (first.alert_id, NOW + 5 * MINUTE)


def test_the_responder_takes_campaigns_from_the_batch(pipeline: Start) -> None:
    with Receiver() as receiver:
        one = pipeline(chats=[chat(receiver)])
        first, second = high("alice"), high("bob")
        one.turn(changes=raised(first))
        batch = Batch(now_us(), changes=raised(second))
        batch.members = [MemberRow(known.alert_id, "c1") for known in (first, second)]
        one.responder.respond(batch)
    assert [made.next_try_us > batch.arrival_us for made in batch.messages] == [True]


def test_what_is_critical_never_waits() -> None:
    pace = Pace(5 * MINUTE, parse_hours("00:00-23:59"))
    pace.place(high(), Severity.HIGH, NOW)
    assert pace.place(alert(), Severity.CRITICAL, NOW)[1] == NOW


def test_a_spray_goes_on_as_one_message_a_window() -> None:
    pace = Pace(5 * MINUTE)
    dues = {pace.place(high(), Severity.HIGH, NOW + second * 1_000_000)[1] for second in range(0, 1_800, 10)}
    assert len(dues) == 7  # the first at once, then one for each five minutes


def test_quiet_hours_wait_for_their_end_by_the_wall_clock() -> None:
    pace = Pace(0, parse_hours("22:00-07:00 Europe/Berlin"))
    assert pace.place(high(), Severity.HIGH, NOW)[1] == parse_rfc3339("2026-11-25T06:00:00Z")
    assert pace.after_quiet(Severity.HIGH, NOW + 6 * HOUR) == NOW + 6 * HOUR


def test_a_night_in_which_summer_time_begins_ends_an_hour_earlier() -> None:
    night = parse_rfc3339("2027-03-27T23:00:00Z")
    assert parse_hours("22:00-07:00 Europe/Berlin").until(night) == parse_rfc3339("2027-03-28T05:00:00Z")


def test_five_thousand_that_are_due_together_are_one_message_that_counts_them() -> None:
    with Receiver() as receiver:
        one = chat(receiver, clock=lambda: NOW)
        outcomes = one.deliver([message(high(), number) for number in range(5_000)])
    assert {outcome.kind for outcome in outcomes} == {"ok"}
    assert [text["title"] for text in told(receiver)] == ["5000 messages since 03:10 UTC"]
    assert "… and 4980 more" in told(receiver)[0]["message"]


def test_beyond_the_limit_of_a_minute_the_lane_is_asked_to_wait_and_nothing_is_dropped() -> None:
    at = [NOW]
    with Receiver() as receiver:
        one = chat(receiver, per_minute=4, clock=lambda: at[0])
        kinds = [one.deliver([message(high(), number)])[0].kind for number in range(3)]
        critical = one.deliver([message(alert(), 9, Severity.CRITICAL)])[0].kind
        at[0] += MINUTE
        rest = one.deliver([message(high(), 2)])[0].kind
    assert (kinds, critical, rest) == (["ok", "ok", "wait"], "ok", "ok")


def test_what_waits_outlives_the_process_and_so_does_its_group(pipeline: Start) -> None:
    with Receiver() as receiver:
        one = pipeline(chats=[chat(receiver)])
        one.turn(changes=raised(high()))
        one.until(lambda: len(receiver.calls) == 1)
        [waiting] = one.turn(changes=raised(high(rule="bot-rate"))).messages
        again = pipeline(chats=[chat(receiver)])
        [joined] = again.turn(changes=raised(high(rule="user-multi-ip"))).messages
        pending = again.reader.pending_messages(lane=waiting.lane, limit=10)
    assert joined.next_try_us == waiting.next_try_us
    assert [made.message_id for made in pending] == [waiting.message_id, joined.message_id]


def test_a_digest_that_a_service_refuses_is_tried_again_for_all_it_tells() -> None:
    with answering(answers(500)) as receiver:
        outcomes = chat(receiver).deliver([message(high(), number) for number in range(9)])
    assert [outcome.kind for outcome in outcomes] == ["retry"] * 9


def test_mails_about_one_group_are_one_thread() -> None:
    with MailBox() as box:
        url = f"mailto://127.0.0.1:{box.port}/?from=sw@example.com&to=lead@example.com&mode=insecure"
        one = Chat(url, pace=Pace(5 * MINUTE), clock=lambda: NOW)
        notices = Notices([one])
        for rule in ("new-country", "bot-rate"):
            one.deliver(notices.of_alert(AlertChange("raised", high(rule=rule)), "nothing", NOW))
    references = [message_from_string(mail)["References"] for mail in box.mails]
    assert references == [f"<{high().alert_id}@sessionwatch.invalid>"] * 2


def test_german_is_shipped_whole() -> None:
    assert SHIPPED["de"].keys() == SHIPPED["en"].keys()
    notices = Notices([Chat("json://127.0.0.1/", templates=Templates("de"))])
    [made] = notices.of_alert(AlertChange("raised", high()), "nothing", NOW)
    text = msgspec.json.decode(made.payload, type=ChatText)
    assert text.title == "HIGH new-country: Benutzer alice, App bank"
    assert "Wer: Benutzer alice, Sitzung s_alice" in text.body


def test_a_folder_gives_texts_by_severity(tmp_path: Path) -> None:
    (tmp_path / "alert.critical.txt").write_text("CALL: $summary\n")
    templates = Templates("en", tmp_path)
    facts = {"summary": "a theft $rule"}
    assert templates.alert(Severity.CRITICAL, facts) == "CALL: a theft $rule"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("alert.txt", "$summary $password", r"unknown name \$password"),
        ("alert.txt", "costs 5$", "a \\$ stands there"),
        ("allert.txt", "x", "no template has this name"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_by_its_file(tmp_path: Path, name: str, text: str, why: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(TemplateRefused, match=why):
        Templates("en", tmp_path)


def test_a_group_that_ends_in_quiet_hours_is_told_after_them() -> None:
    begun = parse_rfc3339("2026-11-25T21:57:00Z")
    pace = Pace(5 * MINUTE, parse_hours("22:00-07:00"))
    pace.place(high(), Severity.HIGH, begun)
    _, due_us = pace.place(high(), Severity.HIGH, begun + MINUTE)
    assert due_us == parse_rfc3339("2026-11-26T07:00:00Z")
