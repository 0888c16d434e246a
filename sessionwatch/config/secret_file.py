"""Files that hold a secret: a password, a URL, webhook secrets, signing keys."""

from __future__ import annotations

import base64
import binascii
import re
import stat
from pathlib import Path

from sessionwatch.errors import ConfigurationError

LARGEST = 64 * 1024
SIGNING_KEY_BYTES = 32
WEBHOOK_SECRET_BYTES = range(24, 65)
"""Standard Webhooks 1.0: 24 to 64 random bytes."""

_KEY_ID = re.compile(r"[A-Za-z0-9-]{1,32}", re.ASCII)


def check_text_file(path: Path, name: str) -> str:
    """Return what a secret file holds, without the line end.

    Raises:
        ValueError: it cannot be read, is empty, or is no text; `name` says which key names it.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise ValueError(f"{name}: cannot read {path}: {(error.strerror or 'unreadable').lower()}") from None
    if len(content) > LARGEST:
        raise ValueError(f"{name}: {path} is larger than 64 KiB, which is no secret")
    try:
        text = content.decode().strip()
    except UnicodeDecodeError:
        raise ValueError(f"{name}: {path} is no UTF-8 text") from None
    if not text:
        raise ValueError(f"{name}: {path} is empty")
    return text


def read_text_file(path: Path, name: str) -> str:
    """Return what a secret file holds, as `check_text_file` does, once the configuration has been checked.

    Raises:
        ConfigurationError: it has become unreadable since.
    """
    try:
        return check_text_file(path, name)
    except ValueError as error:
        raise ConfigurationError([str(error)]) from None


def parse_signing_keys(text: str, name: str) -> dict[str, bytes]:
    """Return signing keys by key id from lines of ``<key id>:<base64 of 32 bytes>``.

    Raises:
        ValueError: a line is no signing key; the message names the line's number, never its content.
    """
    keys: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        key_id, _, encoded = line.strip().partition(":")
        key = _decode(encoded)
        if not _KEY_ID.fullmatch(key_id) or key is None or len(key) != SIGNING_KEY_BYTES:
            raise ValueError(
                f"{name}: line {number}: expected <key id>:<base64 of 32 bytes>, "
                "as `sessionwatch-emitter keys` prints it"
            )
        if key_id in keys:
            raise ValueError(f"{name}: line {number}: the key id {key_id} stands there twice")
        keys[key_id] = key
    return keys


def parse_webhook_secrets(text: str, name: str) -> tuple[str, ...]:
    """Return the webhook secrets that stand one a line; several while one is being replaced.

    Raises:
        ValueError: a line is no secret; the message names the line's number, never its content.
    """
    secrets = []
    for number, line in enumerate(text.splitlines(), 1):
        secret = line.strip()
        if not secret:
            continue
        raw = _decode(secret.removeprefix("whsec_"))
        if not secret.startswith("whsec_") or raw is None or len(raw) not in WEBHOOK_SECRET_BYTES:
            raise ValueError(f"{name}: line {number}: expected whsec_ and the base64 of 24 to 64 bytes")
        secrets.append(secret)
    return tuple(secrets)


def readable_by_others(path: Path) -> bool:
    """Say whether other users of this machine may read a file."""
    try:
        return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
