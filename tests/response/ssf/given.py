"""What the tests of shared signals begin with: a provider's keys, and tokens of any kind, also bad ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER = "https://idp.example.com/realms/bank"
AUDIENCE = "https://sessionwatch.example.com"
NOW = 1_795_000_000_000_000
"""Microseconds; the clock of these tests."""
NOW_S = NOW // 1_000_000
SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())

Json = Mapping[str, Any]


def clock() -> int:
    """The time that it is in these tests."""
    return NOW


def b64(content: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def rsa_jwk(kid: str = "r1", key: rsa.RSAPrivateKey = RSA) -> dict[str, str]:
    """The public half of an RSA key."""
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": _number(numbers.n), "e": _number(numbers.e)}


def curve_jwk(kid: str = "e1") -> dict[str, str]:
    """The public half of the P-256 key."""
    numbers = CURVE.public_key().public_numbers()
    x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
    return {"kty": "EC", "kid": kid, "use": "sig", "alg": "ES256", "crv": "P-256", "x": b64(x), "y": b64(y)}


JWKS = json.dumps({"keys": [rsa_jwk(), curve_jwk()]}).encode()


def header(**changes: Any) -> dict[str, Any]:
    """The header of a good token; None takes a member out."""
    return _changed({"alg": "RS256", "typ": "secevent+jwt", "kid": "r1"}, changes)


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token: the session `idp-1` of alice was revoked. None takes one out."""
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": NOW_S - 5,
        "jti": "jti-1",
        "sub_id": {
            "format": "complex",
            "user": {"format": "iss_sub", "iss": ISSUER, "sub": "alice"},
            "session": {"format": "opaque", "id": "idp-1"},
        },
        "events": {SESSION_REVOKED: {"event_timestamp": NOW_S - 6, "reason_admin": {"en": "left the company"}}},
    }
    return _changed(good, changes)


def _changed(good: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signing_input(head: Json | str, body: Json | str) -> str:
    """Header and claims as they are signed; a text is taken as it is."""
    parts = (part if isinstance(part, str) else json.dumps(part) for part in (head, body))
    return ".".join(b64(part.encode()) for part in parts)


def rs256(head: Json | str, body: Json | str, key: rsa.RSAPrivateKey = RSA) -> bytes:
    """A token with an RSA signature, whatever its header says."""
    text = signing_input(head, body)
    return f"{text}.{b64(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}".encode()


def es256(head: Json, body: Json) -> bytes:
    """A token with a P-256 signature."""
    text = signing_input(head, body)
    r, s = decode_dss_signature(CURVE.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}".encode()


def hs256(head: Json, body: Json, key: bytes) -> bytes:
    """A token with a symmetric signature."""
    text = signing_input(head, body)
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(text.encode())
    return f"{text}.{b64(mac.finalize())}".encode()


def good() -> bytes:
    """A token that is taken."""
    return rs256(header(), claims())
