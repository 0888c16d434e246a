"""From an alert to a session that is gone, at each kind of target: policy, guard, outbox, receiver, proof.

The kinds that have a real counterpart tell this beside its own tests: `webhook` in `tests/e2e`, `kafka`, `redis`,
`keycloak` and `command` (Django). Here are those whose receivers follow the published documents.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qs

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from response.outcome import DELIVERED, Outcome
from response.policy import PolicyLine
from response.ssf.keys import KeyRing
from response.ssf.stream import Stream, Streams
from response.targets import Target
from response.targets.auth0 import Auth0Target
from response.targets.backchannel_logout import BackchannelLogoutTarget
from response.targets.command import CommandTarget
from response.targets.entra import EntraTarget
from response.targets.global_token_revocation import GlobalTokenRevocationTarget
from response.targets.okta import OktaTarget
from response.targets.outside import GROUP, TargetOptions, outside_target
from response.targets.ssf import SsfTarget
from response.targets.token_revocation import TokenRevocationTarget
from schemas.revocation import Scope, WebhookBody
from store.rows import OutboxMessage
from tests.response.given import SESSION, Pipeline, alert, event, raised, use
from tests.response.receivers import answering, answers
from tests.response.ssf.profile import parts, problems
from tests.response.targets import test_auth0 as auth0
from tests.response.targets import test_entra as entra
from tests.response.targets import test_global_token_revocation as global_revocation
from tests.response.targets import test_okta as okta
from tests.response.targets import test_token_revocation as rfc7009

Start = Callable[..., Pipeline]
ISSUER = "https://sessionwatch.example.com"
SESSION_ALONE = PolicyLine(("notify", "revoke_session"))
WHOLE_USER = PolicyLine(("notify", "revoke_user"))


def steal(pipeline: Start, target: Target, *, line: PolicyLine = SESSION_ALONE, user: str = "alice") -> Pipeline:
    """A thief uses alice's session; return the pipeline once the target has taken what follows from it."""
    one = pipeline(targets=[target], lines=[line])
    one.turn([msgspec.structs.replace(use(SESSION, user_id=user), idp_session_id="idp-1")])
    one.turn(changes=raised(alert(user_id=user)))
    one.until(lambda: one.states() == ["delivered"], within_s=20)
    return one


def find_idp_session(_app: str, session: str) -> str | None:
    return "idp-1" if session == SESSION else None


def test_the_apps_own_word_is_the_proof(pipeline: Start) -> None:
    one = steal(pipeline, CommandTarget("t", "bank", ["/bin/true"]))
    one.turn([event("destroy", "revoked", ago_us=-1)])
    assert one.states() == ["confirmed"]
    assert one.acts()[-4:] == ["revocation requested", "alert raised", "revocation delivered", "revocation confirmed"]


def test_ssf(pipeline: Start, tmp_path: Path) -> None:
    keys = KeyRing(tmp_path / "keys", "ES256")
    with answering(answers(202)) as receiver:
        stream = Stream("idp", "s", "push", endpoint_url=receiver.url, standing=True)
        steal(pipeline, SsfTarget(
            "t", "bank", "idp", audience="https://idp.example.com", issuer=ISSUER, keys=keys,
            streams=Streams([stream]), allow_private=True,
        ))  # fmt: skip
    token = receiver.calls[0].body.decode()
    assert problems(token, keys.published(), ISSUER, "https://idp.example.com") == []
    assert parts(token)[1]["sub_id"]["session"] == {"format": "opaque", "id": SESSION}


def test_backchannel_logout(pipeline: Start, tmp_path: Path) -> None:
    keys = KeyRing(tmp_path / "keys", "ES256")
    with answering(answers(200)) as receiver:
        steal(pipeline, BackchannelLogoutTarget(
            "t", "bank", receiver.url, audience="client", issuer=ISSUER, keys=keys,
            find_idp_session=find_idp_session, allow_private=True,
        ))  # fmt: skip
    ((token,),) = parse_qs(receiver.calls[0].body.decode(), strict_parsing=True).values()
    published = KeySet.import_key_set(keys.published())  # type: ignore[arg-type]
    assert jwt.decode(token, published, algorithms=["ES256"]).claims["sid"] == "idp-1"


