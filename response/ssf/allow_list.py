"""Which URLs that arrived over the wire may be connected to (decision 34)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from response.errors import TargetRefused
from response.http import check_url

_AMBIGUOUS = ("\\", "%2e", "%2f", "%5c", "%00", "/../", "/./", "//")
"""Ways to write a path that one program reads as another path than the next."""


def is_allowed(url: str, allowed: Iterable[str]) -> bool:
    """Return whether a URL begins with one of the allow-list.

    Scheme, host and port must be the same; the path must be that of the entry or lie below it. A URL without TLS
    never is.

    Args:
        url: as it arrived.
        allowed: of the configuration, such as ``https://bank.example.com/events``.
    """
    try:
        check_url(url)
    except TargetRefused:
        return False
    parts = urlsplit(url)
    path = parts.path.lower().removesuffix("/") + "/"
    if parts.scheme != "https" or any(sign in path for sign in _AMBIGUOUS):
        return False
    return any(_below(parts, urlsplit(entry)) for entry in allowed)


def _below(url: SplitResult, entry: SplitResult) -> bool:
    if (url.scheme, url.hostname, url.port or 443) != (entry.scheme, entry.hostname, entry.port or 443):
        return False
    folder = entry.path.rstrip("/")
    return url.path == folder or url.path.startswith(f"{folder}/") or not folder
