"""From the pipeline's question to the user's answer: the message as it is really made, the receiver, the middleware."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from sessionwatch_emitter import RevocationList, RevocationReceiver, SessionEmitter, SessionWatchMiddleware
from standardwebhooks.webhooks import Webhook

from response.messages import TargetMessages
from response.targets.webhook import WebhookTarget
from schemas.alert import Alert, Severity
from schemas.instant import to_datetime
from store.rows import OutboxMessage, StepUpRow

from .test_receiver import SECRET
from .test_wsgi import App, Browser, serve, session_id

__all__ = ["serve"]

HOUR_US = 3_600_000_000


def question(session: str) -> OutboxMessage:
    """What the pipeline posts to the bank."""
    now_us = time.time_ns() // 1_000
    alert = Alert(
        str(uuid.uuid4()), "session-hijack", 1, Severity.HIGH, "enforce", "bank", "session", session, now_us, now_us,
        now_us, "used from elsewhere", user_id="alice", session_id=session,
    )  # fmt: skip
    row = StepUpRow(
        str(uuid.uuid4()), "bank", session, "alice", alert.alert_id, alert.rule_id, "asked", now_us, now_us + HOUR_US
    )
    target = WebhookTarget("bank", "bank", "https://bank.example/", [SECRET])
    [message] = TargetMessages([target]).of_step_up(row, alert, 1, now_us)
    return message


def post(receiver: RevocationReceiver, message: OutboxMessage) -> int:
    moment = to_datetime(message.created_us)
    headers = {
        "webhook-id": message.message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(message.message_id, moment, message.payload),
    }
    return receiver.receive(headers, message.payload.encode()).status


class Bank(App):
    """An app with a page on which its users prove who they are."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/prove":
            watch = environ["sessionwatch"]
            watch.validated(watch.session, user="alice", reason="step_up", auth_method="totp", mfa=True)
            start_response("200 OK", [])
            return [b"thank you"]
        return super().__call__(environ, start_response)


def ask_to_prove(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("303 See Other", [("Location", "/prove")])
    return [b""]


@pytest.fixture
def emitter(make_emitter: Any, revocations: RevocationList) -> SessionEmitter:
    return make_emitter(revocations=revocations, sample_interval=1000)  # type: ignore[no-any-return]


@pytest.fixture
def receiver(emitter: SessionEmitter, revocations: RevocationList) -> RevocationReceiver:
    return RevocationReceiver(revocations, emitter, secrets=[SECRET])


@pytest.fixture
def browser(serve: Any, emitter: SessionEmitter) -> Browser:
    app = Bank()
    watched = SessionWatchMiddleware(app, emitter, user_of=app.user_of, step_up=ask_to_prove, step_up_paths=["/prove"])
    return serve(watched)  # type: ignore[no-any-return]


@pytest.fixture
def asked(browser: Browser, receiver: RevocationReceiver, emitter: SessionEmitter) -> Browser:
    """A browser whose session has to prove who uses it."""
    browser.get("/login")
    assert post(receiver, question(session_id(emitter, browser))) == 200
    return browser


def test_the_session_reaches_nothing_but_the_page_of_proof(asked: Browser) -> None:
    assert asked.get("/account") == 303
    assert asked.answer is not None
    assert asked.answer.getheader("Location") == "/prove"


def test_proof_lets_it_through_again_and_is_told_to_the_pipeline(
    asked: Browser, emitter: SessionEmitter, sent: Any
) -> None:
    assert [asked.get("/prove"), asked.get("/account")] == [200, 200]
    events = sent(emitter, 3)
    assert [(event["type"], event["reason"]) for event in events[1:2]] == [("validate", "step_up")]


def test_what_is_held_back_is_not_told_as_a_use(asked: Browser, emitter: SessionEmitter) -> None:
    asked.get("/account")
    emitter.flush()
    assert emitter.counters["validated"] == 0


def test_other_sessions_are_not_asked(asked: Browser) -> None:
    other = Browser(asked.port)
    other.get("/login")
    assert other.get("/account") == 200


def test_another_process_asks_too(asked: Browser, emitter: SessionEmitter, tmp_path: Path) -> None:
    beside = RevocationList(tmp_path / "revocations.sqlite")
    assert beside.needs_step_up([session_id(emitter, asked)])
    beside.close()


def test_a_retry_after_the_proof_asks_for_nothing(
    browser: Browser, receiver: RevocationReceiver, emitter: SessionEmitter
) -> None:
    browser.get("/login")
    message = question(session_id(emitter, browser))
    post(receiver, message)
    browser.get("/prove")
    assert post(receiver, message) == 200
    assert browser.get("/account") == 200


def test_an_app_whose_middleware_cannot_ask_says_so(
    receiver: RevocationReceiver, emitter: SessionEmitter, serve: Any
) -> None:
    app = App()
    browser = serve(SessionWatchMiddleware(app, emitter, user_of=app.user_of))
    browser.get("/login")
    assert post(receiver, question(session_id(emitter, browser))) == 422
