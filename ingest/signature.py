"""The signature that an app's emitter puts on a record, as the pipeline checks it.

The pipeline holds the derived signing key alone: it can tell who sent a record and can hash no session.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

HEADER = "sw-signature"


def verify(
    keys: Mapping[str, bytes],
    app: str,
    key: bytes | None,
    value: bytes,
    headers: tuple[tuple[str, bytes | None], ...],
) -> bool:
    """Say whether a record carries a valid signature of an app.

    Signed is HMAC-SHA256 over app, record key and value, each after its length as four bytes, big-endian, so
    that no byte can move from one part to the next.

    Args:
        keys: the app's signing keys, key id to 32 bytes.
        app: the app that the event names.
        key, value: of the record.
        headers: of the record.
    """
    for name, content in headers:
        if name != HEADER:
            continue
        parts = (content or b"").decode("ascii", "replace").split(",")
        if len(parts) != 3 or parts[0] != "v1" or parts[1] not in keys:
            return False
        try:
            given = base64.b64decode(parts[2], validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, sign(keys[parts[1]], app, key, value))
    return False


def sign(signing_key: bytes, app: str, key: bytes | None, value: bytes) -> bytes:
    """Return the raw HMAC of a record."""
    mac = hmac.new(signing_key, digestmod="sha256")
    for part in (app.encode(), key or b"", value):
        mac.update(len(part).to_bytes(4, "big"))
        mac.update(part)
    return mac.digest()
