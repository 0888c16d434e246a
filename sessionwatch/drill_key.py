"""The key that signs fire drills: a file beside the store that its owner alone may read."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path

from schemas.drill import KEY_BYTES, DrillKey
from sessionwatch.errors import ConfigurationError

DRILL_KEY_NAME = "drill.key"
"""Lies beside the store's file; the pipeline's first start makes it."""


def make_drill_key(store: Path) -> DrillKey:
    """Return the installation's key, which is made where there is none.

    Args:
        store: the store's file.

    Raises:
        ConfigurationError: it cannot be written or read, or others may read it.
    """
    path = store.parent / DRILL_KEY_NAME
    try:
        # Exclusive, so that no link put there beforehand is followed.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_drill_key(store)
    except OSError as error:
        raise ConfigurationError([f"cannot write the drill key {path}: {(error.strerror or '').lower()}"]) from None
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
    return read_drill_key(store)


def read_drill_key(store: Path) -> DrillKey:
    """Return the installation's key.

    Args:
        store: the store's file.

    Raises:
        ConfigurationError: there is none, it cannot be read, or others may read it.
    """
    path = store.parent / DRILL_KEY_NAME
    try:
        with path.open("rb") as stream:
            mode, content = os.fstat(stream.fileno()).st_mode, stream.read(1024)
    except FileNotFoundError:
        raise ConfigurationError([f"there is no drill key {path}: the pipeline's first start makes it"]) from None
    except OSError as error:
        raise ConfigurationError([f"cannot read the drill key {path}: {(error.strerror or '').lower()}"]) from None
    if mode & 0o077:
        raise ConfigurationError([f"others may read the drill key {path}: delete it, the next start makes a new one"])
    try:
        return DrillKey(base64.b64decode(content.strip(), validate=True))
    except (binascii.Error, ValueError):
        raise ConfigurationError([f"{path}: no drill key: delete it, the next start makes a new one"]) from None
