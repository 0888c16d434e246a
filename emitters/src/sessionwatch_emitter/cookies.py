"""The session's cookie in a request: read once, and left there in one spelling that every framework reads alike.

Of `a=b session=x`, `session="x"` and `session=x; session=y`, Python's http.cookies, Werkzeug, Django and WebOb each
read something else. Whoever hashes one reading while the app takes another lets a revoked session through.
"""

from __future__ import annotations

import functools
import re

# What every reader takes as a part of an unquoted value: RFC 6265 without the brackets, at which WebOb stops.
_PLAIN = r"A-Za-z0-9!#$%&'()*+\-./:<=>?@^_`{|}~"
_NOT_PLAIN = re.compile(f"[^{_PLAIN}]")
# As http.cookies writes and reads it (RFC 2109).
_QUOTED = re.compile(r'"((?:[^\\"]|\\.)*)"(?:\s|$)', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))", re.DOTALL)


class SessionCookies:
    """What a Cookie header says about one cookie.

    Args:
        header: the Cookie header, bytes as Latin-1 (PEP 3333).
        name: the cookie's name.

    Attributes:
        values: each value that the header gives for it, in order, each once.
    """

    __slots__ = ("_name", "_others", "values")

    def __init__(self, header: str, name: str) -> None:
        self._name = name
        self.values: list[str] = []
        hidden = _hidden(name)
        others = []
        for part in header.split(";"):
            found, _, text = part.partition("=")
            if found.strip() == name:
                value = _read(text.strip())
                if value and value not in self.values:
                    self.values.append(value)
            elif not hidden.search(part):
                others.append(part)
        self._others = ";".join(others).strip()

    def header(self, value: str | None) -> str:
        """Return the header with `value` as the only one of the cookie, or without the cookie.

        It comes first, since http.cookies reads nothing behind a cookie that it does not understand.
        """
        own = [f"{self._name}={_spell(value)}"] if value else []
        return "; ".join([*own, self._others] if self._others else own)


@functools.lru_cache(maxsize=64)
def _hidden(name: str) -> re.Pattern[str]:
    """Return what finds the cookie inside another one.

    http.cookies begins a new cookie at any whitespace; WebOb at whatever an unquoted value cannot hold, and right
    after a date.
    """
    return re.compile(f"(?:(?<![{_PLAIN}])|(?<=GMT)){re.escape(name)}[^{_PLAIN}]*=")


def _read(text: str) -> str:
    quoted = _QUOTED.match(text)
    if quoted is not None:
        return _ESCAPE.sub(_unescape, quoted[1])
    return text.split(maxsplit=1)[0] if text else ""


def _spell(value: str) -> str:
    if _NOT_PLAIN.search(value) is None:
        return value
    return '"' + _NOT_PLAIN.sub(lambda character: f"\\{ord(character[0]):03o}", value) + '"'


def _unescape(match: re.Match[str]) -> str:
    octal, character = match.groups()
    return chr(int(octal, 8)) if octal else character
