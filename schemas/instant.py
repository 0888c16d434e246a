"""Instants: microseconds since the epoch inside, RFC 3339 at the borders."""

from __future__ import annotations

import re
from datetime import UTC, datetime

SECOND = 1_000_000
"""Microseconds in a second, for arithmetic on instants."""
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# RFC 3339 section 5.6. `fromisoformat` alone also takes week dates and times without an offset.
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def parse_rfc3339(text: str) -> int:
    """Return the instant of an RFC 3339 text in microseconds since the epoch.

    Digits beyond microseconds are cut.

    Raises:
        ValueError: the text is no RFC 3339 date-time with an offset.
    """
    if not _RFC3339.fullmatch(text):
        raise ValueError("expected an RFC 3339 date-time with an offset")
    moment = datetime.fromisoformat(text.upper())
    offset = moment.utcoffset()
    if offset is None:  # pragma: no cover - the pattern asks for an offset
        raise ValueError("expected an offset")
    return to_us(moment)


def to_us(moment: datetime) -> int:
    """Return an aware datetime as microseconds since the epoch, exact (no float on the way)."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def to_datetime(instant_us: int) -> datetime:
    """Return an instant as an aware datetime in UTC."""
    seconds, micros = divmod(instant_us, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)


def to_rfc3339(instant_us: int) -> str:
    """Return an instant as RFC 3339 in UTC with microseconds, as in ``2026-11-01T10:00:00.000000Z``."""
    return to_datetime(instant_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
