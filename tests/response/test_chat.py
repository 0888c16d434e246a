from __future__ import annotations

import json
import threading
from collections.abc import Callable

import apprise
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.json import encode
from msgspec.structs import replace

from response.chat import Chat, ChatText
from response.chat_templates import Templates
from response.commands import DeliveryResult
from response.errors import ChatRefused
from response.notices import Notices
from response.outcome import DELIVERED, Outcome
from response.policy import PolicyLine
from response.targets.webhook import WebhookTarget
from schemas.alert import AlertChange, Severity
from schemas.instant import DAY
from store.rows import OutboxMessage
from tests.response.given import Pipeline, alert, eventually, raised, use
from tests.response.receivers import SECRET, Receiver, answering, answers, hangs

# One of Apprise's own plug-ins imports a module that Python has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

Start = Callable[..., Pipeline]


def chat(receiver: Receiver, min_severity: Severity = Severity.INFO, deadline_s: float = 5.0) -> Chat:
    return Chat(f"json://127.0.0.1:{receiver.port}/", min_severity, deadline_s=deadline_s)


def notice(severity: Severity = Severity.HIGH, body: str = "a body") -> OutboxMessage:
    payload = encode(ChatText(severity, "a title", body)).decode()
    return OutboxMessage("m1", "chat:x", "chat.alert", "a1", "a1", payload, 0)


def told(receiver: Receiver, number: int = 0) -> dict[str, str]:
    return json.loads(receiver.calls[number].body)  # type: ignore[no-any-return]


def test_it_tells_title_and_body_by_apprise() -> None:
    with Receiver() as receiver:
        assert chat(receiver).deliver([notice()]) == [DELIVERED]
    assert (told(receiver)["title"], told(receiver)["message"]) == ("a title", "a body")


@pytest.mark.parametrize(
    ("severity", "kind"), [(Severity.CRITICAL, "failure"), (Severity.HIGH, "warning"), (Severity.LOW, "info")]
)
def test_the_severity_shows_in_the_kind(severity: Severity, kind: str) -> None:
    with Receiver() as receiver:
        chat(receiver).deliver([notice(severity)])
    assert told(receiver)["type"] == kind


def test_a_service_that_refuses_is_tried_again() -> None:
    with answering(answers(500)) as receiver:
        assert chat(receiver).deliver([notice()]) == [Outcome("retry", "the service did not take the message")]


def test_a_service_that_redirects_is_not_followed() -> None:
    with Receiver() as elsewhere, answering(answers(307, location=elsewhere.url)) as receiver:
        chat(receiver).deliver([notice()])
    assert elsewhere.calls == []


def test_a_service_that_hangs_ends_at_the_deadline_and_holds_one_thread_at_most() -> None:
    with answering(hangs(1)) as receiver:
        one = chat(receiver, deadline_s=0.1)
        before = threading.active_count()
        assert one.deliver([notice()]) == [Outcome("retry", "the service did not answer within 0.1 s")]
        assert one.deliver([notice()]) == [Outcome("retry", "the service still hangs from an earlier message")]
        # One that tells, one of the receiver's own.
        assert threading.active_count() <= before + 2
        eventually(lambda: threading.active_count() <= before)


def test_what_is_critical_waits_for_nothing_that_hangs() -> None:
    """A medium message hangs in its own lane; the critical one goes through Apprise of its own."""
    with answering(hangs(2), answers(200)) as receiver:
        one = chat(receiver, deadline_s=1)
        hanging = threading.Thread(target=one.deliver, args=([replace(notice(), lane=one.lanes[1])],))
        hanging.start()
        eventually(lambda: len(receiver.calls) == 1)
        assert one.deliver([replace(notice(Severity.CRITICAL), lane=one.lanes[0])]) == [DELIVERED]
        assert hanging.is_alive()
        hanging.join()


