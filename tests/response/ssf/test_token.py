"""Our tokens pass a validator that was written from the profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from response.ssf.keys import Algorithm, KeyRing
from response.ssf.stream import Stream, Streams
from response.ssf.token import logout_token
from response.targets.ssf import SsfTarget, Undeliverable
from schemas.instant import to_datetime
from schemas.revocation import Scope, WebhookBody, WebhookData
from store.rows import OutboxMessage
from tests.response.ssf.given import NOW, NOW_S, clock
from tests.response.ssf.profile import CAEP_SESSION_REVOKED, parts, problems

ISSUER, AUDIENCE = "https://sessionwatch.example.com", "https://bank.example.com"


def revocation(
    scope: Scope = "session", rule_id: str | None = "session-hijack", user_id: str | None = "alice"
) -> OutboxMessage:
    """The outbox message of a revocation."""
    data = WebhookData(
        revocation_id="r-1", app="bank", session_id="s_k1_stolen" if scope == "session" else None, user_id=user_id,
        scope=scope, sequence=1, reason="session-hijack (policy line 1)", alert_id=None, rule_id=rule_id,
        severity="critical",
    )  # fmt: skip
    body = WebhookBody(type="session.revoked", timestamp=to_datetime(NOW - 1_500_000), data=data)
    return OutboxMessage("m-1", "ssf:bank", "session.revoked", "k", "r-1", body.model_dump_json(), NOW)


def target(folder: Path, algorithm: Algorithm = "RS256", **settings: Any) -> tuple[SsfTarget, KeyRing]:
    """A target, and the keys that it signs with."""
    keys = KeyRing(folder / "keys", algorithm, clock=clock)
    one = SsfTarget(
        "bank", "bank", "bank", audience=AUDIENCE, issuer=ISSUER, keys=keys, streams=Streams(), clock=clock, **settings
    )
    return one, keys


STREAM = Stream("bank", "stream-1", "poll")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
@pytest.mark.parametrize("scope", ["session", "user"])
def test_a_validator_written_from_the_profile_accepts_ours(tmp_path: Path, algorithm: Algorithm, scope: Scope) -> None:
    one, keys = target(tmp_path, algorithm)
    token = one.token_of(revocation(scope), STREAM)
    assert problems(token, keys.published(), ISSUER, AUDIENCE) == []


def test_the_validator_sees_what_is_wrong(tmp_path: Path) -> None:
    one, keys = target(tmp_path)
    logout = logout_token(keys.current(), issuer=ISSUER, audience=AUDIENCE, jti="j", now_s=NOW_S, sid="x")
    found = problems(logout, keys.published(), ISSUER, AUDIENCE)
    assert {"exp", "typ", "events", "sub_id"} <= set(found)
    token = one.token_of(revocation(), STREAM)
    assert problems(token[:-2] + "AA", keys.published(), ISSUER, AUDIENCE) == ["signature"]


def test_a_token_names_session_and_user(tmp_path: Path) -> None:
    _, claims = parts(target(tmp_path)[0].token_of(revocation(), STREAM))
    assert claims["sub_id"] == {
        "format": "complex",
        "user": {"format": "iss_sub", "iss": ISSUER, "sub": "alice"},
        "session": {"format": "opaque", "id": "s_k1_stolen"},
    }
    event = claims["events"][CAEP_SESSION_REVOKED]
    assert (event["event_timestamp"], event["initiating_entity"]) == (NOW_S - 2, "policy")
    assert event["reason_admin"] == {"en": "session-hijack (policy line 1)"}


def test_all_of_a_users_sessions_are_a_subject_without_a_session(tmp_path: Path) -> None:
    _, claims = parts(target(tmp_path, user_issuer="https://idp.example.com")[0].token_of(revocation("user"), STREAM))
    assert claims["sub_id"] == {
        "format": "complex",
        "user": {"format": "iss_sub", "iss": "https://idp.example.com", "sub": "alice"},
    }


def test_what_a_person_did_is_said_to_be_an_admins(tmp_path: Path) -> None:
    _, claims = parts(target(tmp_path)[0].token_of(revocation(rule_id=None), STREAM))
    assert claims["events"][CAEP_SESSION_REVOKED]["initiating_entity"] == "admin"


def test_the_session_may_be_named_as_the_identity_provider_does(tmp_path: Path) -> None:
    names = {("bank", "s_k1_stolen"): "idp-1"}
    one, _ = target(tmp_path, session="idp_session_id", find_idp_session=lambda app, name: names.get((app, name)))
    _, claims = parts(one.token_of(revocation(), STREAM))
    assert claims["sub_id"]["session"] == {"format": "opaque", "id": "idp-1"}


def test_a_session_that_cannot_be_named_is_not_widened_to_its_user(tmp_path: Path) -> None:
    one, _ = target(tmp_path, session="idp_session_id")
    with pytest.raises(Undeliverable, match="not known here"):
        one.token_of(revocation(), STREAM)


def test_every_try_sends_the_same_token(tmp_path: Path) -> None:
    one, _ = target(tmp_path)
    assert one.token_of(revocation(), STREAM) == one.token_of(revocation(), STREAM)
