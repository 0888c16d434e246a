"""The CAEP transmitter over real HTTP: what is pushed, and what answers mean (RFC 8935)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from response.outcome import DELIVERED, Outcome
from response.ssf.keys import KeyRing
from response.ssf.stream import Stream, Streams
from response.targets.ssf import POLL_PAUSE_US, SsfTarget
from schemas.instant import SECOND
from tests.response.receivers import Receiver, answering, answers, drips, hangs, says
from tests.response.ssf.profile import problems
from tests.response.ssf.test_token import AUDIENCE, ISSUER, revocation

Deliver = Callable[..., Outcome]


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys", "ES256")


@pytest.fixture
def deliver(keys: KeyRing) -> Deliver:
    """One try of a revocation by a stream."""

    def one_try(stream: Stream | None, *, allow_private: bool = True) -> Outcome:
        target = SsfTarget(
            "bank", "bank", "bank", audience=AUDIENCE, issuer=ISSUER, keys=keys,
            streams=Streams([] if stream is None else [stream]), allow_private=allow_private, deadline_s=0.5,
        )  # fmt: skip
        with closing(target):
            return target.deliver(revocation())

    return one_try


def pushed(receiver: Receiver, **more: object) -> Stream:
    fields = {"endpoint_url": receiver.url, "standing": True, **more}
    return Stream("bank", "stream-1", "push", **fields)  # type: ignore[arg-type]


def test_a_token_is_pushed_as_the_standard_says(deliver: Deliver, keys: KeyRing) -> None:
    with answering(answers(202)) as receiver:
        assert deliver(pushed(receiver, authorization="Bearer theirs")) == DELIVERED
    (call,) = receiver.calls
    assert call.headers["content-type"] == "application/secevent+jwt"
    assert call.headers["accept"] == "application/json"
    assert call.headers["authorization"] == "Bearer theirs"
    assert problems(call.body.decode(), keys.published(), ISSUER, AUDIENCE) == []


@pytest.mark.parametrize(
    "code",
    ["invalid_request", "invalid_key", "invalid_issuer", "invalid_audience", "authentication_failed", "access_denied"],
)
def test_an_error_of_the_standard_is_the_end_of_a_token(deliver: Deliver, code: str) -> None:
    with answering(says({"err": code, "description": "no"}, 400)) as receiver:
        assert deliver(pushed(receiver)) == Outcome("refused", f"answered {code}: no")


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (answers(400), Outcome("retry", "answered 400 without an error of RFC 8935")),
        (says({"err": "of_its_own"}, 400), Outcome("retry", "answered 400 with an unknown error")),
        (answers(200), Outcome("retry", "answered 200, where 202 says that a token was taken")),
        (answers(401), Outcome("retry", "answered 401")),
        (answers(410), Outcome("gone", "answered 410")),
        (answers(307, location="http://127.0.0.1:1/"), Outcome("retry", "answered 307: redirects are not followed")),
        (answers(429, retry_after="7"), Outcome("retry", "answered 429", 7 * SECOND)),
        (answers(500), Outcome("retry", "answered 500")),
        (hangs(), Outcome("retry", "no whole answer within 0.5 s")),
        (drips(), Outcome("retry", "no whole answer within 0.5 s")),
    ],
)
def test_any_other_answer_is_not_the_end(deliver: Deliver, behaviour: object, outcome: Outcome) -> None:
    with answering(behaviour) as receiver:  # type: ignore[arg-type]
        assert deliver(pushed(receiver)) == outcome


def test_a_url_that_a_receiver_registered_never_leads_to_a_private_address(deliver: Deliver) -> None:
    with answering(answers(202)) as receiver:
        outcome = deliver(pushed(receiver, standing=False), allow_private=True)
    assert outcome.kind == "retry"
    assert "127.0.0.1 is not public" in outcome.detail
    assert receiver.calls == []


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (None, "the receiver has made no stream yet"),
        (Stream("bank", "s", "poll"), "the receiver has not polled it yet"),
        (Stream("bank", "s", "poll", status="paused"), "the stream is paused"),
    ],
)
def test_a_revocation_waits_for_its_stream(deliver: Deliver, stream: Stream | None, why: str) -> None:
    assert deliver(stream) == Outcome("retry", why, POLL_PAUSE_US)


ALICE = {"format": "complex", "user": {"format": "iss_sub", "iss": ISSUER, "sub": "alice"}}


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (Stream("bank", "s", "poll", status="disabled"), "the stream is disabled"),
        (Stream("bank", "s", "poll", requested=("other",)), "the receiver's stream does not ask for session-revoked"),
        (Stream("bank", "s", "poll", removed=(ALICE,)), "the receiver has removed this subject from its stream"),
    ],
)
def test_what_the_receiver_does_not_want_is_parked_and_told(deliver: Deliver, stream: Stream, why: str) -> None:
    assert deliver(stream) == Outcome("refused", why)
