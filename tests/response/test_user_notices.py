"""What users are told, and how little of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import msgspec
import pytest

from response.chat import HANGS
from response.clock import now_us
from response.errors import ChatRefused
from response.targets.webhook import WebhookTarget
from response.user_notices import MailText, UserMail
from schemas.event import Agent, Event, Place
from schemas.instant import DAY, HOUR, MINUTE
from store.rows import OutboxMessage
from tests.response.given import SESSION, Pipeline, alert, event, raised, use
from tests.response.receivers import Receiver, answering, hangs
from tests.response.theft import Start, steal

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

ALL = {"bank": ("new_device", "session_ended")}


def login(device: str = "d_new", *, user: str = "alice", ago_us: int = 0, session: str = "s_new") -> Event:
    made = event("create", "login", session, user_id=user, ago_us=ago_us)
    return msgspec.structs.replace(
        made,
        event_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{device}:{user}:{ago_us}")),
        device_id=device,
        ip="203.0.113.9",
        place=Place(network="203.0.113.0/24", country="NL", city="Utrecht"),
        agent=Agent("Firefox", "Linux", "desktop"),
    )


def start(pipeline: Start, bank: WebhookTarget, **settings: object) -> Pipeline:
    """A pipeline that has known alice by her old device for a day."""
    one = pipeline(targets=[bank], **{"tell_users": ALL, **settings})
    one.turn([login("d_old", ago_us=DAY, session="s_old")])
    return one


def told(one: Pipeline) -> list[str]:
    return [message.kind for message, _ in one.reader.outbox_page() if message.kind == "user.notice"]


def test_of_a_login_with_a_new_device_place_agent_and_time(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    one = start(pipeline, bank)
    one.turn([login()])
    one.until_result()
    body = receiver.calls[0].verified()
    data = body["data"]
    assert isinstance(data, dict)
    assert body["type"] == "user.notice"
    assert (data["user_id"], data["notice"]) == ("alice", "new_device")
    assert (data["country"], data["city"], data["agent"]) == ("NL", "Utrecht", "Firefox")
    assert not {"session_id", "ip", "device_id", "network"} & data.keys()


def test_of_an_ended_session_only_that_it_was(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = start(pipeline, bank)
    steal(one)
    one.until(lambda: len(receiver.calls) == 2)
    [body] = [call.body for call in receiver.calls if b"user.notice" in call.body]
    data = json.loads(body)["data"]
    assert (data["notice"], data["country"], data["city"], data["agent"]) == ("session_ended", None, None, None)
    assert not [word for word in (SESSION.encode(), b"session-hijack") if word in body]


def test_an_app_that_has_not_asked_is_left_alone(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, tell_users={"shop": ("new_device",)})
    one.turn([login()])
    assert told(one) == []


def test_a_known_device_is_no_news(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank)
    one.turn([login("d_old")])
    assert told(one) == []


def test_whoever_comes_for_the_first_time_knows(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank)
    one.turn([login(user="bob")])
    assert told(one) == []


def test_a_spooled_login_is_no_news(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank)
    one.turn([login(ago_us=20 * MINUTE)])
    assert told(one) == []


def test_once_an_hour_whatever_happens(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank)
    one.turn([login("d_1", session="s_1"), login("d_2", session="s_2")])
    one.turn([use()], raised(alert()))
    assert told(one) == ["user.notice"]


def test_once_an_hour_over_a_restart(pipeline: Start, bank: WebhookTarget) -> None:
    start(pipeline, bank).turn([login("d_1")])
    again = pipeline(targets=[bank], tell_users=ALL)
    again.turn([login("d_2")])
    assert len(told(again)) == 1


def test_after_an_hour_again(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank)
    one.turn([login("d_1")])
    later = msgspec.structs.replace(login("d_2"), time_us=now_us() + HOUR)
    one.turn([later], later_us=HOUR)
    assert len(told(one)) == 2


def test_a_dry_run_ends_nothing_and_tells_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, dry_run=True)
    steal(one)
    assert told(one) == []


@pytest.fixture
def post() -> Iterator[Receiver]:
    """A service that takes mails over HTTP."""
    with Receiver() as running:
        yield running


def test_by_mail(pipeline: Start, post: Receiver) -> None:
    mail = UserMail("bank", f"json://127.0.0.1:{post.port}/{{user}}")
    one = pipeline(mails=[mail], tell_users=ALL)
    one.turn([login("d_old", user="ann@example.com", ago_us=DAY)])
    one.turn([login(user="ann@example.com")])
    one.until_result()
    text = json.loads(post.calls[0].body)
    assert text["title"] == "New sign-in at bank"
    assert "from Utrecht, NL, with Firefox" in text["message"]
    assert not [word for word in ("203.0.113", "http") if word in text["message"]]


def test_a_user_whose_id_is_no_mail_address_is_not_mailed(pipeline: Start, post: Receiver) -> None:
    one = pipeline(mails=[UserMail("bank", f"json://127.0.0.1:{post.port}/{{user}}")], tell_users=ALL)
    name = "ann@example.com?to=thief@example.org"
    one.turn([login("d_old", user=name, ago_us=DAY)])
    one.turn([login(user=name)])
    one.until_result()
    [(message, _)] = one.reader.outbox_page()
    assert (message.state, message.last_error) == ("parked", "the user's id is no mail address")
    assert post.calls == []


def test_a_mail_address_without_a_recipient_is_refused() -> None:
    with pytest.raises(ChatRefused, match=r"with \{user\} in it"):
        UserMail("bank", "json://127.0.0.1/")


def test_a_mail_service_that_hangs_gets_no_second_mail() -> None:
    text = msgspec.json.encode(MailText("alice@example.com", "a title", "a body")).decode()
    message = OutboxMessage("m1", "mail:bank", "user.notice", "bank:notice:alice", "n1", text, 0)
    with answering(hangs(2)) as post:
        mail = UserMail("bank", f"json://127.0.0.1:{post.port}/{{user}}", deadline_s=0.2)
        first, second = mail.deliver([message, message])
        assert len(post.calls) == 1
    assert first.detail == "the service did not answer within 0.2 s"
    assert second == HANGS