def test_rfc7009(pipeline: Start, tmp_path: Path) -> None:
    with rfc7009.Server() as server:
        steal(pipeline, TokenRevocationTarget(
            "t", "bank", f"{server.url}/revoke", client_id="app/1", secret=rfc7009.SECRET,
            lookup=[str(rfc7009.lookup(tmp_path, *rfc7009.TOKENS))], allow_private=True,
        ))  # fmt: skip
    assert server.tokens == {"of another"}


def test_global_token_revocation(pipeline: Start) -> None:
    with global_revocation.Receiver() as server:
        target = GlobalTokenRevocationTarget(
            "t", "bank", server.url + global_revocation.PATH, "static", allow_private=True
        )
        steal(pipeline, target, line=WHOLE_USER)
    assert server.subjects == [{"format": "opaque", "id": "alice"}]


def test_okta(pipeline: Start) -> None:
    with okta.Organisation() as server:
        target = OktaTarget("t", "bank", server.url, okta.TOKEN, allow_private=True)
        steal(pipeline, target, line=WHOLE_USER, user=okta.ALICE)
    assert sorted(server.sessions.values()) == [0, 2]


@pytest.mark.parametrize("line", [SESSION_ALONE, WHOLE_USER], ids=["session", "user"])
def test_auth0(pipeline: Start, line: PolicyLine) -> None:
    with auth0.Tenant() as server:
        for name in ("idp-1", "idp-2"):
            server.add("sessions", name)
            server.add("tokens", f"token of {name}", session_id=name)
        steal(pipeline, Auth0Target(
            "t", "bank", server.url, client_id="client", secret=auth0.SECRET, find_idp_session=find_idp_session,
            allow_private=True,
        ), line=line, user=auth0.ALICE)  # fmt: skip
    left = ["idp-2"] if line is SESSION_ALONE else []
    assert (list(server.held["sessions"]), list(server.held["tokens"])) == (left, [f"token of {name}" for name in left])


def test_entra(pipeline: Start) -> None:
    with entra.Graph() as server:
        target = EntraTarget(
            "t", "bank", tenant=entra.TENANT, client_id="application", secret=entra.SECRET, url=server.url,
            login_url=server.url, allow_private=True,
        )  # fmt: skip
        steal(pipeline, target, line=WHOLE_USER, user=entra.ALICE)
    assert server.valid_from[entra.ALICE] == 1


def test_a_session_of_a_user_whom_the_target_knows_alone_is_widened_only_where_the_line_says_so(
    pipeline: Start,
) -> None:
    with okta.Organisation() as server:
        one = pipeline(targets=[OktaTarget("t", "bank", server.url, okta.TOKEN, allow_private=True)])
        one.turn([use(user_id=okta.ALICE)], raised(alert(user_id=okta.ALICE)))
        assert one.states() == ["held"]
        target = OktaTarget("t", "bank", server.url, okta.TOKEN, allow_private=True)
        widened = PolicyLine(("notify", "revoke_session"), widen=True)
        one = pipeline(targets=[target], lines=[widened])
        one.turn(changes=raised(alert("session-multi-network", user_id=okta.ALICE)))
        one.until(lambda: "delivered" in one.states())
    assert sorted(server.sessions.values()) == [0, 2]


class Door:
    """A target of somebody else's package: it knows one door, and locks it."""

    kind = "door"
    scopes: frozenset[Scope] = frozenset({"session"})
    kinds = frozenset({"session.revoked"})

    def __init__(self, options: TargetOptions) -> None:
        self.name, self.app = options.name, options.app
        self._file = Path(options.options["file"])

    def deliver(self, message: OutboxMessage) -> Outcome:
        self._file.write_text(WebhookBody.model_validate_json(message.payload).data.session_id or "")
        return DELIVERED

    def close(self) -> None:
        """Hold nothing open."""


def test_plugin(pipeline: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("door_package")
    module.Door = Door  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "door_package", module)
    options = TargetOptions("t", "bank", {"file": str(tmp_path / "locked")})
    steal(pipeline, outside_target("door", options, [EntryPoint("door", "door_package:Door", GROUP)]))
    assert (tmp_path / "locked").read_text() == SESSION
