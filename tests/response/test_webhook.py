from __future__ import annotations

import base64
import time
from contextlib import closing

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from response.errors import TargetRefused
from response.outcome import DELIVERED, Outcome
from response.targets.webhook import WebhookTarget, retry_after
from schemas.instant import SECOND
from tests.response.given import message
from tests.response.receivers import OLD_SECRET, SECRET, Receiver, answering, answers, drips, hangs

NOW = 1_790_000_000_000_000


def deliver(receiver: Receiver, *secrets: str, deadline_s: float = 5.0, payload: str = "{}") -> Outcome:
    """One try of a target whose receiver this is."""
    one = WebhookTarget("bank", "bank", receiver.url, secrets or (SECRET,), allow_private=True, deadline_s=deadline_s)
    with closing(one):
        return one.deliver(message(payload=payload))


def test_the_reference_library_verifies_what_is_sent() -> None:
    with Receiver() as receiver:
        assert deliver(receiver, payload='{"a":"ü"}') == DELIVERED
    assert receiver.calls[0].verified() == {"a": "ü"}
    assert receiver.calls[0].headers["webhook-id"] == "m1"


def test_another_secret_does_not_verify() -> None:
    with Receiver() as receiver:
        deliver(receiver)
    with pytest.raises(WebhookVerificationError):
        receiver.calls[0].verified(OLD_SECRET)


def test_while_a_secret_is_replaced_either_verifies() -> None:
    with Receiver() as receiver:
        deliver(receiver, SECRET, OLD_SECRET)
    assert receiver.calls[0].verified(SECRET) == receiver.calls[0].verified(OLD_SECRET)
    assert len(receiver.calls[0].headers["webhook-signature"].split(" ")) == 2


def test_the_timestamp_is_that_of_the_try() -> None:
    with Receiver() as receiver:
        deliver(receiver)
    assert abs(int(receiver.calls[0].headers["webhook-timestamp"]) - time.time()) < 5


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, DELIVERED),
        (204, DELIVERED),
        (400, Outcome("retry", "answered 400")),
        (401, Outcome("retry", "answered 401")),
        (410, Outcome("gone", "answered 410")),
        (422, Outcome("refused", "answered 422")),
        (500, Outcome("retry", "answered 500")),
        (302, Outcome("retry", "answered 302: redirects are not followed")),
    ],
)
def test_what_an_answer_means(status: int, outcome: Outcome) -> None:
    with answering(answers(status)) as receiver:
        assert deliver(receiver) == outcome


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_receiver_may_ask_for_patience(status: int) -> None:
    with answering(answers(status, retry_after="7")) as receiver:
        assert deliver(receiver) == Outcome("retry", f"answered {status}", 7 * SECOND)


@pytest.mark.parametrize("behaviour", [hangs(), drips()], ids=["hangs", "drips"])
def test_slowness_is_a_failure_that_is_tried_again(behaviour) -> None:  # type: ignore[no-untyped-def]
    with answering(behaviour) as receiver:
        outcome = deliver(receiver, deadline_s=0.1)
    assert outcome == Outcome("retry", "no whole answer within 0.1 s")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("30", 30 * SECOND),
        ("Mon, 21 Sep 2026 14:13:30 GMT", 10 * SECOND),
        ("Mon, 21 Sep 2026 14:13:00 GMT", 0),
        ("soon", None),
        ("-1", None),
        ("9" * 40, None),
        (None, None),
    ],
)
def test_retry_after(value: str | None, expected: int | None) -> None:
    assert retry_after(value, NOW) == expected


@pytest.mark.parametrize(
    "secret",
    ["", "plain", "whsec_???", "whsec_" + base64.b64encode(b"short").decode(),
     "whsec_" + base64.b64encode(b"x" * 65).decode()],
)  # fmt: skip
def test_a_bad_secret_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(TargetRefused, match="target bank: a secret must be whsec_ and the base64 of 24-64 bytes") as e:
        WebhookTarget("bank", "bank", "https://bank.example/", [secret])
    assert not secret or secret.removeprefix("whsec_") not in str(e.value)


def test_a_target_without_a_secret_is_refused() -> None:
    with pytest.raises(TargetRefused, match="needs a secret"):
        WebhookTarget("bank", "bank", "https://bank.example/", [])


def test_the_secret_stands_in_no_representation() -> None:
    one = WebhookTarget("bank", "bank", "https://bank.example/", [SECRET])
    assert SECRET not in repr(one)
    assert SECRET.removeprefix("whsec_") not in repr(one)
    assert isinstance(one._signers[0], Webhook)
