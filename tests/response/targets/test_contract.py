"""Every target that is spoken to over HTTP keeps the contract; one that does not is told so."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from response.outcome import Outcome
from response.ssf.keys import KeyRing
from response.ssf.stream import Stream, Streams
from response.targets import Target
from response.targets.backchannel_logout import BackchannelLogoutTarget
from response.targets.contract import Case, examine
from response.targets.ssf import SsfTarget
from response.targets.webhook import WebhookTarget
from schemas.revocation import Scope
from store.rows import OutboxMessage
from tests.response.receivers import SECRET, answering, answers

Make = Callable[[str, Path], Target]
TOKEN = "receivers-own-token-0123456789"


def webhook(url: str, _folder: Path) -> Target:
    return WebhookTarget("bank", "bank", url, [SECRET], allow_private=True)


def ssf(url: str, folder: Path) -> Target:
    stream = Stream("bank", "s", "push", endpoint_url=url, authorization=f"Bearer {TOKEN}", standing=True)
    return SsfTarget(
        "bank", "bank", "bank", audience="https://bank.example", issuer="https://sw.example",
        keys=KeyRing(folder / "keys", "ES256"), streams=Streams([stream]), allow_private=True,
    )  # fmt: skip


def backchannel_logout(url: str, folder: Path) -> Target:
    return BackchannelLogoutTarget(
        "bank", "bank", url, audience="client", issuer="https://idp.example", keys=KeyRing(folder / "keys", "ES256"),
        find_idp_session=lambda _app, _session: "idp-1", allow_private=True,
    )  # fmt: skip


def nobody_listens() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


@pytest.mark.parametrize(
    ("make", "status", "secret", "scopes"),
    [
        (webhook, 204, SECRET, {"session", "user", "login"}),
        (ssf, 202, TOKEN, {"session", "user"}),
        (backchannel_logout, 200, "-----", {"session", "user"}),
    ],
    ids=["webhook", "ssf", "backchannel_logout"],
)
def test_a_target_keeps_the_contract(make: Make, status: int, secret: str, scopes: set[str], tmp_path: Path) -> None:
    with answering(answers(status)) as receiver:
        case = Case(
            make=lambda: make(receiver.url, tmp_path),
            broken=lambda: make(nobody_listens(), tmp_path),
            secrets=[secret],
        )
        assert examine(case) == []
        target = case.make()
        target.close()
    assert target.scopes == scopes
    assert len(receiver.calls) == 2 * len(scopes)


class Bad:
    """A target that gets everything wrong."""

    kind, name, app = "Bad Kind", "bad", "bank"
    scopes: frozenset[Scope] = frozenset()
    kinds: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.closed = False

    def deliver(self, _message: OutboxMessage) -> Outcome:
        return Outcome("ok")

    def close(self) -> None:
        if self.closed:
            raise RuntimeError
        self.closed = True

    def __repr__(self) -> str:
        return "Bad(password=hunter2)"


class Raising(Bad):
    """A target that raises where its receiver is away."""

    scopes = frozenset({"user"})

    def deliver(self, message: OutboxMessage) -> Outcome:
        message.attempts += 1
        raise ConnectionError


def test_what_breaks_the_contract_is_named() -> None:
    failures = examine(Case(make=Bad, broken=_user_scoped, secrets=["hunter2"]))
    assert [line.partition(":")[0] for line in failures] == [
        "shape", "shape", "secrets", "closes", "survives", "survives",
    ]  # fmt: skip


def test_a_target_that_raises_is_named() -> None:
    failures = examine(Case(make=_user_scoped, broken=Raising))
    assert "survives: it raises ConnectionError where its receiver cannot be reached" in failures


def _user_scoped() -> Target:
    target = Bad()
    target.scopes = frozenset({"user"})
    return target


def test_a_receiver_that_answers_as_no_standard_says_is_not_taken_for_done(tmp_path: Path) -> None:
    with answering(answers(201)) as receiver:
        for make in (ssf, backchannel_logout):
            target = make(receiver.url, tmp_path)
            outcome = target.deliver(Case(make=_user_scoped, broken=_user_scoped).message(target, "user"))
            target.close()
            assert outcome.kind == "retry"
