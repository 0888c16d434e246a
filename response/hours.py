"""Hours of the week in a time zone, such as ``Mon-Fri 09:00-17:30 Europe/Berlin``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from schemas.instant import to_datetime, to_us

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EXPECTED = 'expected hours such as "Mon-Fri 09:00-17:30 Europe/Berlin" (days and zone may be left out: every day, UTC)'

_FORM = re.compile(
    r"(?:(?P<days>[A-Za-z]{3}(?:[-,][A-Za-z]{3})*) )?(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)(?: (?P<zone>[\w+/-]+))?",
    re.ASCII,
)
_DAY_MINUTES = 24 * 60


class HoursRefused(ValueError):
    """A text names no hours."""


class Hours(msgspec.Struct, frozen=True):
    """A span of the day on some days of the week.

    Attributes:
        text: as it was written.
        days: 0 = Monday. A span over midnight belongs to the day on which it begins.
        start, end: minutes of the day; an end not after the start is on the next day.
        zone: whose clock is meant; summer time is its own.
    """

    text: str
    days: frozenset[int]
    start: int
    end: int
    zone: tzinfo

    def contains(self, instant_us: int) -> bool:
        """Return whether an instant lies within.

        Args:
            instant_us: microseconds since the epoch.
        """
        local = to_datetime(instant_us).astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        if self.start < self.end:
            return local.weekday() in self.days and self.start <= minute < self.end
        if minute >= self.start:
            return local.weekday() in self.days
        return minute < self.end and _day_before(local) in self.days

    def until(self, instant_us: int) -> int | None:
        """Return when the span that holds an instant is over; None = it never ends.

        Args:
            instant_us: within it, microseconds since the epoch.
        """
        midnight = to_datetime(instant_us).astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        for days in range(9):
            # By the wall clock: a night in which summer time begins is shorter.
            end_us = to_us(midnight + timedelta(days=days, minutes=self.end))
            if end_us > instant_us and not self.contains(end_us):
                return end_us
        return None


def parse_hours(text: str) -> Hours:
    """Return the hours that a text names.

    Raises:
        HoursRefused: it names none, or no known time zone.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise HoursRefused(f"{EXPECTED}, got {text[:80]!r}")
    name = form["zone"]
    return Hours(text, _days(form["days"]), _minute(form["start"]), _minute(form["end"]), _zone(name) if name else UTC)


def _days(text: str | None) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        ends = [_day(name) for name in part.split("-")]
        if len(ends) > 2:
            raise HoursRefused(f"{EXPECTED}, got the days {text[:80]!r}")
        # Over the end of the week too: Sat-Mon are three days.
        days.update((ends[0] + step) % 7 for step in range((ends[-1] - ends[0]) % 7 + 1))
    return frozenset(days)


def _day(name: str) -> int:
    try:
        return DAYS.index(name.capitalize())
    except ValueError:
        raise HoursRefused(f"no day is named {name!r}: expected one of {', '.join(DAYS)}") from None


def _minute(text: str) -> int:
    hour, minute = int(text[:2]), int(text[3:])
    if minute > 59 or hour * 60 + minute > _DAY_MINUTES:
        raise HoursRefused(f"{text} is no time of a day")
    return hour * 60 + minute


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise HoursRefused(f"no time zone is named {name[:64]!r}: expected one such as Europe/Berlin") from None


def _day_before(local: datetime) -> int:
    return (local - timedelta(days=1)).weekday()
