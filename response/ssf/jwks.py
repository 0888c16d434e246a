"""The public keys of a transmitter: from a file, or from a URL of the configuration; found by `kid`, kept a while."""

from __future__ import annotations

import threading
from base64 import urlsafe_b64decode
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from response.clock import Clock, now_us
from response.http import HttpClient, HttpFailed
from response.ssf.keys import RSA_BITS
from schemas.instant import MINUTE, SECOND

KEPT_US = 10 * MINUTE
"""How long a fetched key set counts: a key that was withdrawn is refused after that."""

ASKED_AGAIN_US = 30 * SECOND
"""For a `kid` that nobody knows the set is fetched again, but never more often: anybody can invent one."""

MAX_KEYS = 50

_HEADERS = {"accept": "application/jwk-set+json, application/json", "user-agent": "sessionwatch"}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One key of a set, with the one algorithm that may be used with it."""

    algorithm: str
    key: RSAKey | ECKey


class PublicKeys(Protocol):
    """Where keys are looked up; from any thread."""

    def find(self, kid: str) -> PublicKey | None:
        """Return a key by its id."""


class KeySet:
    """A key set that is loaded when it is needed.

    Args:
        load: returns the JWK set as JSON.
        name: of its transmitter, for the log.
    """

    def __init__(self, load: Callable[[], bytes], name: str, *, clock: Clock = now_us) -> None:
        self._load = load
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, PublicKey] = {}
        self._loaded_us: int | None = None
        self._tried_us: int | None = None

    def find(self, kid: str) -> PublicKey | None:
        """Return a key by its id; a set that is old, or does not know it, is loaded again."""
        with self._lock:
            now = self._clock()
            old = self._loaded_us is None or now - self._loaded_us >= KEPT_US
            if (old or kid not in self._keys) and (self._tried_us is None or now - self._tried_us >= ASKED_AGAIN_US):
                self._tried_us = now
                self._reload(now)
            return self._keys.get(kid)

    def _reload(self, now: int) -> None:
        try:
            self._keys = parse_key_set(self._load())
        except (HttpFailed, OSError, ValueError) as error:
            # The keys known so far stay for their time: an outage of the provider must not deafen the receiver.
            log.warning("key set not loaded", transmitter=self._name, why=str(error)[:200])
            if self._loaded_us is not None and now - self._loaded_us >= 2 * KEPT_US:
                self._keys = {}
        else:
            self._loaded_us = now


def file_keys(path: Path) -> Callable[[], bytes]:
    """Return what reads a key set from a file."""
    return path.read_bytes


def url_keys(url: str, client: Callable[[], HttpClient]) -> Callable[[], bytes]:
    """Return what fetches a key set from a URL of the configuration.

    Args:
        url: of the set.
        client: makes one for each fetch: they are so rare that a connection is not worth keeping.
    """

    def fetch() -> bytes:
        with closing(client()) as once:
            answer = once.get(url, _HEADERS)
        if answer.status != 200:
            raise HttpFailed(f"answered {answer.status}")
        return answer.body

    return fetch


class _Set(msgspec.Struct):
    keys: list[dict[str, object]]


def parse_key_set(content: bytes) -> dict[str, PublicKey]:
    """Return the keys of a JWK set that can verify a token, by id; others are left out.

    Raises:
        ValueError: it is no JWK set, or one without any usable key.
    """
    try:
        listed = msgspec.json.decode(content, type=_Set).keys[:MAX_KEYS]
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ValueError("expected a JWK set: an object with a list of keys") from None
    found: dict[str, PublicKey] = {}
    for jwk in listed:
        kid, key = jwk.get("kid"), _usable(jwk)
        if isinstance(kid, str) and key is not None:
            found[kid] = key
    if not found:
        raise ValueError("the JWK set holds no RSA or P-256 key with a kid")
    return found


def _usable(jwk: dict[str, object]) -> PublicKey | None:
    """Return a signing key of a kind that is allowed: never a symmetric one, never a short one."""
    if jwk.get("use", "sig") != "sig":
        return None
    try:
        if jwk.get("kty") == "RSA" and jwk.get("alg", "RS256") == "RS256":
            modulus = str(jwk["n"])
            # Looked at first: the library takes a short key, and only warns.
            if int.from_bytes(urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4)), "big").bit_length() < RSA_BITS:
                return None
            return PublicKey("RS256", RSAKey.import_key({"kty": "RSA", "n": modulus, "e": str(jwk["e"])}))
        if jwk.get("kty") == "EC" and jwk.get("crv") == "P-256" and jwk.get("alg", "ES256") == "ES256":
            return PublicKey("ES256", ECKey.import_key({name: str(jwk[name]) for name in ("kty", "crv", "x", "y")}))
    except (JoseError, ValueError, KeyError):
        return None
    return None
