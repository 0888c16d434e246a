"""A client's private key, by which it signs in at a token endpoint: RFC 7523 section 2.2 (`private_key_jwt`)."""

from __future__ import annotations

import uuid

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from response.errors import TargetRefused

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFE_S = 300
"""Of one assertion: Okta takes an hour at most, and clocks differ."""


class ClientKey:
    """Makes assertions.

    Args:
        text: the private key as JWK: RSA, or EC on P-256; its `kid` goes into the header.

    Raises:
        TargetRefused: it is no such key; the error never shows it.
    """

    def __init__(self, text: str) -> None:
        what = "expected a private key as JWK: RSA, or EC on P-256"
        try:
            fields = msgspec.json.decode(text, type=dict[str, str | list[str]])
            is_rsa = fields.get("kty") == "RSA"
            self._key = RSAKey.import_key(fields) if is_rsa else ECKey.import_key(fields)
            private = self._key.is_private
        except (msgspec.DecodeError, UnicodeDecodeError, JoseError, ValueError, KeyError, TypeError):
            raise TargetRefused(what) from None
        if not private or not (is_rsa or fields.get("crv") == "P-256"):
            raise TargetRefused(what)
        self._header = {"alg": "RS256" if is_rsa else "ES256", "typ": "JWT"}
        if isinstance(fields.get("kid"), str):
            self._header["kid"] = str(fields["kid"])

    def assertion(self, client_id: str, audience: str, now_s: int) -> dict[str, str]:
        """Return the parameters that prove who asks.

        Args:
            client_id: who.
            audience: the token endpoint.
            now_s: seconds since the epoch.
        """
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "iat": now_s,
            "exp": now_s + LIFE_S,
            "jti": str(uuid.uuid4()),
        }
        algorithm = self._header["alg"]
        token = jws.serialize_compact(self._header, msgspec.json.encode(claims), self._key, algorithms=[algorithm])
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}
