"""Keys of the installation's own: files beside the store that their owner alone may read, in base64."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path

from sessionwatch.errors import ConfigurationError


def make_key(path: Path, what: str, size: int) -> bytes:
    """Return the key in a file, which is made where there is none.

    Args:
        path: of the file.
        what: the key is, in words such as "drill key".
        size: of the key, bytes.

    Raises:
        ConfigurationError: it cannot be written or read, or others may read it.
    """
    try:
        # Exclusive, so that no link put there beforehand is followed.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_key(path, what, size)
    except OSError as error:
        raise ConfigurationError([f"cannot write the {what} {path}: {(error.strerror or '').lower()}"]) from None
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(base64.b64encode(secrets.token_bytes(size)).decode() + "\n")
    return read_key(path, what, size)


def read_key(path: Path, what: str, size: int) -> bytes:
    """Return the key in a file; arguments as of `make_key`.

    Raises:
        ConfigurationError: there is none, it cannot be read, or others may read it.
    """
    try:
        with path.open("rb") as stream:
            mode, content = os.fstat(stream.fileno()).st_mode, stream.read(1024)
    except FileNotFoundError:
        raise ConfigurationError([f"there is no {what} {path}: the pipeline's first start makes it"]) from None
    except OSError as error:
        raise ConfigurationError([f"cannot read the {what} {path}: {(error.strerror or '').lower()}"]) from None
    if mode & 0o077:
        raise ConfigurationError([f"others may read the {what} {path}: delete it, the next start makes a new one"])
    try:
        key = base64.b64decode(content.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != size:
        raise ConfigurationError([f"{path}: no {what}: delete it, the next start makes a new one"])
    return key
