from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from response.errors import TargetRefused
from response.outcome import DELIVERED, Outcome
from response.targets.global_token_revocation import GlobalTokenRevocationTarget
from store.rows import OutboxMessage
from tests.response.targets.asked import asked
from tests.response.targets.provider import Asked, Provider, Says

PATH = "/tenant/global-token-revocation/"


class Receiver(Provider):
    """An authorization server with the answers of the draft, section 3."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 204
        self.subjects: list[dict[str, str]] = []
        self.on("POST", PATH, self._revoke)
        self.on("POST", "/token", lambda asked: Says(200, {"access_token": f"for-{asked.form['client_id']}"}))

    def _revoke(self, request: Asked) -> Says:
        if request.headers["authorization"] not in ("Bearer static", "Bearer for-sessionwatch"):
            return Says(401)
        assert request.headers["content-type"] == "application/json"
        self.subjects.append(request.json["sub_id"])
        return Says(self.status)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def deliver(receiver: Receiver, message: OutboxMessage | None = None, secret: str = "static", **how: Any) -> Outcome:
    target = GlobalTokenRevocationTarget("as", "bank", receiver.url + PATH, secret, allow_private=True, **how)
    with closing(target):
        return target.deliver(message or asked("user"))


@pytest.mark.parametrize(
    ("how", "subject"),
    [
        ({}, {"format": "opaque", "id": "alice"}),
        ({"subject_format": "email"}, {"format": "email", "email": "alice"}),
        (
            {"subject_format": "iss_sub", "issuer": "https://idp.example"},
            {"format": "iss_sub", "iss": "https://idp.example", "sub": "alice"},
        ),
    ],
)
def test_a_subject_is_posted(receiver: Receiver, how: dict[str, str], subject: dict[str, str]) -> None:
    assert deliver(receiver, **how) == DELIVERED
    assert receiver.subjects == [subject]


def test_a_token_may_come_from_a_token_endpoint(receiver: Receiver) -> None:
    assert deliver(receiver, client_id="sessionwatch", token_url=f"{receiver.url}/token") == DELIVERED


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, DELIVERED),
        (400, Outcome("refused", "answered 400")),
        (404, Outcome("refused", "the receiver knows no such user")),
        (422, Outcome("refused", "answered 422")),
        (503, Outcome("retry", "answered 503")),
        (302, Outcome("retry", "answered 302: redirects are not followed")),
    ],
)
def test_what_an_answer_means(receiver: Receiver, status: int, outcome: Outcome) -> None:
    receiver.status = status
    assert deliver(receiver) == outcome


def test_a_token_that_was_refused_is_told(receiver: Receiver) -> None:
    assert deliver(receiver, secret="wrong").detail.startswith("answered 401")


def test_one_session_is_not_asked_for(receiver: Receiver) -> None:
    assert deliver(receiver, asked()).kind == "refused"
    assert receiver.asked == []


def test_a_revocation_without_a_user_is_refused(receiver: Receiver) -> None:
    outcome = deliver(receiver, asked("user", user_id=None))
    assert outcome == Outcome("refused", "the revocation names no user")


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"client_id": "sessionwatch"}, "client_id and token_url belong together"),
        ({"subject_format": "iss_sub"}, "an issuer is needed"),
        ({"issuer": "https://idp.example"}, "an issuer is needed"),
    ],
)
def test_what_does_not_fit_together_is_refused(how: dict[str, Any], why: str) -> None:
    with pytest.raises(TargetRefused, match=f"target as: {why}"):
        GlobalTokenRevocationTarget("as", "bank", "https://as.example/", "static", **how)
