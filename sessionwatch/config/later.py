"""What later versions will know: refused by name, so that nobody takes a typing error for a feature."""

from __future__ import annotations

from collections.abc import Sequence

NOT_YET = "not in this version"

_KEYS = frozenset({"api.oidc"})


def key_comes_later(location: Sequence[str | int]) -> bool:
    """Say whether a later version knows this key."""
    return _pattern(location) in _KEYS


def _pattern(location: Sequence[str | int]) -> str:
    text = "".join("[]" if isinstance(key, int) else f".{key}" for key in location)
    return text.removeprefix(".")
