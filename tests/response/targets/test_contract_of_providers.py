"""The targets that end sessions by a store, a program, a topic or a provider's API keep the contract of all targets."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from response.targets import Target
from response.targets.auth0 import Auth0Target
from response.targets.command import CommandTarget
from response.targets.contract import Case, examine
from response.targets.entra import EntraTarget
from response.targets.global_token_revocation import GlobalTokenRevocationTarget
from response.targets.kafka_topic import KafkaTarget
from response.targets.keycloak import KeycloakTarget
from response.targets.lock_marks import LockMarks
from response.targets.okta import OktaTarget
from response.targets.redis_store import RedisTarget
from response.targets.token_revocation import TokenRevocationTarget
from tests.response.receivers import SECRET
from tests.response.targets.provider import Provider, Says
from tests.response.targets.redis_server import UnavailableError, redis_server

NOWHERE = "http://127.0.0.1:1"
KEY = "a secret that must not be shown"


class Everything(Provider):
    """A provider that takes everything that the targets ask of theirs."""

    def __init__(self) -> None:
        super().__init__()
        token = {"access_token": KEY, "expires_in": 3600}
        for path in ("/oauth/token", "/t/oauth2/v2.0/token", "/realms/r/protocol/openid-connect/token"):
            self.on("POST", path, lambda _: Says(200, token))
        self.on("POST", "/v1.0/users/{}/revokeSignInSessions", lambda _: Says(200, {"value": True}))
        self.on("POST", "/api/v2/sessions/{}/revoke", lambda _: Says(202))
        self.on("GET", "/api/v2/users/{}/sessions", lambda _: Says(200, {"sessions": []}))
        self.on("GET", "/api/v2/users/{}/refresh-tokens", lambda _: Says(200, {"tokens": []}))
        self.on("DELETE", "/api/v1/users/{}/sessions", lambda _: Says(204))
        self.on("POST", "/global", lambda _: Says(204))
        self.on("POST", "/revoke", lambda _: Says(200))
        self.on("GET", "/admin/realms/r/users/{}", lambda _: Says(200, {"id": "alice", "enabled": True}))
        self.on("PUT", "/admin/realms/r/users/{}", lambda _: Says(204))
        self.on("GET", "/admin/realms/r/users/{}/sessions", lambda _: Says(200, []))
        self.on("GET", "/admin/realms/r/users/{}/consents", lambda _: Says(200, []))
        self.on("DELETE", "/admin/realms/r/sessions/{}", lambda _: Says(204))


def named(_app: str, _session: str) -> str:
    return "the-providers-name"


def okta(url: str) -> Target:
    return OktaTarget("t", "bank", url, KEY, allow_private=True)


def auth0(url: str) -> Target:
    return Auth0Target("t", "bank", url, client_id="c", secret=KEY, find_idp_session=named, allow_private=True)


def entra(url: str) -> Target:
    return EntraTarget("t", "bank", tenant="t", client_id="c", secret=KEY, url=url, login_url=url, allow_private=True)


def global_token_revocation(url: str) -> Target:
    return GlobalTokenRevocationTarget("t", "bank", f"{url}/global", KEY, allow_private=True)


@pytest.fixture
def provider() -> Iterator[Everything]:
    with Everything() as running:
        yield running


@pytest.mark.parametrize(
    ("make", "scopes"),
    [
        (okta, {"user"}),
        (auth0, {"session", "user"}),
        (entra, {"user"}),
        (global_token_revocation, {"user"}),
    ],
)
def test_a_providers_target_keeps_the_contract(
    provider: Everything, make: Callable[[str], Target], scopes: set[str]
) -> None:
    case = Case(make=lambda: make(provider.url), broken=lambda: make(NOWHERE), secrets=[KEY])
    assert examine(case) == []
    with closing(case.make()) as target:
        assert target.scopes == scopes


def test_keycloak_keeps_the_contract(provider: Everything, tmp_path: Path) -> None:
    def make(url: str) -> Target:
        return KeycloakTarget(
            "t", "bank", url, realm="r", client_id="c", secret=KEY, find_idp_session=named,
            locks=LockMarks(tmp_path / "locks"), allow_private=True,
        )  # fmt: skip

    case = Case(make=lambda: make(provider.url), broken=lambda: make(NOWHERE), secrets=[KEY])
    assert examine(case) == []


def test_the_revocation_of_tokens_keeps_the_contract(provider: Everything, tmp_path: Path) -> None:
    lookup = tmp_path / "tokens-of"
    lookup.write_text(f"#!/bin/sh\necho '{json.dumps({'token': KEY})}'\n")
    lookup.chmod(0o755)

    def make(url: str) -> Target:
        settings: dict[str, Any] = {"client_id": "c", "secret": KEY, "lookup": [str(lookup)], "allow_private": True}
        return TokenRevocationTarget("t", "bank", f"{url}/revoke", scopes=["session", "user"], **settings)

    assert examine(Case(make=lambda: make(provider.url), broken=lambda: make(NOWHERE), secrets=[KEY])) == []


def test_a_command_keeps_the_contract(tmp_path: Path) -> None:
    def broken() -> Target:
        program = tmp_path / "gone"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        target = CommandTarget("t", "bank", [str(program)])
        program.unlink()
        return target

    def made() -> Target:
        kinds = ("session.revoked", "session.released", "session.login_locked")
        return CommandTarget("t", "bank", ["/bin/true"], scopes=("session", "user", "login"), kinds=kinds)

    assert examine(Case(make=made, broken=broken)) == []


def test_a_topic_keeps_the_contract(broker: str) -> None:
    def make(server: str) -> Target:
        return KafkaTarget("t", "bank", f"session-revocations-{uuid.uuid4()}", [SECRET], [server])

    assert examine(Case(make=lambda: make(broker), broken=lambda: make("127.0.0.1:1"), secrets=[SECRET])) == []


def test_a_store_keeps_the_contract() -> None:
    try:
        with redis_server() as url, redis.Redis.from_url(url) as store:
            store.set("sessionwatch:session:s_k1_examined", '{"key": "session:raw", "started": 0}', ex=900)
            store.zadd("sessionwatch:user:alice", {"s_k1_examined": 2_000_000_000})
            password = url.replace("redis://", f"redis://:{KEY.replace(' ', '-')}@").replace("127.0.0.1", "localhost")
            case = Case(
                make=lambda: RedisTarget("t", "bank", url),
                broken=lambda: RedisTarget("t", "bank", password.rpartition(":")[0] + ":1/0"),
                secrets=[KEY.replace(" ", "-")],
            )
            assert examine(case) == []
    except UnavailableError as reason:
        pytest.skip(f"no Redis: {reason}")
