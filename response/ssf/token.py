"""Making tokens: security event tokens (RFC 8417, SSF 1.0 section 4) and logout tokens (Back-Channel Logout 1.0)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from joserfc import jws

from response.ssf.keys import SigningKey
from response.ssf.vocabulary import BACKCHANNEL_LOGOUT, LOGOUT_TYPE, SET_TYPE

LOGOUT_LIFE_S = 120
"""Back-Channel Logout 1.0 section 2.4 recommends at most two minutes."""


def security_event_token(
    key: SigningKey,
    *,
    issuer: str,
    audience: str,
    jti: str,
    issued_s: int,
    sub_id: Mapping[str, object],
    event_type: str,
    event: Mapping[str, object],
    txn: str | None = None,
) -> str:
    """Return a signed token of one event. It has neither `exp` nor `sub`, as SSF 1.0 demands.

    Args:
        jti: the same for the same event on every try.
        issued_s: when the event was issued, seconds since the epoch; the same on every try too.
        sub_id: whom it is about, RFC 9493.
        event_type: URI of the event's type.
        event: its claims.
        txn: what it belongs to.
    """
    claims: dict[str, object] = {
        "iss": issuer,
        "aud": audience,
        "iat": issued_s,
        "jti": jti,
        "sub_id": dict(sub_id),
        "events": {event_type: dict(event)},
    }
    if txn is not None:
        claims["txn"] = txn
    return _signed(key, SET_TYPE, claims)


def logout_token(
    key: SigningKey,
    *,
    issuer: str,
    audience: str,
    jti: str,
    now_s: int,
    sid: str | None = None,
    sub: str | None = None,
) -> str:
    """Return a signed logout token; it never has a `nonce`, so that nobody can take it for an ID token.

    Args:
        audience: the client id of the relying party.
        now_s: seconds since the epoch; it expires two minutes later.
        sid: the session at the identity provider.
        sub: the user; without `sid` all of the user's sessions end.

    Raises:
        ValueError: neither `sid` nor `sub`.
    """
    if sid is None and sub is None:
        raise ValueError("a logout token needs a sid, a sub, or both")
    claims: dict[str, object] = {
        "iss": issuer,
        "aud": audience,
        "iat": now_s,
        "exp": now_s + LOGOUT_LIFE_S,
        "jti": jti,
        "events": {BACKCHANNEL_LOGOUT: {}},
    }
    claims |= {name: value for name, value in (("sid", sid), ("sub", sub)) if value is not None}
    return _signed(key, LOGOUT_TYPE, claims)


def _signed(key: SigningKey, typ: str, claims: Mapping[str, object]) -> str:
    header = {"alg": key.algorithm, "typ": typ, "kid": key.kid}
    return jws.serialize_compact(header, msgspec.json.encode(claims), key.key, algorithms=[key.algorithm])
