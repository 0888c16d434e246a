"""The key of the audit log: a file outside the store that its owner alone may read."""

from __future__ import annotations

from pathlib import Path

from sessionwatch.config.store import StoreSettings
from sessionwatch.key_file import make_key, read_key
from store.audit_key import KEY_BYTES, AuditKey

AUDIT_KEY_NAME = "audit.key"
"""Lies beside the store's file where the configuration names no other place; the first start makes it."""

_WHAT = "audit key"


def make_audit_key(settings: StoreSettings) -> AuditKey:
    """Return the installation's key, which is made where there is none.

    Raises:
        ConfigurationError: it cannot be written or read, or others may read it.
    """
    return AuditKey(make_key(_path(settings), _WHAT, KEY_BYTES))


def read_audit_key(settings: StoreSettings) -> AuditKey:
    """Return the installation's key.

    Raises:
        ConfigurationError: there is none, it cannot be read, or others may read it.
    """
    return AuditKey(read_key(_path(settings), _WHAT, KEY_BYTES))


def _path(settings: StoreSettings) -> Path:
    return settings.audit_key_file or settings.path.parent / AUDIT_KEY_NAME
