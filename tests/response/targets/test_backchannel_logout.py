"""Back-channel logout over real HTTP: the token, and what answers mean."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from response.errors import TargetRefused
from response.outcome import DELIVERED, Outcome
from response.ssf.keys import KeyRing
from response.ssf.token import logout_token
from response.targets.backchannel_logout import BackchannelLogoutTarget
from schemas.instant import SECOND
from schemas.revocation import Scope
from tests.response.receivers import Receiver, answering, answers
from tests.response.ssf.given import NOW_S, clock
from tests.response.ssf.test_token import revocation

ISSUER, CLIENT = "https://idp.example.com", "bank-client"


def deliver(
    receiver: Receiver, folder: Path, scope: Scope = "session", sid: str | None = "idp-1", user_id: str | None = "alice"
) -> Outcome:
    target = BackchannelLogoutTarget(
        "bank", "bank", receiver.url, audience=CLIENT, issuer=ISSUER, keys=KeyRing(folder / "keys", clock=clock),
        find_idp_session=lambda _app, _session: sid, allow_private=True, deadline_s=5, clock=clock,
    )  # fmt: skip
    with closing(target):
        return target.deliver(revocation(scope, user_id=user_id))


def token_of(receiver: Receiver, folder: Path) -> jwt.Token:
    """The logout token that arrived, verified as a relying party does."""
    (call,) = receiver.calls
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    ((token,),) = parse_qs(call.body.decode(), strict_parsing=True).values()
    keys = KeySet.import_key_set(KeyRing(folder / "keys", clock=clock).published())  # type: ignore[arg-type]
    return jwt.decode(token, keys, algorithms=["RS256"])


def test_a_session_is_logged_out_by_its_sid(tmp_path: Path) -> None:
    with answering(answers(200)) as receiver:
        assert deliver(receiver, tmp_path) == DELIVERED
    token = token_of(receiver, tmp_path)
    assert token.header["typ"] == "logout+jwt"
    assert token.claims == {
        "iss": ISSUER, "aud": CLIENT, "iat": NOW_S, "exp": NOW_S + 120, "jti": "m-1", "sid": "idp-1", "sub": "alice",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }  # fmt: skip


def test_a_user_is_logged_out_by_its_sub_alone(tmp_path: Path) -> None:
    with answering(answers(204)) as receiver:
        assert deliver(receiver, tmp_path, "user") == DELIVERED
    claims = token_of(receiver, tmp_path).claims
    assert claims["sub"] == "alice"
    assert claims.keys().isdisjoint({"sid", "nonce"})


def test_a_session_without_a_sid_is_not_widened_to_its_user(tmp_path: Path) -> None:
    with answering(answers(200)) as receiver:
        outcome = deliver(receiver, tmp_path, sid=None)
    assert outcome.kind == "refused"
    assert receiver.calls == []


def test_a_user_scope_without_a_user_reaches_nobody(tmp_path: Path) -> None:
    with answering(answers(200)) as receiver:
        assert deliver(receiver, tmp_path, "user", user_id=None).kind == "refused"
    assert receiver.calls == []


@pytest.mark.parametrize(
    ("behaviour", "kind", "wait_us"),
    [
        (answers(400), "refused", None),
        (answers(202), "retry", None),
        (answers(302, location="/"), "retry", None),
        (answers(410), "gone", None),
        (answers(500), "retry", None),
        (answers(503, retry_after="9"), "retry", 9 * SECOND),
    ],
)
def test_what_an_answer_means(tmp_path: Path, behaviour: object, kind: str, wait_us: int | None) -> None:
    with answering(behaviour) as receiver:  # type: ignore[arg-type]
        outcome = deliver(receiver, tmp_path)
    assert (outcome.kind, outcome.retry_after_us) == (kind, wait_us)


def test_a_logout_token_names_somebody(tmp_path: Path) -> None:
    key = KeyRing(tmp_path / "keys", "ES256").current()
    with pytest.raises(ValueError, match="a sid, a sub, or both"):
        logout_token(key, issuer=ISSUER, audience=CLIENT, jti="j", now_s=NOW_S)


def test_a_url_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetRefused, match="target bank: "):
        BackchannelLogoutTarget(
            "bank", "bank", "https://alice:secret@rp.example/", audience=CLIENT, issuer=ISSUER,
            keys=KeyRing(tmp_path), find_idp_session=lambda _app, _session: None,
        )  # fmt: skip
