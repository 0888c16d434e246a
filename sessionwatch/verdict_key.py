"""The key that signs the tokens of users' verdicts: a file beside the store that its owner alone may read."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path

from response.verdicts import KEY_BYTES, VerdictKey
from sessionwatch.errors import ConfigurationError

VERDICT_KEY_NAME = "verdict.key"
"""Lies beside the store's file; the pipeline's first start makes it. Whoever replaces it makes all tokens void."""


def make_verdict_key(store: Path) -> VerdictKey:
    """Return the installation's key, which is made where there is none.

    Args:
        store: the store's file.

    Raises:
        ConfigurationError: it cannot be written or read, or others may read it.
    """
    path = store.parent / VERDICT_KEY_NAME
    try:
        # Exclusive, so that no link put there beforehand is followed.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise ConfigurationError([f"cannot write the verdict key {path}: {(error.strerror or '').lower()}"]) from None
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
    return _read(path)


def _read(path: Path) -> VerdictKey:
    try:
        with path.open("rb") as stream:
            mode, content = os.fstat(stream.fileno()).st_mode, stream.read(1024)
    except OSError as error:
        raise ConfigurationError([f"cannot read the verdict key {path}: {(error.strerror or '').lower()}"]) from None
    if mode & 0o077:
        raise ConfigurationError([f"others may read the verdict key {path}: delete it, the next start makes a new one"])
    try:
        return VerdictKey(base64.b64decode(content.strip(), validate=True))
    except (binascii.Error, ValueError):
        raise ConfigurationError([f"{path}: no verdict key: delete it, the next start makes a new one"]) from None
