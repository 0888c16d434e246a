"""The signature of a record, in its header `sw-signature: v1,<key id>,<base64>`.

Signed are app, key and value, each preceded by its length (4 bytes, big-endian), so that no two different
triples give the same bytes. An absent key counts as an empty one.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct

HEADER = "sw-signature"


def signed_bytes(app: str, key: bytes | None, value: bytes) -> bytes:
    """Return the bytes over which the signature runs."""
    parts = (app.encode(), key or b"", value)
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def sign(signing_key: bytes, app: str, key: bytes | None, value: bytes) -> bytes:
    """Return the HMAC-SHA256 (32 bytes) of a record under the app's signing key."""
    return hmac.digest(signing_key, signed_bytes(app, key, value), "sha256")


def header_value(key_id: str, signature: bytes) -> bytes:
    """Return the value of the header for a signature made with the key `key_id`."""
    return b"v1," + key_id.encode() + b"," + base64.b64encode(signature)


def verify(signing_key: bytes, key_id: str, app: str, key: bytes | None, value: bytes, header: bytes) -> bool:
    """Say whether `header` is the signature of this record by this key; compares in constant time."""
    version, _, rest = header.partition(b",")
    named, _, encoded = rest.partition(b",")
    if version != b"v1" or named != key_id.encode():
        return False
    try:
        signature = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(signature, sign(signing_key, app, key, value))
