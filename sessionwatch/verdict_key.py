"""The key that signs the tokens of users' verdicts: a file beside the store that its owner alone may read."""

from __future__ import annotations

from pathlib import Path

from response.verdicts import KEY_BYTES, VerdictKey
from sessionwatch.key_file import make_key

VERDICT_KEY_NAME = "verdict.key"
"""Lies beside the store's file; the pipeline's first start makes it. Whoever replaces it makes all tokens void."""


def make_verdict_key(store: Path) -> VerdictKey:
    """Return the installation's key, which is made where there is none.

    Args:
        store: the store's file.

    Raises:
        ConfigurationError: it cannot be written or read, or others may read it.
    """
    return VerdictKey(make_key(store.parent / VERDICT_KEY_NAME, "verdict key", KEY_BYTES))
