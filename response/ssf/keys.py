"""Signing keys: made here, kept in files of their own, replaced in time and published a while longer."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from response.clock import Clock, now_us
from response.errors import ResponseError
from schemas.instant import DAY

Algorithm = Literal["RS256", "ES256"]

RSA_BITS = 2048
"""The least that the CAEP interoperability profile asks for."""

DEFAULT_LIFETIME_US = 90 * DAY
DEFAULT_OVERLAP_US = 7 * DAY
"""A token is tried again for a day; a receiver may keep the key set for some days."""


class KeysUnusable(ResponseError):
    """The folder of signing keys cannot be read or written."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair.

    Attributes:
        made_us: when it was made, microseconds since the epoch.
    """

    kid: str
    algorithm: Algorithm
    made_us: int
    key: RSAKey | ECKey

    def public(self) -> dict[str, object]:
        """Return the public half as a JWK."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "alg": self.algorithm, "use": "sig"}


class _Stored(msgspec.Struct):
    """A key's file."""

    made_us: int
    jwk: dict[str, str | list[str]]


class KeyRing:
    """The keys of a transmitter. Any thread may ask; a key is made when one is first needed.

    Args:
        folder: where the files lie, each of mode 0600; made with mode 0700 where it is missing.
        algorithm: of new keys; when it is changed a new key is made and the old one runs out as usual.
        lifetime_us: after which a key is replaced, microseconds.
        overlap_us: how long a replaced key stays published, microseconds.

    Raises:
        KeysUnusable: by every method, when the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        algorithm: Algorithm = "RS256",
        *,
        lifetime_us: int = DEFAULT_LIFETIME_US,
        overlap_us: int = DEFAULT_OVERLAP_US,
        clock: Clock = now_us,
    ) -> None:
        self._folder = folder
        self._algorithm = algorithm
        self._lifetime_us = lifetime_us
        self._overlap_us = overlap_us
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: list[SigningKey] | None = None

    def current(self) -> SigningKey:
        """Return the key that signs now."""
        return self._fresh()[-1]

    def published(self) -> dict[str, list[dict[str, object]]]:
        """Return the JWK set: the key that signs, and those that it has replaced not long ago."""
        return {"keys": [key.public() for key in reversed(self._fresh())]}

    def _fresh(self) -> list[SigningKey]:
        with self._lock:
            try:
                keys = _read(self._folder) if self._keys is None else self._keys
                now = self._clock()
                if not keys or keys[-1].algorithm != self._algorithm or now - keys[-1].made_us >= self._lifetime_us:
                    keys = [*keys, _write(self._folder, _make(self._algorithm, now))]
                self._keys = self._without_old(keys, now)
            except OSError as error:
                why = (error.strerror or "unusable").lower()
                raise KeysUnusable(f"the folder of signing keys {self._folder}: {why}") from None
            return self._keys

    def _without_old(self, keys: list[SigningKey], now: int) -> list[SigningKey]:
        kept = []
        for key, successor in zip(keys, [*keys[1:], None], strict=True):
            if successor is None or now - successor.made_us < self._overlap_us:
                kept.append(key)
            else:
                _file(self._folder, key).unlink(missing_ok=True)
        return kept


def _make(algorithm: Algorithm, now: int) -> SigningKey:
    key: RSAKey | ECKey = RSAKey.generate_key(RSA_BITS) if algorithm == "RS256" else ECKey.generate_key("P-256")
    return SigningKey(key.thumbprint(), algorithm, now, key)


def _file(folder: Path, key: SigningKey) -> Path:
    # The thumbprint is base64url: safe in a file's name.
    return folder / f"{key.made_us}.{key.kid}.json"


def _write(folder: Path, key: SigningKey) -> SigningKey:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = msgspec.json.encode(_Stored(key.made_us, key.key.as_dict(private=True)))
    target = _file(folder, key)
    draft = target.with_suffix(".new")
    # Exclusive, so that no link put there beforehand is followed; renamed, so that half a file is never a key.
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.rename(target)
    return key


def _read(folder: Path) -> list[SigningKey]:
    keys = []
    for file in folder.glob("*.json"):
        file.chmod(0o600)
        try:
            stored = msgspec.json.decode(file.read_bytes(), type=_Stored)
            keys.append(_key_of(stored))
        except (msgspec.DecodeError, JoseError, ValueError, KeyError):
            # What it holds belongs into no message.
            raise KeysUnusable(f"{file} holds no signing key: move it away, and a new one is made") from None
    return sorted(keys, key=lambda key: key.made_us)


def _key_of(stored: _Stored) -> SigningKey:
    if stored.jwk["kty"] == "RSA":
        rsa = RSAKey.import_key(stored.jwk)
        return SigningKey(rsa.thumbprint(), "RS256", stored.made_us, rsa)
    curve = ECKey.import_key(stored.jwk)
    return SigningKey(curve.thumbprint(), "ES256", stored.made_us, curve)
