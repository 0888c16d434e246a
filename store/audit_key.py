"""The installation's audit key: it signs checkpoints, and makes the pseudonyms of persons."""

from __future__ import annotations

import base64
import hmac
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

KEY_BYTES = 32

CheckpointKind = Literal["head", "cut"]

_ALGORITHM = "Ed25519"
_PREFIX = "p_"
_PSEUDONYM_CHARACTERS = 22
"""Of base64: 132 bits, by which no two names meet."""


class Checkpoint(msgspec.Struct, frozen=True):
    """What is signed of the chain.

    Attributes:
        kind: ``head`` = the newest line then; ``cut`` = the last line that retention has dropped.
        number: of its kind, from 1, without a gap.
        line, hash: of that line.
        at_us: when, microseconds since the epoch.
    """

    kind: CheckpointKind
    number: int
    line: int
    hash: str
    at_us: int


class SignedCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint as it is kept.

    Attributes:
        kind, number, line, at_us: as in the signature, which alone counts.
        signature: a compact JWS (RFC 7515) with Ed25519 (RFC 9864); its `kid` is the public key.
    """

    kind: CheckpointKind
    number: int
    line: int
    at_us: int
    signature: str


class BadSignature(Exception):
    """A checkpoint is not by any of the keys, or was changed; the text says which."""


class AuditKey:
    """One secret, from which each use has a key of its own (HMAC-SHA256, RFC 2104).

    Args:
        secret: 32 random bytes, kept outside the store.

    Raises:
        ValueError: of another length.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"an audit key has {KEY_BYTES} bytes")
        self._naming = hmac.digest(secret, b"sessionwatch audit pseudonyms", "sha256")
        self._comparing = hmac.digest(secret, b"sessionwatch audit configuration", "sha256")
        seed = hmac.digest(secret, b"sessionwatch audit checkpoints", "sha256")
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        self.public = _text(public)
        """The public key: 32 bytes in base64 for URLs."""
        self._key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": self.public, "d": _text(seed)})

    def __repr__(self) -> str:
        return f"AuditKey({self.public})"

    def pseudonym(self, name: str) -> str:
        """Return the name under which the chain knows somebody: always the same, and no way back without the key."""
        mac = hmac.digest(self._naming, name.encode("utf-8", "surrogatepass"), "sha256")
        return _PREFIX + _text(mac)[:_PSEUDONYM_CHARACTERS]

    def digest(self, text: str) -> str:
        """Return by what a text is known again, such as a setting that may be secret: 16 hexadecimal digits."""
        return hmac.digest(self._comparing, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:16]

    def sign(self, checkpoint: Checkpoint) -> SignedCheckpoint:
        """Return a checkpoint with its signature."""
        header = {"alg": _ALGORITHM, "kid": self.public}
        signature = jws.serialize_compact(header, msgspec.json.encode(checkpoint), self._key, algorithms=[_ALGORITHM])
        return SignedCheckpoint(checkpoint.kind, checkpoint.number, checkpoint.line, checkpoint.at_us, signature)


class PublicKeys:
    """Knows the checkpoints of some keys.

    Args:
        keys: public keys, 32 bytes in base64 for URLs each; older ones too, where the key was replaced.

    Raises:
        ValueError: one of them is no such key, or there is none.
    """

    def __init__(self, *keys: str) -> None:
        if not keys:
            raise ValueError("expected at least one public key")
        self._keys = {key.strip(): _public(key.strip()) for key in keys}

    def read(self, signed: SignedCheckpoint) -> Checkpoint:
        """Return what a checkpoint says.

        Raises:
            BadSignature: it is not by one of the keys, or was changed.
        """
        try:
            named = str(jws.extract_compact(signed.signature.encode()).headers().get("kid", ""))
            if named not in self._keys:
                raise BadSignature(f"it is signed by another key ({named[:43] or 'unnamed'})")
            verified = jws.deserialize_compact(signed.signature, self._keys[named], algorithms=[_ALGORITHM])
            checkpoint = msgspec.json.decode(verified.payload, type=Checkpoint)
        except (JoseError, ValueError, msgspec.MsgspecError):
            raise BadSignature("its signature does not fit") from None
        shown = signed.kind, signed.number, signed.line, signed.at_us
        if shown != (checkpoint.kind, checkpoint.number, checkpoint.line, checkpoint.at_us):
            raise BadSignature("it is another than the one that was signed")
        return checkpoint


def _public(text: str) -> OKPKey:
    try:
        if len(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) != KEY_BYTES:
            raise ValueError
        return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": text})
    except (JoseError, ValueError):
        raise ValueError(f"expected a public key of {KEY_BYTES} bytes in base64, got {text[:60]!r}") from None


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
