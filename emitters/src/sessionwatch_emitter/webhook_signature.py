"""Verification of Standard Webhooks 1.0 (standardwebhooks.com), symmetric signatures `v1`."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable

from sessionwatch_emitter.errors import SecretError

# Both ways: against replay, and against a sender whose clock runs ahead.
TOLERANCE_S = 300
_PREFIX = "whsec_"


def read_webhook_secret(secret: str) -> bytes:
    """Return the key in `whsec_<base64>`.

    Raises:
        SecretError: it is not base64 of 24 to 64 bytes.
    """
    try:
        key = base64.b64decode(secret.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SecretError("a webhook secret must be whsec_ and base64") from error
    if not 24 <= len(key) <= 64:
        raise SecretError(f"a webhook secret must have 24 to 64 bytes, this one has {len(key)}")
    return key


def in_time(timestamp: str, now_s: float) -> bool:
    """Say whether the header `webhook-timestamp` lies within five minutes of `now_s` (Unix seconds)."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        return False
    return abs(now_s - int(timestamp)) <= TOLERANCE_S


def is_signed(keys: Iterable[bytes], message_id: str, timestamp: str, body: bytes, signatures: str) -> bool:
    """Say whether one of the signatures in the header `webhook-signature` is by one of the keys.

    Every pair is compared, each in constant time, so that the time tells nothing of which one fitted.
    """
    signed = f"{message_id}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    shown = [
        encoded.encode("utf-8", "surrogatepass")
        for version, _, encoded in (part.partition(",") for part in signatures.split(" "))
        if version == "v1"
    ]
    fits = False
    for key in keys:
        expected = base64.b64encode(hmac.digest(key, signed, "sha256"))
        for signature in shown:
            fits |= hmac.compare_digest(expected, signature)
    return fits
