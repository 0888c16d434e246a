"""The types of values, each with the words that say what is expected."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError

from detectors.parameters import Duration as AnyDuration
from schemas.event import APP_PATTERN
from schemas.instant import DAY

SECRET_IN_FILE = "secret_in_file"  # noqa: S105 - no secret
"""The error type of a secret that stands in the file itself."""

LONGEST_DURATION = 36_500 * DAY
"""A hundred years: beyond, arithmetic on instants would leave 64 bits."""

_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_])?", re.ASCII)
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}", re.ASCII)
# A webhook secret, an API token, a signing key, and any address: where a path belongs, none of them may be shown.
_SECRET = re.compile(
    r"whsec_|sw_[\w-]{43}$|[A-Za-z0-9-]{1,32}:[A-Za-z0-9+/]{40,44}={0,2}$|.*://|-----BEGIN ", re.DOTALL
)
_APP = re.compile(APP_PATTERN.removeprefix("^").removesuffix("$"), re.ASCII)


@dataclass(frozen=True, slots=True)
class Described:
    """What a value of a type looks like, in words, for messages and for the documentation."""

    text: str


class EnvironmentOnly:
    """Marks a secret: it may stand in the environment or in a file of its own, not in the configuration."""


def split_address(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port``, ``[::1]:port`` included.

    Raises:
        ValueError: it is no such address.
    """
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    if not colon or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise ValueError(f'expected host:port such as "127.0.0.1:9092", got "{text[:80]}"')
    if not (_is_ipv6(host) if bracketed else _HOST_NAME.fullmatch(host)):
        raise ValueError(f'expected host:port such as "127.0.0.1:9092", got "{text[:80]}"')
    return host, int(port)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _check_address(text: str) -> str:
    split_address(text)
    return text


def _check_broker(text: str) -> str:
    if split_address(text)[1] == 0:
        raise ValueError(f'expected host:port such as "127.0.0.1:9092", got "{text[:80]}"')
    return text


def _check_topic(text: str) -> str:
    if not _TOPIC.fullmatch(text):
        raise ValueError(f"expected 1 to 249 letters, digits, dots, hyphens and underscores, got {text[:80]!r}")
    return text


def _check_app(text: str) -> str:
    if not _APP.fullmatch(text):
        raise ValueError(
            f"expected 1 to 64 lower-case letters, digits, dots, hyphens and underscores, got {text[:80]!r}"
        )
    return text


def _check_duration(microseconds: int) -> int:
    if microseconds > LONGEST_DURATION:
        raise ValueError('expected a duration of at most "36500d"')
    return microseconds


def _check_positive(microseconds: int) -> int:
    if microseconds == 0:
        raise ValueError("expected a duration above zero")
    return microseconds


def _resolve(value: object, info: ValidationInfo) -> object:
    """Take a path as relative to the folder of the configuration file, as Prometheus does."""
    if isinstance(value, str):
        if _SECRET.match(value.strip()):
            raise ValueError("expected a path, and this looks like the secret itself: write it into a file")
        if not value or not value.isprintable():
            raise ValueError("expected a path")
        value = Path(value)
    if not isinstance(value, Path):
        return value
    folder = (info.context or {}).get("folder", Path())
    try:
        return folder / value.expanduser()
    except RuntimeError:
        raise ValueError("expected a path: nobody's home is there") from None


def _refuse_plain(value: object) -> object:
    if not isinstance(value, SecretStr):
        raise PydanticCustomError(SECRET_IN_FILE, "a secret does not belong into the configuration file")
    return value


def _check_cidr(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f'expected a network such as "198.51.100.0/24", got {text[:80]!r}') from None
    raise ValueError(f'"{text[:80]}" has bits set beyond its prefix: did you mean "{meant}"?')


Duration = Annotated[AnyDuration, AfterValidator(_check_duration), Described('duration such as "15m"')]
"""Microseconds inside."""
PositiveDuration = Annotated[Duration, AfterValidator(_check_positive)]
ResolvedPath = Annotated[Path, BeforeValidator(_resolve), Described("path")]
Listen = Annotated[str, AfterValidator(_check_address), Described("host:port")]
Broker = Annotated[str, AfterValidator(_check_broker), Described("host:port")]
Topic = Annotated[str, AfterValidator(_check_topic), Described("topic name")]
AppName = Annotated[str, AfterValidator(_check_app), Described("app name")]
Cidr = Annotated[str, AfterValidator(_check_cidr), Described("network such as 198.51.100.0/24")]
Secret = Annotated[SecretStr, BeforeValidator(_refuse_plain), EnvironmentOnly(), Described("secret")]
Url = Annotated[SecretStr, Field(strict=False), Described("URL")]
"""May hold a token, so it is masked wherever it is shown."""
