"""The values of one cookie, in every reading that an app's framework may have of it."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))")


def cookie_values(header: str, name: str) -> list[str]:
    """Return every value that the Cookie header gives for `name`, in order, each once.

    A client may send the cookie twice, or quote and escape it (RFC 2109), and frameworks differ in which of
    these they take. Who looks for revoked sessions has to look at all of them.
    """
    values: list[str] = []
    for part in header.split(";"):
        found, equals, value = part.strip().partition("=")
        if not equals or found.strip() != name:
            continue
        value = value.strip()
        readings = [value]
        if len(value) >= 2 and value[0] == value[-1] == '"':
            readings = [_ESCAPE.sub(_unescape, value[1:-1]), value[1:-1], value]
        values.extend(reading for reading in readings if reading and reading not in values)
    return values


def _unescape(match: re.Match[str]) -> str:
    octal, character = match.groups()
    return chr(int(octal, 8)) if octal else character
