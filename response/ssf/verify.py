"""Verifying a security event token that somebody else has sent, strictly: SSF 1.0 section 4, CAEP interop profile."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from response.clock import Clock, now_us
from response.ssf.jwks import PublicKey, PublicKeys
from response.ssf.subject import Subject, check_subject
from response.ssf.vocabulary import SET_TYPE, ErrorCode
from schemas.instant import DAY, MINUTE, SECOND

MAX_TOKEN_BYTES = 12 * 1024
"""A token of one event has less than two."""

AHEAD_US = MINUTE
"""How far in the future a token may be issued: clocks differ."""

DEFAULT_MAX_AGE_US = 2 * DAY
"""A transmitter tries for a day; what is older tells of nothing that still matters."""

ALGORITHMS = ("RS256", "ES256")

_SEGMENT = re.compile(rb"[A-Za-z0-9_-]+")
_JTI = re.compile(r"[!-~]{1,200}")
_FORBIDDEN = ("jku", "jwk", "x5u", "x5c", "crit", "b64", "zip")
"""Header members by which a token would choose its own key, or its own rules."""


class SetRefused(Exception):
    """A token that is not taken.

    Args:
        err: as RFC 8935 names it.
        description: what is wrong; never what the token says.
    """

    def __init__(self, err: ErrorCode, description: str) -> None:
        super().__init__(f"{err}: {description}")
        self.err = err
        self.description = description


@dataclass(frozen=True, slots=True)
class ReceivedSet:
    """A token that is genuine.

    Attributes:
        issued_us: when, microseconds since the epoch.
        happened_us: when what it tells of happened; where it does not say so, when it was issued.
        event: the claims of its one event.
        digest: of its claims; the same for the same token, however often it is signed.
    """

    jti: str
    issued_us: int
    happened_us: int
    sub_id: Subject
    event_type: str
    event: Mapping[str, object]
    digest: str


class SetVerifier:
    """Verifies the tokens of one transmitter. Any thread may ask.

    Args:
        issuer: as the tokens must name it.
        audience: as which they must name us.
        keys: the transmitter's public keys: what a token's header says of keys counts for nothing but the `kid`.
        max_age_us: of the token at most, microseconds.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        keys: PublicKeys,
        *,
        max_age_us: int = DEFAULT_MAX_AGE_US,
        clock: Clock = now_us,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._max_age_us = max_age_us
        self._clock = clock

    def verify(self, token: bytes) -> ReceivedSet:
        """Return what a token says.

        Raises:
            SetRefused: it is not genuine, not for us, or not as the profile wants it.
        """
        header, claims, payload = _parts(token)
        algorithm, kid = _check_header(header)
        # Issuer and audience first: they say more than that the key of somebody else is unknown here.
        if claims.get("iss") != self._issuer:
            raise SetRefused("invalid_issuer", "the token is of another issuer")
        if not _is_for(claims.get("aud"), self._audience):
            raise SetRefused("invalid_audience", "the token is for another audience")
        key = self._keys.find(kid)
        if key is None or key.algorithm != algorithm:
            raise SetRefused("invalid_key", "no key of the transmitter has this kid and algorithm")
        _check_signature(token, key)
        return self._read(claims, payload)

    def _read(self, claims: Mapping[str, Any], payload: bytes) -> ReceivedSet:
        for name in ("exp", "sub", "nbf"):
            if name in claims:
                raise SetRefused("invalid_request", f"a security event token has no {name}")
        issued_us = self._issued(claims.get("iat"))
        jti = claims.get("jti")
        if not isinstance(jti, str) or not _JTI.fullmatch(jti):
            raise SetRefused("invalid_request", "the token needs a jti")
        event_type, event = _one_event(claims.get("events"))
        try:
            sub_id = check_subject(claims.get("sub_id"))
        except ValueError as error:
            raise SetRefused("invalid_request", f"sub_id: {error}") from None
        happened_us = _happened(event.get("event_timestamp"), issued_us)
        return ReceivedSet(jti, issued_us, happened_us, sub_id, event_type, event, hashlib.sha256(payload).hexdigest())

    def _issued(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SetRefused("invalid_request", "the token needs iat, a number of seconds")
        now = self._clock()
        # Compared as seconds: a huge number would overflow.
        if value > (now + AHEAD_US) / SECOND:
            raise SetRefused("invalid_request", "the token was issued in the future")
        if value < (now - self._max_age_us) / SECOND:
            raise SetRefused("invalid_request", "the token is too old")
        return int(value * SECOND)


def _parts(token: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    if len(token) > MAX_TOKEN_BYTES:
        raise SetRefused("invalid_request", f"expected at most {MAX_TOKEN_BYTES} bytes")
    segments = token.split(b".")
    if len(segments) != 3 or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise SetRefused("invalid_request", "expected a signed token in compact form")
    payload = _decoded(segments[1])
    _decoded(segments[2])
    return _object(_decoded(segments[0])), _object(payload), payload


def _decoded(segment: bytes) -> bytes:
    try:
        decoded = base64.b64decode(segment + b"=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise SetRefused("invalid_request", "a part of the token is no base64url") from None
    # Spare bits at the end must be zero, or one token could be written in several ways.
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != segment:
        raise SetRefused("invalid_request", "a part of the token is no base64url")
    return decoded


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise SetRefused("invalid_request", "a part of the token is no JSON object with unique names") from None
    if not isinstance(found, dict):
        raise SetRefused("invalid_request", "a part of the token is no JSON object with unique names")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _check_header(header: Mapping[str, Any]) -> tuple[str, str]:
    """Return algorithm and key id."""
    for name in _FORBIDDEN:
        if name in header:
            raise SetRefused("invalid_key", f"the header {name} is not taken")
    typ = header.get("typ")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") != SET_TYPE:
        raise SetRefused("invalid_request", f"expected the typ {SET_TYPE}")
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise SetRefused("invalid_key", f"expected a signature by one of {', '.join(ALGORITHMS)}")
    if not isinstance(kid, str) or not kid:
        raise SetRefused("invalid_key", "the header needs a kid")
    return str(algorithm), kid


def _check_signature(token: bytes, key: PublicKey) -> None:
    try:
        # The algorithm is that of the key: what the header says has only been compared with it.
        jws.deserialize_compact(token, key.key, algorithms=[key.algorithm])
    except (JoseError, ValueError):
        raise SetRefused("invalid_key", "the signature does not verify") from None


def _is_for(audience: object, wanted: str) -> bool:
    return audience == wanted or (isinstance(audience, list) and wanted in audience)


def _one_event(events: object) -> tuple[str, Mapping[str, object]]:
    if not isinstance(events, dict) or len(events) != 1:
        raise SetRefused("invalid_request", "expected exactly one event")
    ((event_type, event),) = events.items()
    if not isinstance(event, dict):
        raise SetRefused("invalid_request", "the event is no object")
    return event_type, event


def _happened(value: object, issued_us: int) -> int:
    if value is None:
        return issued_us
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 2**40:
        raise SetRefused("invalid_request", "event_timestamp is a number of seconds")
    # What has not happened yet when it is told did not happen later.
    return min(int(value * SECOND), issued_us)
