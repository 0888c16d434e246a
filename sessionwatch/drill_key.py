"""The key that signs fire drills: a file beside the store that its owner alone may read."""

from __future__ import annotations

from pathlib import Path

from schemas.drill import KEY_BYTES, DrillKey
from sessionwatch.key_file import make_key, read_key

DRILL_KEY_NAME = "drill.key"
"""Lies beside the store's file; the pipeline's first start makes it."""

_WHAT = "drill key"


def make_drill_key(store: Path) -> DrillKey:
    """Return the installation's key, which is made where there is none.

    Args:
        store: the store's file.

    Raises:
        ConfigurationError: it cannot be written or read, or others may read it.
    """
    return DrillKey(make_key(store.parent / DRILL_KEY_NAME, _WHAT, KEY_BYTES))


def read_drill_key(store: Path) -> DrillKey:
    """Return the installation's key.

    Args:
        store: the store's file.

    Raises:
        ConfigurationError: there is none, it cannot be read, or others may read it.
    """
    return DrillKey(read_key(store.parent / DRILL_KEY_NAME, _WHAT, KEY_BYTES))