@pytest.mark.parametrize("url", ["syslog://", "windows://", "macosx://", "gnome://", "dbus://", "glib://"])
def test_services_of_this_machine_are_refused(url: str) -> None:
    with pytest.raises(ChatRefused, match="acts on this machine only"):
        Chat(url)


@pytest.mark.parametrize("other", ["syslog://", "SYSLOG://", "json://127.0.0.1/b"])
@pytest.mark.parametrize("between", [",", ";", ",;,"])
def test_one_chat_is_one_address(between: str, other: str) -> None:
    with pytest.raises(ChatRefused, match="several addresses in one"):
        Chat(f"json://127.0.0.1/a{between}{other}")


@pytest.mark.parametrize("url", [" syslog://", "x,syslog://", "x.syslog://h", "json://h/a\nb,syslog://h", "json://h x"])
def test_an_address_begins_with_its_service_and_has_no_blanks(url: str) -> None:
    with pytest.raises(ChatRefused, match="expected an Apprise address"):
        Chat(url)


@pytest.mark.parametrize("url", ["json://127.0.0.1/a,b", "mailto://user:pw@example.com?to=a@example.com,b@example.com"])
def test_commas_inside_an_address_are_its_own(url: str) -> None:
    assert Chat(url).lane.startswith("chat:")


@given(before=st.text(max_size=12), between=st.text(max_size=6))
def test_no_text_around_it_lets_a_local_service_in(before: str, between: str) -> None:
    # rsyslog is another service: it tells a server.
    assume(not before.lower().endswith("r"))
    for url in (f"{before}syslog://{between}", f"json://h/{before}{between}syslog://h"):
        try:
            chat = Chat(url)
        except ChatRefused:
            continue
        assert chat.services == ("NotifyJSON", "NotifyJSON")


def test_every_local_service_that_apprise_has_is_refused() -> None:
    local = [
        plugin
        for plugin in apprise.NotificationManager().plugins()  # type: ignore[no-untyped-call]
        if not any(
            "{" in str(template).replace("{schema}", "").replace("{facility}", "") for template in plugin.templates
        )
    ]
    names = {name for plugin in local for name in _names(plugin.protocol)}
    assert {"syslog", "windows", "macosx", "gnome"} <= names
    for name in names:
        with pytest.raises(ChatRefused, match="acts on this machine only"):
            Chat(f"{name}://")


