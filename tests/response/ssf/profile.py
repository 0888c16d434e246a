"""A validator of our tokens, written from the standards alone: it shares no code with what makes them.

RFC 8417 section 2, SSF 1.0 section 4, CAEP 1.0 section 2 and 3.1, CAEP interoperability profile 1.0 section 2.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

CAEP_SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
INITIATORS = {"admin", "user", "policy", "system"}


def problems(token: str, jwks: dict[str, Any], issuer: str, audience: str) -> list[str]:
    """What a token of a session-revoked event lacks, by the profile."""
    header, claims = parts(token)
    found = [
        *_signature(token, header, jwks),
        *_claims(claims, issuer, audience),
        *_event(claims.get("events")),
        *_subject(claims.get("sub_id")),
    ]
    if header.get("typ") != "secevent+jwt":
        found.append("typ")
    return found


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token."""
    first, second, _ = token.split(".")
    return json.loads(_bytes(first)), json.loads(_bytes(second))


def _claims(claims: dict[str, Any], issuer: str, audience: str) -> list[str]:
    found = [name for name in ("exp", "sub", "nbf") if name in claims]
    found += [name for name, wanted in (("iss", issuer), ("aud", audience)) if claims.get(name) != wanted]
    if type(claims.get("iat")) is not int:
        found.append("iat")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        found.append("jti")
    if "txn" in claims and not isinstance(claims["txn"], str):
        found.append("txn")
    return found


def _event(events: Any) -> list[str]:
    if not isinstance(events, dict) or list(events) != [CAEP_SESSION_REVOKED]:
        return ["events"]
    event = events[CAEP_SESSION_REVOKED]
    found = []
    # Seconds, not milliseconds: this instant lies before the year 2100.
    if type(event.get("event_timestamp")) is not int or not 10**9 < event["event_timestamp"] < 4_102_444_800:
        found.append("event_timestamp")
    if event.get("initiating_entity") not in INITIATORS:
        found.append("initiating_entity")
    for name in ("reason_admin", "reason_user"):
        texts = event.get(name)
        if not isinstance(texts, dict) or not all(isinstance(text, str) for text in [*texts, *texts.values()]):
            found.append(name)
    return found


def _subject(subject: Any) -> list[str]:
    if not isinstance(subject, dict) or subject.get("format") != "complex":
        return ["sub_id"]
    found = []
    user, session = subject.get("user"), subject.get("session")
    if user is not None and (user.get("format") != "iss_sub" or not user.get("iss") or not user.get("sub")):
        found.append("sub_id.user")
    if session is not None and (session.get("format") != "opaque" or not session.get("id")):
        found.append("sub_id.session")
    if user is None and session is None:
        found.append("sub_id")
    return found


def _signature(token: str, header: dict[str, Any], jwks: dict[str, Any]) -> list[str]:
    key = next((key for key in jwks["keys"] if key["kid"] == header.get("kid")), None)
    if key is None:
        return ["kid"]
    signed, _, signature = token.rpartition(".")
    try:
        _verify(header["alg"], key, signed.encode(), _bytes(signature))
    except InvalidSignature:
        return ["signature"]
    return [name for name in ("d", "p", "q", "dp", "dq", "qi") if name in key]


def _verify(algorithm: str, key: dict[str, str], signed: bytes, signature: bytes) -> None:
    if algorithm == "RS256":
        public = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
        assert public.key_size >= 2048
        public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        return
    assert algorithm == "ES256"
    point = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), ec.SECP256R1()).public_key()
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    point.verify(der, signed, ec.ECDSA(hashes.SHA256()))


def _number(text: str) -> int:
    return int.from_bytes(_bytes(text), "big")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
