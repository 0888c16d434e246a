"""Receivers at their worst: whatever one does, a try ends in time, is judged rightly, and the next one may succeed."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from response.outcome import DELIVERED, Outcome
from response.ssf.keys import KeyRing
from response.ssf.stream import Stream, Streams
from response.targets import Target
from response.targets.auth0 import Auth0Target
from response.targets.backchannel_logout import BackchannelLogoutTarget
from response.targets.entra import EntraTarget
from response.targets.global_token_revocation import GlobalTokenRevocationTarget
from response.targets.keycloak import KeycloakTarget
from response.targets.okta import OktaTarget
from response.targets.ssf import SsfTarget
from response.targets.token_revocation import TokenRevocationTarget
from response.targets.webhook import WebhookTarget
from schemas.instant import SECOND
from schemas.revocation import Scope
from tests.response.receivers import (
    SECRET,
    Behaviour,
    Receiver,
    answering,
    answers,
    closes_in_the_middle,
    drips,
    floods,
    hangs,
    says,
)
from tests.response.targets.asked import asked

DEADLINE_S = 5.0

KEY = "a secret that must not be shown"
TOKEN = says({"access_token": KEY, "expires_in": 3600})
ISSUER = "https://sessionwatch.example.com"

Make = Callable[..., Target]


@dataclass(frozen=True)
class Kind:
    """A kind of target under test.

    Attributes:
        make: returns one for a URL; takes the settings of every target that speaks HTTP.
        taken: what its receiver answers when all is well.
        before: what it answers to requests before the one that ends something.
        scope: what the target ends.
        gone: what 410 means to it.
        slow_s: the deadline of a call to a receiver that is slow.
    """

    make: Make
    taken: Behaviour
    before: tuple[Behaviour, ...] = ()
    scope: Scope = "session"
    gone: str = "retry"
    slow_s: float = 0.15

    def deadline_s(self, fault: str) -> float:
        return self.slow_s if fault in ("hangs", "drips") else DEADLINE_S


def named(_app: str, _session: str) -> str:
    return "idp-1"


def webhook(url: str, _folder: Path, **http: Any) -> Target:
    return WebhookTarget("t", "bank", url, [SECRET], **http)


def ssf(url: str, folder: Path, **http: Any) -> Target:
    stream = Stream("idp", "s", "push", endpoint_url=url, authorization=f"Bearer {KEY}", standing=True)
    keys = KeyRing(folder / "keys", "ES256")
    return SsfTarget("t", "bank", "idp", audience="a", issuer=ISSUER, keys=keys, streams=Streams([stream]), **http)


def backchannel_logout(url: str, folder: Path, **http: Any) -> Target:
    keys = KeyRing(folder / "keys", "ES256")
    return BackchannelLogoutTarget(
        "t", "bank", url, audience="client", issuer=ISSUER, keys=keys, find_idp_session=named, **http
    )


def rfc7009(url: str, folder: Path, **http: Any) -> Target:
    program = folder / "tokens-of"
    program.write_text(f"#!/bin/sh\necho '{json.dumps({'token': KEY})}'\n")
    program.chmod(0o755)
    return TokenRevocationTarget("t", "bank", url, client_id="c", secret=KEY, lookup=[str(program)], **http)


def global_token_revocation(url: str, _folder: Path, **http: Any) -> Target:
    return GlobalTokenRevocationTarget("t", "bank", url, KEY, **http)


def keycloak(url: str, _folder: Path, **http: Any) -> Target:
    return KeycloakTarget("t", "bank", url, realm="r", client_id="c", secret=KEY, find_idp_session=named, **http)


def okta(url: str, _folder: Path, **http: Any) -> Target:
    return OktaTarget("t", "bank", url, KEY, **http)


def auth0(url: str, _folder: Path, **http: Any) -> Target:
    return Auth0Target("t", "bank", url, client_id="c", secret=KEY, find_idp_session=named, **http)


def entra(url: str, _folder: Path, **http: Any) -> Target:
    return EntraTarget("t", "bank", tenant="t", client_id="c", secret=KEY, url=url, login_url=url, **http)


KINDS = {
    "webhook": Kind(webhook, answers(204), gone="gone"),
    "ssf": Kind(ssf, answers(202), gone="gone"),
    "backchannel_logout": Kind(backchannel_logout, answers(200), gone="gone"),
    # The look-up has the same deadline, and a busy machine starts programs slowly.
    "rfc7009": Kind(rfc7009, answers(200), slow_s=0.5),
    "global_token_revocation": Kind(global_token_revocation, answers(204), scope="user"),
    "keycloak": Kind(keycloak, answers(204), (TOKEN,)),
    "keycloak's tokens": Kind(keycloak, TOKEN),
    "okta": Kind(okta, answers(204), scope="user"),
    "auth0": Kind(auth0, answers(202), (TOKEN,)),
    "entra": Kind(entra, says({"value": True}), (TOKEN,), scope="user"),
}
WHOLE = [name for name, kind in KINDS.items() if kind.taken is not TOKEN]
"""Those whose receiver answers to the end, and not to the first request alone."""

FAULTS = {
    "hangs": hangs(),
    "drips": drips(),
    "500": answers(500),
    "503 in a while": answers(503, retry_after="7"),
    "429 in a while": answers(429, retry_after="7"),
    "410": answers(410),
    "closes in the middle": closes_in_the_middle,
    "floods": floods,
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


def try_once(kind: Kind, url: str, folder: Path, **http: Any) -> Outcome:
    settings = {"allow_private": True, "deadline_s": DEADLINE_S, **http}
    with closing(kind.make(url, folder, **settings)) as target:
        return target.deliver(asked(kind.scope))


def is_told(outcome: Outcome) -> bool:
    """Whether it says why in a line that people may read."""
    return 0 < len(outcome.detail) <= 300 and outcome.detail.isprintable() and KEY not in outcome.detail


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_receiver_does_wrong_is_judged_in_time(kind: Kind, fault: str, tmp_path: Path) -> None:
    with answering(*kind.before, FAULTS[fault]) as receiver:
        begun = time.monotonic()
        outcome = try_once(kind, receiver.url, tmp_path, deadline_s=kind.deadline_s(fault))
    # A call is cut at the deadline; the ones before it, and a look-up, are answered at once.
    assert time.monotonic() - begun < kind.deadline_s(fault) + 2
    assert outcome.kind == (kind.gone if fault == "410" else "retry")
    assert outcome.retry_after_us == (7 * SECOND if fault.endswith("in a while") else None)
    assert is_told(outcome)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_leads_a_revocation_elsewhere(kind: Kind, status: int, tmp_path: Path) -> None:
    with answering(kind.taken) as elsewhere, answering(*kind.before, answers(status, location=elsewhere.url)) as one:
        outcome = try_once(kind, one.url, tmp_path)
    assert outcome.kind == "retry"
    assert is_told(outcome)
    assert elsewhere.calls == []


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - {"410", "drips"}))
@pytest.mark.parametrize("name", WHOLE)
def test_the_next_try_of_the_same_target_succeeds(name: str, fault: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    # On the same connection, where the receiver keeps it, with a token that is still good.
    with (
        answering(*kind.before, FAULTS[fault], kind.taken) as receiver,
        closing(kind.make(receiver.url, tmp_path, allow_private=True, deadline_s=kind.deadline_s(fault))) as target,
    ):
        message = asked(kind.scope)
        assert [target.deliver(message).kind for _ in range(2)] == ["retry", "ok"]


def test_a_name_that_does_not_resolve_is_a_try_that_failed(kind: Kind, tmp_path: Path) -> None:
    outcome = try_once(kind, "https://receiver.invalid/", tmp_path)
    assert outcome.kind == "retry"
    assert is_told(outcome)


@pytest.fixture(scope="module")
def server_context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's, with a certificate that nobody vouches for."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        f" -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout {key} -out {certificate}"
    )
    try:
        subprocess.run(command.split(), check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.fixture
def impostor(server_context: ssl.SSLContext) -> Iterator[Receiver]:
    """A receiver that nobody vouches for."""
    with Receiver(tls=server_context) as running:
        yield running


def test_nothing_is_told_to_whom_nobody_vouches_for(kind: Kind, impostor: Receiver, tmp_path: Path) -> None:
    outcome = try_once(kind, f"https://localhost:{impostor.port}/", tmp_path)
    assert outcome.kind == "retry"
    assert "certificate verify failed" in outcome.detail
    assert is_told(outcome)
    assert impostor.calls == []


def test_an_answer_of_nonsense_is_a_try_that_failed(kind: Kind, tmp_path: Path) -> None:
    def nonsense(request: Any) -> None:
        request.wfile.write(b"\x16\x03\x01 SSH-2.0-nobody\r\n\r\n")
        request.close_connection = True

    with answering(*kind.before, nonsense) as receiver:
        outcome = try_once(kind, receiver.url, tmp_path)
    assert outcome.kind == "retry"
    assert is_told(outcome)


@pytest.mark.parametrize("name", WHOLE)
def test_all_is_well(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    with answering(*kind.before, kind.taken) as receiver:
        assert try_once(kind, receiver.url, tmp_path) == DELIVERED