def _names(protocol: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (protocol,) if isinstance(protocol, str) else tuple(protocol or ())


def test_a_service_that_nobody_knows_is_refused_without_showing_the_address() -> None:
    with pytest.raises(ChatRefused, match="Apprise cannot use this bogus address") as refused:
        Chat("bogus://token-of-mine/")
    assert "token-of-mine" not in str(refused.value)


def test_an_allow_list_bounds_the_services() -> None:
    with pytest.raises(ChatRefused, match="json is not among the allowed services"):
        Chat("json://127.0.0.1/", allowed=["mailto"])


def test_the_lane_gives_the_address_away_to_nobody() -> None:
    one = Chat("json://user:token-of-mine@127.0.0.1/")
    assert one.lane.startswith("chat:")
    assert "token" not in one.lane


def test_each_chat_is_told_from_its_severity_on(pipeline: Start) -> None:
    with Receiver() as all_of_it, Receiver() as worst:
        one = pipeline(chats=[chat(all_of_it), chat(worst, Severity.CRITICAL)])
        one.turn(changes=raised(alert(mode="alert", severity=Severity.MEDIUM)))
        one.until_result()
    assert (len(all_of_it.calls), len(worst.calls)) == (1, 0)
    assert one.acts() == ["alert raised", "chat.alert delivered"]


def test_a_message_is_worth_a_day() -> None:
    with Receiver() as receiver:
        [message] = Notices([chat(receiver)]).of_alert(AlertChange("raised", alert()), "nothing", 5)
    assert message.expires_us == 5 + DAY


@pytest.mark.parametrize(
    ("settings", "done"),
    [
        ({"dry_run": True}, "Done: dry run: the session would have been revoked, nothing was sent"),
        ({"protected": ["alice"]}, "Done: revocation held for a person: the user is protected"),
        ({}, "Done: revocation of the session sent to the app"),
    ],
)
def test_people_read_what_was_done(
    pipeline: Start, bank: WebhookTarget, settings: dict[str, object], done: str
) -> None:
    with Receiver() as receiver:
        one = pipeline(targets=[bank], chats=[chat(receiver)], **settings)
        one.turn([use()], raised(alert()))
        one.until(lambda: "chat.alert delivered" in one.acts())
        bodies = [told(receiver, number)["message"] for number in range(len(receiver.calls))]
    assert any(done in body for body in bodies)


def test_a_revocation_that_the_mode_forbids_says_so(pipeline: Start) -> None:
    with Receiver() as receiver:
        one = pipeline(chats=[chat(receiver)])
        one.turn([use()], raised(alert(mode="alert")))
        one.until_result()
    assert "Done: not revoked: the rule's mode is alert, not enforce" in told(receiver)["message"]


def test_held_revocations_are_told_once_an_hour_and_app(pipeline: Start, bank: WebhookTarget) -> None:
    with Receiver() as receiver:
        settings = {"targets": [bank], "chats": [chat(receiver)], "protected": ["alice"]}
        one = pipeline(**settings)
        sessions = [f"s_{number}" for number in range(3)]
        batch = one.turn([use(s) for s in sessions], raised(*(alert(session_id=s) for s in sessions)))
        assert [message.kind for message in batch.messages].count("chat.notice") == 1
        again = WebhookTarget("bank", "bank", "https://bank.example/", [SECRET])
        one = pipeline(**{**settings, "targets": [again]})
        batch = one.turn([use("s_9")], raised(alert(session_id="s_9")))
    assert [message.kind for message in batch.messages] == ["chat.alert"]


def test_a_receiver_that_is_gone_is_a_critical_notice(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    receiver.behaviours = [answers(410)]
    with Receiver() as people:
        one = pipeline(targets=[bank], chats=[chat(people, Severity.CRITICAL)])
        one.turn([use()], raised(alert()))
        one.until(lambda: {"chat.alert delivered", "chat.notice delivered"} <= set(one.acts()))
    assert told(people, 1)["title"] == "webhook:bank wants nothing any more"
    assert one.states() == ["failed"]


def test_troubles_are_told_in_the_language_of_the_chat(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    receiver.behaviours = [answers(422)]
    with Receiver() as people:
        german = Chat(f"json://127.0.0.1:{people.port}/", Severity.CRITICAL, templates=Templates("de"))
        one = pipeline(targets=[bank], chats=[german])
        one.turn([use()], raised(alert()))
        one.until(lambda: {"chat.alert delivered", "chat.notice delivered"} <= set(one.acts()))
    assert told(people, 1)["title"] == "Nicht zugestellt: session.revoked über webhook:bank"
    assert "nach 1 Versuchen nicht angenommen (answered 422)" in told(people, 1)["message"]


def test_a_revocation_that_is_parked_is_a_critical_notice(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    receiver.behaviours = [answers(422)]
    with Receiver() as people:
        one = pipeline(targets=[bank], chats=[chat(people, Severity.CRITICAL)])
        one.turn([use()], raised(alert()))
        one.until(lambda: {"chat.alert delivered", "chat.notice delivered"} <= set(one.acts()))
    assert told(people, 1)["title"] == "Not delivered: session.revoked by webhook:bank"


def test_a_withdrawn_alert_is_told(pipeline: Start) -> None:
    with Receiver() as receiver:
        one = pipeline(chats=[chat(receiver)])
        one.turn(changes=[AlertChange("withdrawn", alert())])
        one.until_result()
    assert told(receiver)["title"].startswith("Withdrawn: CRITICAL session-hijack")


def test_nobody_is_told_of_a_shadow_rule(pipeline: Start) -> None:
    with Receiver() as receiver:
        one = pipeline(chats=[chat(receiver)], lines=[PolicyLine(("notify",))])
        batch = one.turn(changes=raised(alert(mode="shadow")))
    assert batch.messages == []
    assert one.acts() == ["alert raised"]


def undelivered(lane: str = "webhook:bank", kind: str = "session.revoked", trouble: str = "answered 500") -> object:
    """What a lane reports when nothing gets through."""
    message = OutboxMessage("m1", lane, kind, "k", "r1", "{}", 0, attempts=6, last_error=trouble)
    return DeliveryResult(lane, (message,), 0, trouble=trouble)


def test_a_receiver_that_takes_no_revocation_is_one_critical_notice(pipeline: Start) -> None:
    with Receiver() as people:
        one = pipeline(chats=[chat(people, Severity.CRITICAL)])
        first, second = one.turn(commands=[undelivered()]), one.turn(commands=[undelivered()])
        one.until_result()
    assert [[message.kind for message in batch.messages] for batch in (first, second)] == [["chat.notice"], []]
    assert told(people)["title"] == "Revocations do not get through: webhook:bank"
    assert "answered 500" in told(people)["message"]


def test_of_trouble_that_a_users_notice_has_met_first_people_hear_with_the_first_revocation(
    pipeline: Start, receiver: Receiver
) -> None:
    one = pipeline(chats=[chat(receiver, Severity.CRITICAL)])
    batches = [
        one.turn(commands=[undelivered(kind="user.notice")]),
        one.turn(commands=[undelivered(trouble="")]),
        one.turn(commands=[undelivered(trouble="")]),
    ]
    assert [[message.kind for message in batch.messages] for batch in batches] == [[], ["chat.notice"], []]


def test_of_trouble_that_is_over_nobody_is_told(pipeline: Start, receiver: Receiver) -> None:
    delivered = OutboxMessage("m0", "webhook:bank", "user.notice", "k", "n1", "{}", 0, state="delivered")
    one = pipeline(chats=[chat(receiver, Severity.CRITICAL)])
    one.turn(commands=[undelivered(kind="user.notice")])
    one.turn(commands=[DeliveryResult("webhook:bank", (delivered,), 0)])
    assert one.turn(commands=[undelivered(trouble="")]).messages == []


def test_of_a_chat_that_takes_nothing_nobody_is_told_by_chat(pipeline: Start) -> None:
    with Receiver() as people:
        one = pipeline(chats=[chat(people)])
        batch = one.turn(commands=[undelivered("chat:x", "chat.alert")])
    assert batch.messages == []


def test_people_hear_of_a_receiver_that_is_down_while_it_is(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    receiver.behaviours = [answers(503, retry_after="600")]
    with Receiver() as people:
        one = pipeline(targets=[bank], chats=[chat(people, Severity.CRITICAL)])
        one.turn([use()], raised(alert()))
        one.until(lambda: len(people.calls) == 2)
    assert {told(people, number)["title"] for number in range(2)} >= {"Revocations do not get through: webhook:bank"}


def test_what_was_withdrawn_and_holds_after_all_is_told_anew_and_kept(pipeline: Start) -> None:
    with Receiver() as people:
        one = pipeline(chats=[chat(people)])
        for kind in ("raised", "withdrawn", "raised", "withdrawn"):
            one.turn(changes=[AlertChange(kind, alert())])
            one.until_result()
    told_titles = [told(people, number)["title"].partition(":")[0] for number in range(4)]
    assert told_titles == ["CRITICAL session-hijack", "Withdrawn"] * 2
    assert one.reader.counts()["outbox"] == 4


@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_told_is_offered_to_no_lane_again(pipeline: Start, restarted: bool) -> None:
    with Receiver() as people:
        one = pipeline(chats=[chat(people)])
        one.turn(changes=raised(alert()))
        one.until_result()
        if restarted:
            one = pipeline(chats=[chat(people)])
        batch = one.turn(changes=raised(alert()))
    assert batch.messages == []
