"""The keys of an app: one secret, from which a hashing, a hint and a signing key are derived.

Derivation is HKDF with SHA-256 (RFC 5869). The labels keep the keys apart: who holds the signing key
(the pipeline) cannot compute a session's hash, and who sees a hint cannot compare it with a session.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from pathlib import Path

from sessionwatch_emitter.errors import SecretError

KEY_BYTES = 32
MINIMUM_SECRET_BYTES = 32
SESSION_LABEL = b"sessionwatch/1/session"
HINT_LABEL = b"sessionwatch/1/hint"
REALM_LABEL = b"sessionwatch/1/realm-session"
SIGNING_LABEL = b"sessionwatch/1/signing/"

_KEY_ID = re.compile(r"[A-Za-z0-9-]{1,32}", re.ASCII)
# A typed user name longer than this tells nothing more, and hashing megabytes would cost the request.
_LONGEST_HINT = 1024


def hkdf(secret: bytes, info: bytes, length: int = KEY_BYTES) -> bytes:
    """Derive `length` bytes, at most 8160, for the purpose `info`: RFC 5869 with SHA-256 and no salt."""
    pseudorandom = hmac.digest(bytes(32), secret, "sha256")
    output = block = b""
    counter = 1
    while len(output) < length:
        block = hmac.digest(pseudorandom, block + info + bytes([counter]), "sha256")
        output += block
        counter += 1
    return output[:length]


def derive_signing_key(secret: bytes, app: str) -> bytes:
    """Return the key by which `app` signs its events; the pipeline gets this one and no other."""
    return hkdf(secret, SIGNING_LABEL + app.encode())


def read_secret(path: str | Path) -> bytes:
    """Return the secret that a file holds: its bytes as they are, without the line end.

    Raises:
        SecretError: the file cannot be read, or holds fewer than 32 bytes.
    """
    try:
        secret = Path(path).read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise SecretError(f"cannot read the secret file {path}: {error.strerror}") from error
    return check_secret(secret, f"the secret in {path}")


def check_secret(secret: bytes | str, name: str = "the secret") -> bytes:
    """Return `secret` as bytes.

    Raises:
        SecretError: it has fewer than 32 bytes.
    """
    if isinstance(secret, str):
        secret = secret.encode()
    if len(secret) < MINIMUM_SECRET_BYTES:
        raise SecretError(
            f"{name} has {len(secret)} bytes, at least {MINIMUM_SECRET_BYTES} are needed:"
            " make one with `sessionwatch-emitter secret`"
        )
    return secret


def check_key_id(key_id: str) -> str:
    """Return `key_id`.

    Raises:
        SecretError: it is not 1 to 32 letters, digits or hyphens.
    """
    if not _KEY_ID.fullmatch(key_id):
        raise SecretError(f"the key id {key_id!r} must be 1 to 32 letters, digits or hyphens")
    return key_id


class _Hashing:
    """One key that turns raw values into `<prefix><43 characters of base64url>`."""

    __slots__ = ("_key", "_prefix")

    def __init__(self, key: bytes, prefix: str) -> None:
        self._key = key
        self._prefix = prefix

    def __call__(self, raw: str | bytes) -> str:
        if isinstance(raw, str):
            raw = raw.encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, raw, "sha256")
        return self._prefix + base64.urlsafe_b64encode(digest)[:43].decode("ascii")


class KeyRing:
    """Every key that one app's emitter works with.

    Args:
        app: the app's name; a part of the signing key's label.
        secret: at least 32 bytes.
        key_id: names the secret in hashes and signatures.
        previous: earlier secrets by key id, while they are being replaced.
        sso_secret: the realm's secret, shared by the apps behind one sign-on.
        sso_key_id: names the realm's secret in hashes.
        sso_provider: this app *is* the sign-on: its own sessions are hashed by the realm's key, so that
            they equal what the apps behind it send as `parent_session_id`.
    """

    def __init__(
        self,
        app: str,
        secret: bytes | str,
        key_id: str = "k1",
        *,
        previous: Mapping[str, bytes | str] | None = None,
        sso_secret: bytes | str | None = None,
        sso_key_id: str = "sso",
        sso_provider: bool = False,
    ) -> None:
        self.key_id = check_key_id(key_id)
        current = check_secret(secret)
        self.signing_key = derive_signing_key(current, app)
        self._hint = _Hashing(hkdf(current, HINT_LABEL), f"h_{key_id}_")
        own = [_session_hashing(current, key_id)]
        for old_id, old_secret in (previous or {}).items():
            old = check_secret(old_secret, f"the previous secret {old_id}")
            own.append(_session_hashing(old, check_key_id(old_id)))
        self._realm: _Hashing | None = None
        if sso_secret is not None:
            realm_key = hkdf(check_secret(sso_secret, "the sso secret"), REALM_LABEL)
            self._realm = _Hashing(realm_key, f"s_{check_key_id(sso_key_id)}_")
        if sso_provider:
            if self._realm is None:
                raise SecretError("sso_provider needs sso_secret, the secret that the realm's apps share")
            own.insert(0, self._realm)
        self._own = tuple(own)

    def __repr__(self) -> str:
        return f"KeyRing(key_id={self.key_id!r})"

    def session_id(self, raw: str | bytes) -> str:
        """Return the id under which events name the session whose cookie or family id is `raw`."""
        return self._own[0](raw)

    def session_ids(self, raw: str | bytes) -> tuple[str, ...]:
        """Return the ids of `raw` under every known key, the current one first."""
        return tuple(hashing(raw) for hashing in self._own)

    def parent_id(self, raw: str | bytes, *, sso: bool) -> str:
        """Return the id of a parent session: by the realm's key for a sign-on session, else by the app's."""
        if sso and self._realm is not None:
            return self._realm(raw)
        return self._own[0](raw)

    def user_hint(self, typed: str) -> str:
        """Return the keyed hash of what somebody typed as a user name; case and outer blanks do not count."""
        return self._hint(typed[:_LONGEST_HINT].strip().casefold())


def _session_hashing(secret: bytes, key_id: str) -> _Hashing:
    return _Hashing(hkdf(secret, SESSION_LABEL), f"s_{key_id}_")
